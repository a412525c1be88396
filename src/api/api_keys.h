#pragma once
// API keys: who may call what. A key is "ck_<id: 12 hexadecimal digits>_<secret: 64>"; of the
// secret, 256 random bits, only its SHA-256 is kept (nothing slower is needed for what cannot be
// guessed), and it is compared in constant time.
//
// One text file, read strictly:
//   credence-api-keys 1
//   <id: 12> <sha-256 of the key's whole text: 64> <roles: ingest,decide,…> <made: RFC 3339> <name>
// The name is 1 to 64 letters, digits, '.', '_', '-', '@': it is journalled with what the key's
// owner does, and two keys may share one (a person's old and new key).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/calendar/date.h"

namespace credence::api {

inline constexpr size_t kApiKeysMax = 10'000;
inline constexpr uint64_t kApiKeyFileBytesMax = uint64_t{4} << 20;

// What a key may be used for; a set of them is their sum.
enum class Role : uint8_t {
  kIngest = 1,  // send events
  kDecide = 2,  // ask for decisions
  kRead = 4,    // see decisions, entities, packs, metrics
  kPolicy = 8,  // upload, check, ask for and approve packs
  kAdmin = 16,  // kill switch, exchange rates, state hash
};
using Roles = uint8_t;
inline constexpr Roles kNoRole = 0;
inline constexpr Roles kAllRoles = 31;
inline constexpr Roles operator|(Role a, Role b) {
  return static_cast<Roles>(static_cast<Roles>(a) | static_cast<Roles>(b));
}
// "ingest,decide"; kInvalidArgument for an unknown or repeated one, or none.
Result<Roles> ParseRoles(std::string_view text);
[[nodiscard]] std::string RolesText(Roles roles);

struct ApiKey {
  std::string id;
  Digest digest;
  Roles roles = kNoRole;
  Timestamp made;
  std::string name;
};

class ApiKeys {
 public:
  // No keys if the file is missing. kDataLoss with the line if it cannot be read.
  static Result<ApiKeys> Read(FileSystem& files, const std::string& path);
  static Result<ApiKeys> Parse(std::string_view text);
  [[nodiscard]] std::string ToText() const;
  // Whole or not at all.
  Status Write(FileSystem& files, const std::string& path) const;

  // Makes a key and returns its text, which is kept nowhere.
  Result<std::string> Make(std::string_view name, Roles roles, Timestamp now);
  // kNotFound if there is none with this id.
  Status Revoke(std::string_view id);

  // The key whose text this is; null if there is none.
  [[nodiscard]] const ApiKey* Find(std::string_view text) const;
  [[nodiscard]] const std::vector<ApiKey>& keys() const { return keys_; }
  [[nodiscard]] bool empty() const { return keys_.empty(); }

 private:
  std::vector<ApiKey> keys_;
};

}  // namespace credence::api
