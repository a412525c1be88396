#pragma once
// Protection of personal fields: tokens and sealed values, with keys that live in local files
// beside (never in) the journal.
//
//   token  = the first 16 bytes of HMAC-SHA-256(site key, domain || epoch || field || value):
//   serves
//            keys, links, lists, distinct counts and whole-value search. Equal values of one field
//            have equal tokens within one epoch, and nobody without the site key can make them.
//   sealed = nonce (24 random bytes), ciphertext, tag (16) of XChaCha20-Poly1305 under the
//   subject's
//            own random key, with the field's name as associated data. Dropping the subject's key
//            erases the person.
//
// Two text files in the key folder, read strictly (docs/PRIVACY.md):
//   site.key        credence-site 1 hmac-sha256 <epoch> <key: 64 hexadecimal digits>
//   subjects.keys   credence-subjects 1 xchacha20-poly1305 <count: 10 digits>
//                   <token of the subject: 32> <key: 64>         one line a subject
// Both are as private as the FileSystem makes its files; the real one gives them mode 0600 and the
// folder 0700. The count is written after the lines were synced, so lines beyond it are those of a
// Flush that never returned: they are ignored and written over. Everything else that does not fit
// (fewer lines than the count, a subject twice, any other text) is kDataLoss.
//
// One process writes a key folder at a time: a change by another is noticed, and refused with
// kUnavailable. No message holds a key, a token or a value.
//
// One thread at a time, but for Flush: another thread may call it beside everything else, and
// nobody waits for the disk with it.

#include <memory>
#include <string>
#include <string_view>

#include "src/base/file.h"
#include "src/base/status.h"

namespace credence::api {

inline constexpr uint64_t kSubjectsMax = 20'000'000;  // keys of one folder; beyond it Seal refuses
inline constexpr size_t kSubjectBytesMax = 65'536;    // of the text that names a person
inline constexpr uint32_t kEpochMax = 1'000'000;

class Protection {
 public:
  static constexpr size_t kTokenBytes = 16;

  // Opens the key folder; makes it, and a random site key, if there is none. kDataLoss if a file is
  // damaged, or if subject keys lie there without the site key that names their owners.
  static Result<std::unique_ptr<Protection>> Open(FileSystem& files, const std::string& folder);
  ~Protection();

  // 16 raw bytes.
  [[nodiscard]] std::string Token(std::string_view field, std::string_view value) const;
  // The same, to `out` of kTokenBytes.
  void TokenTo(std::string_view field, std::string_view value, char* out) const;
  // Seals under the key of `subject` (the plain text of the field that names the person), which is
  // made if there is none. Not durable before Flush. kInvalidArgument if `subject` is empty or too
  // long.
  Result<std::string> Seal(std::string_view subject, std::string_view field,
                           std::string_view value);
  // kNotFound if the subject has no key: it was erased, or never sealed. kDataLoss if the bytes
  // were changed.
  Result<std::string> Open(std::string_view subject, std::string_view field,
                           std::string_view sealed) const;
  // Makes durable the subject keys that were made before the call. Must return ok before an event
  // that they seal is handed to the engine. After a failure nothing is lost: call it again.
  Status Flush();
  // Drops the subject's key for good: what is sealed under it can never be opened again. The file
  // is written anew without it, and the old file's bytes are written over before they are let go. A
  // subject without a key is no error. After a failure call it again: the key may still be there.
  Status Erase(std::string_view subject);

  [[nodiscard]] uint64_t subject_count() const;

 private:
  struct State;
  explicit Protection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace credence::api
