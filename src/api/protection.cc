#include "src/api/protection.h"

#include <sodium.h>

#include <array>
#include <charconv>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/digest.h"

namespace credence::api {

namespace {

using Key = std::array<uint8_t, crypto_aead_xchacha20poly1305_ietf_KEYBYTES>;
using SubjectToken = std::array<char, Protection::kTokenBytes>;

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(sizeof(Key) == Digest::kBytes);

// What a token is of. Part of every token: do not change.
enum class Domain : uint8_t { kField = 1, kSubject = 2 };

constexpr std::string_view kSiteHeader = "credence-site 1 hmac-sha256 ";
constexpr std::string_view kSubjectsHeader = "credence-subjects 1 xchacha20-poly1305 ";
constexpr size_t kCountDigits = 10;
constexpr size_t kHeaderBytes = kSubjectsHeader.size() + kCountDigits + 1;
constexpr size_t kTokenDigits = 2 * Protection::kTokenBytes;
constexpr size_t kKeyDigits = 2 * sizeof(Key);
constexpr size_t kLineBytes = kTokenDigits + 1 + kKeyDigits + 1;
constexpr uint64_t kSiteBytesMax = 256;
constexpr uint64_t kSubjectsBytesMax = kHeaderBytes + (kSubjectsMax + 4096) * kLineBytes;

struct TokenHash {
  size_t operator()(const SubjectToken& token) const {
    size_t word = 0;
    std::memcpy(&word, token.data(), sizeof(word));  // a token is as random as a hash
    return word;
  }
};

// Lower-case digits only, so that one key has one form.
bool ReadHex(std::string_view digits, size_t bytes, void* out) {
  if (digits.size() != 2 * bytes) return false;
  for (const char c : digits) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  std::string raw;
  if (!FromHex(digits, &raw)) return false;
  std::memcpy(out, raw.data(), bytes);
  sodium_memzero(raw.data(), raw.size());
  return true;
}

template <class Number>
bool ReadNumber(std::string_view digits, Number* out) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *out);
  return !digits.empty() && error == std::errc() && end == digits.data() + digits.size();
}

std::string CountText(uint64_t count) {
  std::string digits = std::to_string(count);
  return std::string(kCountDigits - digits.size(), '0') + digits;
}

std::string Header(uint64_t count) {
  return std::string(kSubjectsHeader) + CountText(count) + "\n";
}

void AppendLine(const SubjectToken& token, const Key& key, std::string* out) {
  *out += ToHex({token.data(), token.size()});
  out->push_back(' ');
  std::string digits = ToHex({reinterpret_cast<const char*>(key.data()), key.size()});
  *out += digits;
  sodium_memzero(digits.data(), digits.size());
  out->push_back('\n');
}

// Text that held keys leaves no copy in freed memory.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { sodium_memzero(text_.data(), text_.size()); }
  std::string& operator*() { return text_; }

 private:
  std::string text_;
};

}  // namespace

