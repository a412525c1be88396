#include "src/projection/read_model.h"

#include <sys/stat.h>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace credence::projection {

uint64_t ReadModelBytes(const std::string& path) {
  uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    // Not by opening it: closing would drop the locks that SQLite holds in this process.
    struct stat found {};
    if (::stat((path + suffix).c_str(), &found) == 0) bytes += static_cast<uint64_t>(found.st_size);
  }
  return bytes;
}

std::string EntityKey::KeyText() const { return token ? "token:" + ToHex(key) : key; }

std::string_view ActionKindName(ActionRow::Kind kind) {
  switch (kind) {
    case ActionRow::Kind::kActivation:
      return "activation";
    case ActionRow::Kind::kKillSwitch:
      return "kill-switch";
    case ActionRow::Kind::kRate:
      return "rate";
    case ActionRow::Kind::kActivationRequest:
      return "activation-request";
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::projection
