#include "src/api/api_keys.h"

#include <sodium.h>

#include <algorithm>

#include "src/base/bytes.h"

namespace credence::api {

namespace {

constexpr std::string_view kHeader = "credence-api-keys 1";
constexpr std::string_view kPrefix = "ck_";
constexpr size_t kIdBytes = 6;
constexpr size_t kSecretBytes = 32;
constexpr size_t kNameBytesMax = 64;
constexpr size_t kTextBytes = kPrefix.size() + 2 * kIdBytes + 1 + 2 * kSecretBytes;

struct NamedRole {
  Role role;
  std::string_view name;
};
constexpr NamedRole kRoles[] = {{Role::kIngest, "ingest"},
                                {Role::kDecide, "decide"},
                                {Role::kRead, "read"},
                                {Role::kPolicy, "policy"},
                                {Role::kAdmin, "admin"}};

bool GoodName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  });
}

bool LowerHex(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The part before the next space, which is taken away with it.
std::string_view NextWord(std::string_view* line) {
  const size_t end = std::min(line->find(' '), line->size());
  const std::string_view word = line->substr(0, end);
  line->remove_prefix(std::min(end + 1, line->size()));
  return word;
}

Result<ApiKey> ParseLine(std::string_view line) {
  ApiKey key;
  key.id = NextWord(&line);
  if (!LowerHex(key.id, 2 * kIdBytes)) return DataLoss("expected an id of 12 hexadecimal digits");
  const std::string_view hex = NextWord(&line);
  std::string raw;
  if (!LowerHex(hex, 2 * Digest::kBytes) || !FromHex(hex, &raw) ||
      !Digest::FromRaw(raw, &key.digest)) {
    return DataLoss("expected a SHA-256 of 64 hexadecimal digits");
  }
  const auto roles = ParseRoles(NextWord(&line));
  if (!roles.ok()) return DataLoss(roles.status().message());
  key.roles = *roles;
  const auto made = Timestamp::Parse(NextWord(&line));
  if (!made.ok()) return DataLoss(made.status().message());
  key.made = *made;
  if (!GoodName(line)) return DataLoss("expected a name");
  key.name = line;
  return key;
}

}  // namespace

Result<Roles> ParseRoles(std::string_view text) {
  Roles roles = kNoRole;
  while (true) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, end);
    const auto* const known = std::find_if(std::begin(kRoles), std::end(kRoles),
                                           [&](const auto& role) { return role.name == name; });
    if (known == std::end(kRoles) || (roles & static_cast<Roles>(known->role)) != 0) {
      return InvalidArgument(
          "expected roles among ingest, decide, read, policy, admin, each once, with commas");
    }
    roles = static_cast<Roles>(roles | static_cast<Roles>(known->role));
    if (end == text.size()) return roles;
    text.remove_prefix(end + 1);
  }
}

std::string RolesText(Roles roles) {
  std::string text;
  for (const NamedRole& role : kRoles) {
    if ((roles & static_cast<Roles>(role.role)) == 0) continue;
    if (!text.empty()) text += ',';
    text += role.name;
  }
  return text;
}

Result<ApiKeys> ApiKeys::Read(FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return ApiKeys();
  CREDENCE_ASSIGN(const std::string text, ReadWholeFile(files, path, kApiKeyFileBytesMax));
  auto keys = Parse(text);
  if (!keys.ok()) return keys.status().WithContext(path);
  return keys;
}

Result<ApiKeys> ApiKeys::Parse(std::string_view text) {
  ApiKeys keys;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    ++number;
    const std::string where = "line " + std::to_string(number);
    if (end == std::string_view::npos) return DataLoss(where + ": expected a line end");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (number == 1) {
      if (line != kHeader) return DataLoss(where + ": expected '" + std::string(kHeader) + "'");
      continue;
    }
    auto key = ParseLine(line);
    if (!key.ok()) return key.status().WithContext(where);
    if (keys.keys_.size() == kApiKeysMax) return DataLoss(where + ": expected at most 10000 keys");
    keys.keys_.push_back(std::move(*key));
  }
  if (number == 0) return DataLoss("expected '" + std::string(kHeader) + "'");
  return keys;
}

std::string ApiKeys::ToText() const {
  std::string text = std::string(kHeader) + "\n";
  for (const ApiKey& key : keys_) {
    text += key.id + " " + key.digest.ToHex() + " " + RolesText(key.roles) + " " +
            key.made.ToString() + " " + key.name + "\n";
  }
  return text;
}

Status ApiKeys::Write(FileSystem& files, const std::string& path) const {
  return ReplaceFile(files, path, ToText());
}

Result<std::string> ApiKeys::Make(std::string_view name, Roles roles, Timestamp now) {
  if (!GoodName(name)) {
    return InvalidArgument("expected a name of 1 to 64 letters, digits, '.', '_', '-' and '@'");
  }
  if (roles == kNoRole) return InvalidArgument("expected at least one role");
  if (keys_.size() >= kApiKeysMax) return ResourceExhausted("there are 10000 keys: revoke some");
  if (sodium_init() < 0) return Internal("libsodium could not be started");
  std::string id(kIdBytes, '\0');
  std::string secret(kSecretBytes, '\0');
  randombytes_buf(id.data(), id.size());
  randombytes_buf(secret.data(), secret.size());
  std::string text = std::string(kPrefix) + ToHex(id) + "_" + ToHex(secret);
  keys_.push_back({ToHex(id), Sha256(text), roles, now, std::string(name)});
  return text;
}

Status ApiKeys::Revoke(std::string_view id) {
  const auto gone =
      std::remove_if(keys_.begin(), keys_.end(), [&](const ApiKey& key) { return key.id == id; });
  if (gone == keys_.end()) return NotFound("there is no API key with this id");
  keys_.erase(gone, keys_.end());
  return {};
}

const ApiKey* ApiKeys::Find(std::string_view text) const {
  if (text.size() != kTextBytes || text.substr(0, kPrefix.size()) != kPrefix) return nullptr;
  const std::string_view id = text.substr(kPrefix.size(), 2 * kIdBytes);
  const Digest digest = Sha256(text);
  const ApiKey* found = nullptr;
  for (const ApiKey& key : keys_) {
    if (key.id == id &&
        sodium_memcmp(key.digest.bytes.data(), digest.bytes.data(), Digest::kBytes) == 0) {
      found = &key;
    }
  }
  return found;
}

}  // namespace credence::api