struct Protection::State {
  State(FileSystem& file_system, const std::string& in)
      : files(file_system),
        folder(in),
        site_path(in + "/site.key"),
        subjects_path(in + "/subjects.keys") {}
  ~State() {
    sodium_memzero(site_key.data(), site_key.size());
    for (auto& [token, key] : subjects) sodium_memzero(key.data(), key.size());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Status OpenSite();
  Status MakeSite();
  Status OpenSubjects();
  [[nodiscard]] Status CheckUnchanged(File* file) const;
  void TokenOf(Domain domain, std::string_view field, std::string_view value, char* out) const;
  [[nodiscard]] SubjectToken SubjectOf(std::string_view subject) const;

  FileSystem& files;
  // The key of a subject, made if there is none; null if there are too many. It stays where it is
  // until it is erased.
  const Key* KeyOf(const SubjectToken& token);
  // Writes lines of `count` subjects behind those in the file, and syncs.
  Status Append(std::string_view lines, uint64_t count);

  const std::string folder;
  const std::string site_path;
  const std::string subjects_path;
  uint32_t epoch = 1;
  Key site_key{};
  mutable std::string scratch;  // of TokenOf
  std::mutex file_mutex;        // of whoever writes the file; taken before `mutex`
  uint64_t durable = 0;         // subjects in the file; guarded by file_mutex
  mutable std::mutex mutex;     // Flush and Seal hold it for moments, and never at the disk
  std::unordered_map<SubjectToken, Key, TokenHash> subjects;  // guarded by mutex
  std::vector<SubjectToken> fresh;                            // not durable yet; guarded by mutex
};

Status Protection::State::OpenSite() {
  if (!files.Exists(site_path)) return MakeSite();
  CREDENCE_ASSIGN(std::string read, ReadWholeFile(files, site_path, kSiteBytesMax));
  SecretText content(std::move(read));
  std::string_view text = *content;
  const auto bad = [&] {
    return DataLoss(site_path + ": expected one line '" + std::string(kSiteHeader) +
                    "<epoch> <64 hexadecimal digits>'; restore the file from its backup");
  };
  if (!text.starts_with(kSiteHeader) || !text.ends_with('\n')) return bad();
  text.remove_prefix(kSiteHeader.size());
  text.remove_suffix(1);
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.front() == '0' ||
      !ReadNumber(text.substr(0, space), &epoch) || epoch > kEpochMax ||
      !ReadHex(text.substr(space + 1), site_key.size(), site_key.data())) {
    return bad();
  }
  return OkStatus();
}

Status Protection::State::MakeSite() {
  // A new site key would leave every subject key without its owner.
  if (files.Exists(subjects_path)) {
    return DataLoss(folder +
                    ": there is subjects.keys, but no site.key; restore it from its backup");
  }
  randombytes_buf(site_key.data(), site_key.size());
  SecretText text(std::string(kSiteHeader) + std::to_string(epoch) + " " +
                  ToHex({reinterpret_cast<const char*>(site_key.data()), site_key.size()}) + "\n");
  return ReplaceFile(files, site_path, *text);
}

Status Protection::State::OpenSubjects() {
  if (!files.Exists(subjects_path)) return ReplaceFile(files, subjects_path, Header(0));
  CREDENCE_ASSIGN(std::string read, ReadWholeFile(files, subjects_path, kSubjectsBytesMax));
  SecretText content(std::move(read));
  const std::string_view text = *content;
  if (text.size() < kHeaderBytes || !text.starts_with(kSubjectsHeader) ||
      text[kHeaderBytes - 1] != '\n' ||
      !ReadNumber(text.substr(kSubjectsHeader.size(), kCountDigits), &durable) ||
      durable > kSubjectsMax) {
    return DataLoss(subjects_path + ", line 1: expected '" + std::string(kSubjectsHeader) +
                    "<count of ten digits>'; restore the file from its backup");
  }
  if ((text.size() - kHeaderBytes) / kLineBytes < durable) {
    return DataLoss(subjects_path + " was cut off: expected " + std::to_string(durable) +
                    " subjects, found " +
                    std::to_string((text.size() - kHeaderBytes) / kLineBytes) +
                    "; restore the file from its backup");
  }
  subjects.reserve(durable);
  for (uint64_t i = 0; i < durable; ++i) {
    const std::string_view line = text.substr(kHeaderBytes + i * kLineBytes, kLineBytes);
    const auto bad = [&](std::string_view what) {
      return DataLoss(subjects_path + ", line " + std::to_string(i + 2) + ": " + std::string(what) +
                      "; restore the file from its backup");
    };
    SubjectToken token;
    Key key;
    if (line[kTokenDigits] != ' ' || line.back() != '\n' ||
        !ReadHex(line.substr(0, kTokenDigits), token.size(), token.data()) ||
        !ReadHex(line.substr(kTokenDigits + 1, kKeyDigits), key.size(), key.data())) {
      return bad("expected a token of 32 and a key of 64 lower-case hexadecimal digits");
    }
    const bool added = subjects.emplace(token, key).second;
    sodium_memzero(key.data(), key.size());
    if (!added) return bad("the subject stands here twice");
  }
  return OkStatus();
}

