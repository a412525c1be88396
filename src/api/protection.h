#pragma once
// Protection of personal fields: tokens and sealed values, with keys that live in local files
// beside (never in) the journal.
//
//   token  = first 16 bytes of HMAC-SHA-256(site key, epoch || field || value): serves keys, links,
//   lists, distinct
//            counts and whole-value search. Equal values of one field have equal tokens within one
//            epoch.
//   sealed = XChaCha20-Poly1305 under the subject's own random key, with the field's name as
//   associated data:
//            nonce (24 bytes), ciphertext, tag. Dropping the subject's key erases the person.
//
// Files in the key folder (mode 0600): site.key (epoch and 32 bytes in hexadecimal), subjects.keys
// (one line a subject: token of the subject in hexadecimal, key in hexadecimal).

#include <memory>
#include <string>
#include <string_view>

#include "src/base/file.h"
#include "src/base/status.h"

namespace credence::api {

class Protection {
 public:
  // Opens the key folder; makes it, and a random site key, if there is none.
  static Result<std::unique_ptr<Protection>> Open(FileSystem& files, const std::string& folder);
  ~Protection();

  // 16 raw bytes.
  [[nodiscard]] std::string Token(std::string_view field, std::string_view value) const;
  // Seals under the key of `subject` (the plain text of the field that names the person), which is
  // made if there is none. Not durable before Flush.
  Result<std::string> Seal(std::string_view subject, std::string_view field,
                           std::string_view value);
  // kNotFound once the subject was erased; kDataLoss if the bytes were changed.
  Result<std::string> Open(std::string_view subject, std::string_view field,
                           std::string_view sealed) const;
  // Makes new subject keys durable. Must return ok before an event that they seal is handed to the
  // engine.
  Status Flush();
  // Drops the subject's key for good: what is sealed under it can never be opened again.
  Status Erase(std::string_view subject);

 private:
  Protection(FileSystem& files, std::string folder);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace credence::api
