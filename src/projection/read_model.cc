#include "src/projection/read_model.h"

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace credence::projection {

std::string EntityKey::KeyText() const { return token ? "token:" + ToHex(key) : key; }

std::string_view ActionKindName(ActionRow::Kind kind) {
  switch (kind) {
    case ActionRow::Kind::kActivation:
      return "activation";
    case ActionRow::Kind::kKillSwitch:
      return "kill-switch";
    case ActionRow::Kind::kRate:
      return "rate";
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace credence::projection
