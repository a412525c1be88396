// The parts of LimitBook that are not commands: its stored rows, and taking back.

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/lending/credit_limit.h"

namespace credence::lending {

std::optional<int64_t> LimitBook::HeldBy(HoldId hold, int64_t now_ns) const {
  const auto found = holds_.find(hold);
  if (found == holds_.end() || found->second.state != HoldState::kHeld) return std::nullopt;
  if (found->second.until_ns <= now_ns) return std::nullopt;
  return found->second.amount;
}

LimitBook::Saved LimitBook::Save(LimitId id, HoldId hold) const {
  Saved saved;
  const auto keep = [&](LimitId at) {
    const auto found = limits_.find(at);
    const bool there = found != limits_.end();
    saved.limits_.emplace_back(at, there ? std::optional(found->second) : std::nullopt);
    return there ? found->second.parent : std::nullopt;
  };
  for (std::optional<LimitId> at = id; at;) at = keep(*at);
  saved.hold_ = hold;
  const auto found = holds_.find(hold);
  if (found == holds_.end()) return saved;
  saved.entry_ = found->second;
  if (found->second.limit != id) {
    for (std::optional<LimitId> at = found->second.limit; at;) at = keep(*at);
  }
  return saved;
}

void LimitBook::PutBackHold(HoldId id, const std::optional<HoldEntry>& entry) {
  const auto now = holds_.find(id);
  if (now != holds_.end()) {
    ends_.erase({now->second.until_ns, id});
    holds_.erase(now);
  }
  if (!entry) return;
  holds_[id] = *entry;
  if (entry->state == HoldState::kHeld && entry->until_ns != INT64_MAX) {
    ends_.insert({entry->until_ns, id});
  }
}

void LimitBook::PutBack(const Saved& saved) {
  for (const auto& [id, limit] : saved.limits_) {
    if (limit) {
      limits_[id] = *limit;
    } else {
      limits_.erase(id);
    }
  }
  if (saved.hold_ != HoldId()) PutBackHold(saved.hold_, saved.entry_);
}

void LimitBook::VisitRows(
    const std::function<void(std::string_view, std::string_view)>& visit) const {
  std::string key;
  std::string value;
  const auto row = [&](char table, uint64_t id, auto fill) {
    key.assign(1, table);
    value.clear();
    ByteWriter(&key).PutFixed64(id);
    ByteWriter out(&value);
    fill(&out);
    visit(key, value);
  };
  for (const auto& [id, limit] : limits_) {
    row('L', id.value(), [&, &l = limit](ByteWriter* out) {
      out->PutU8(l.parent ? 1 : 0);
      if (l.parent) out->PutFixed64(l.parent->value());
      out->PutVarint(static_cast<uint64_t>(l.amount));
      out->PutVarint(l.raises.size());
      for (const Raise& raise : l.raises) {
        out->PutVarint(static_cast<uint64_t>(raise.amount));
        out->PutZigzag(raise.from_ns);
        out->PutZigzag(raise.until_ns);
      }
      out->PutU8(l.frozen ? 1 : 0);
      out->PutZigzag(l.expires_ns);
      out->PutVarint(static_cast<uint64_t>(l.committed));
      out->PutVarint(static_cast<uint64_t>(l.own_committed));
      out->PutVarint(static_cast<uint64_t>(l.held));
      out->PutVarint(l.changes.size());
      for (const LimitChange& change : l.changes) {
        out->PutZigzag(change.time_ns);
        out->PutU8(static_cast<uint8_t>(change.kind));
        out->PutVarint(static_cast<uint64_t>(change.amount));
        out->PutVarint(change.cause.decision);
        out->PutVarint(change.cause.reason);
      }
    });
  }
  for (const auto& [id, hold] : holds_) {
    row('H', id.value(), [&, &h = hold](ByteWriter* out) {
      out->PutFixed64(h.limit.value());
      out->PutVarint(static_cast<uint64_t>(h.amount));
      out->PutZigzag(h.until_ns);
      out->PutU8(static_cast<uint8_t>(h.state));
    });
  }
  if (last_ns_ != INT64_MIN) {
    row('T', 0, [&](ByteWriter* out) { out->PutZigzag(last_ns_); });
  }
}

}  // namespace credence::lending