// Another process that added or erased subjects would be written over.
Status Protection::State::CheckUnchanged(File* file) const {
  std::string header;
  CREDENCE_TRY(file->ReadAt(0, kHeaderBytes, &header));
  if (header == Header(durable)) return OkStatus();
  return Unavailable(subjects_path +
                     " was changed by another process; only one may write a key folder");
}

void Protection::State::TokenOf(Domain domain, std::string_view field, std::string_view value,
                                char* out) const {
  scratch.clear();
  ByteWriter writer(&scratch);
  writer.PutU8(static_cast<uint8_t>(domain));
  writer.PutFixed32(epoch);
  writer.PutBytes(field);
  writer.PutRaw(value);
  const Digest digest =
      HmacSha256({reinterpret_cast<const char*>(site_key.data()), site_key.size()}, scratch);
  sodium_memzero(scratch.data(), scratch.size());
  std::memcpy(out, digest.bytes.data(), kTokenBytes);
}

SubjectToken Protection::State::SubjectOf(std::string_view subject) const {
  SubjectToken token;
  TokenOf(Domain::kSubject, "", subject, token.data());
  return token;
}

const Key* Protection::State::KeyOf(const SubjectToken& token) {
  const std::lock_guard lock(mutex);
  auto found = subjects.find(token);
  if (found == subjects.end()) {
    if (subjects.size() >= kSubjectsMax) return nullptr;
    found = subjects.emplace(token, Key()).first;
    randombytes_buf(found->second.data(), found->second.size());
    fresh.push_back(token);
  }
  return &found->second;
}

Status Protection::State::Append(std::string_view lines, uint64_t count) {
  CREDENCE_ASSIGN(const auto file, files.Open(subjects_path, OpenMode::kReadWrite));
  CREDENCE_TRY(CheckUnchanged(file.get()));
  // The lines first, then the count that makes them valid.
  CREDENCE_TRY(file->WriteAt(kHeaderBytes + durable * kLineBytes, lines));
  CREDENCE_TRY(file->Sync());
  CREDENCE_TRY(file->WriteAt(kSubjectsHeader.size(), CountText(durable + count)));
  CREDENCE_TRY(file->Sync());
  durable += count;
  return OkStatus();
}

Protection::Protection(std::unique_ptr<State> state) : state_(std::move(state)) {}

Protection::~Protection() = default;

Result<std::unique_ptr<Protection>> Protection::Open(FileSystem& files, const std::string& folder) {
  if (sodium_init() < 0) return Internal("libsodium could not be set up");
  CREDENCE_TRY(files.MakeFolders(folder));
  auto state = std::make_unique<State>(files, folder);
  CREDENCE_TRY(state->OpenSite());
  CREDENCE_TRY(state->OpenSubjects());
  return std::unique_ptr<Protection>(new Protection(std::move(state)));
}

std::string Protection::Token(std::string_view field, std::string_view value) const {
  std::string token(kTokenBytes, '\0');
  TokenTo(field, value, token.data());
  return token;
}

void Protection::TokenTo(std::string_view field, std::string_view value, char* out) const {
  state_->TokenOf(Domain::kField, field, value, out);
}

Result<std::string> Protection::Seal(std::string_view subject, std::string_view field,
                                     std::string_view value) {
  if (subject.empty() || subject.size() > kSubjectBytesMax) {
    return InvalidArgument("expected 1 to " + std::to_string(kSubjectBytesMax) +
                           " bytes that name the person who seals");
  }
  const Key* const key = state_->KeyOf(state_->SubjectOf(subject));
  if (key == nullptr) {
    return ResourceExhausted("the key folder holds " + std::to_string(kSubjectsMax) +
                             " subjects, its most");
  }
  std::string sealed(kNonceBytes + value.size() + kTagBytes, '\0');
  auto* nonce = reinterpret_cast<uint8_t*>(sealed.data());
  randombytes_buf(nonce, kNonceBytes);
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      nonce + kNonceBytes, &size, reinterpret_cast<const uint8_t*>(value.data()), value.size(),
      reinterpret_cast<const uint8_t*>(field.data()), field.size(), nullptr, nonce, key->data());
  CREDENCE_ASSERT(size == value.size() + kTagBytes);
  return sealed;
}

Result<std::string> Protection::Open(std::string_view subject, std::string_view field,
                                     std::string_view sealed) const {
  const SubjectToken token = state_->SubjectOf(subject);
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->subjects.find(token);
  if (found == state_->subjects.end()) {
    return NotFound(
        "there is no key for this subject: it was erased, or nothing was sealed for it");
  }
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return DataLoss("a sealed value of the field '" + std::string(field) + "' is too short");
  }
  std::string value(sealed.size() - kNonceBytes - kTagBytes, '\0');
  const auto* nonce = reinterpret_cast<const uint8_t*>(sealed.data());
  unsigned long long size = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          reinterpret_cast<uint8_t*>(value.data()), &size, nullptr, nonce + kNonceBytes,
          sealed.size() - kNonceBytes, reinterpret_cast<const uint8_t*>(field.data()), field.size(),
          nonce, found->second.data()) != 0) {
    return DataLoss("a sealed value of the field '" + std::string(field) +
                    "' was changed, or was sealed for another subject or field");
  }
  CREDENCE_ASSERT(size == value.size());
  return value;
}

Status Protection::Flush() {
  State& state = *state_;
  const std::lock_guard writing(state.file_mutex);
  SecretText lines;
  size_t taken = 0;
  {
    const std::lock_guard lock(state.mutex);
    taken = state.fresh.size();
    (*lines).reserve(taken * kLineBytes);
    for (const SubjectToken& token : state.fresh) {
      AppendLine(token, state.subjects.at(token), &*lines);
    }
  }
  if (taken == 0) return OkStatus();
  CREDENCE_TRY(state.Append(*lines, taken));
  const std::lock_guard lock(state.mutex);
  // What was sealed meanwhile stands behind them.
  state.fresh.erase(state.fresh.begin(), state.fresh.begin() + static_cast<ptrdiff_t>(taken));
  return OkStatus();
}

Status Protection::Erase(std::string_view subject) {
  State& state = *state_;
  const SubjectToken erased = state.SubjectOf(subject);
  const std::lock_guard writing(state.file_mutex);
  const std::lock_guard lock(state.mutex);
  const auto found = state.subjects.find(erased);
  if (found == state.subjects.end()) return OkStatus();
  // The old file stays open while it is replaced, so that its bytes can be written over.
  CREDENCE_ASSIGN(const auto old, state.files.Open(state.subjects_path, OpenMode::kReadWrite));
  CREDENCE_TRY(state.CheckUnchanged(old.get()));
  CREDENCE_ASSIGN(const uint64_t old_bytes, old->Size());
  SecretText content(Header(state.subjects.size() - 1));
  (*content).reserve(kHeaderBytes + state.subjects.size() * kLineBytes);
  for (const auto& [token, key] : state.subjects) {
    if (token != erased) AppendLine(token, key, &*content);
  }
  CREDENCE_TRY(ReplaceFile(state.files, state.subjects_path, *content));
  sodium_memzero(found->second.data(), found->second.size());
  state.subjects.erase(found);
  state.fresh.clear();
  state.durable = state.subjects.size();
  const std::string zeros(size_t{1} << 20, '\0');
  for (uint64_t at = 0; at < old_bytes; at += zeros.size()) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(zeros.size(), old_bytes - at));
    CREDENCE_TRY(old->WriteAt(at, std::string_view(zeros).substr(0, size)));
  }
  return old->Sync();
}

uint64_t Protection::subject_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->subjects.size();
}

}  // namespace credence::api
