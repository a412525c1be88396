// The parts of LimitBook that are not commands: its stored rows, and taking back.

#include <algorithm>

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
  Note(id);
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
    Note(id);
    if (limit) {
      limits_[id] = *limit;
      continue;
    }
    const auto made = limits_.find(id);
    if (made == limits_.end()) continue;
    if (made->second.parent) below_.erase({*made->second.parent, id});
    limits_.erase(made);
  }
  if (saved.hold_ != HoldId()) PutBackHold(saved.hold_, saved.entry_);
}

void LimitBook::BeginTrial() {
  CREDENCE_ASSERT(!trial_);
  trial_ = Trial{last_ns_, changed_limits_.size(), changed_holds_.size(), {}};
}

void LimitBook::EndTrial() {
  CREDENCE_ASSERT(trial_.has_value());
  const Trial trial = std::move(*trial_);
  trial_.reset();
  last_ns_ = trial.last_ns;
  for (const HoldId id : trial.over) {
    HoldEntry& hold = holds_.at(id);
    hold.state = HoldState::kHeld;
    ends_.insert({hold.until_ns, id});
    AddHeld(hold.limit, hold.amount);
  }
  changed_limits_.resize(trial.changed_limits);
  changed_holds_.resize(trial.changed_holds);
}

void LimitBook::AppendRow(const Limit& limit, std::string* bytes) {
  ByteWriter out(bytes);
  out.PutU8(limit.parent ? 1 : 0);
  if (limit.parent) out.PutFixed64(limit.parent->value());
  out.PutVarint(static_cast<uint64_t>(limit.amount));
  out.PutVarint(limit.raises.size());
  for (const Raise& raise : limit.raises) {
    out.PutVarint(static_cast<uint64_t>(raise.amount));
    out.PutZigzag(raise.from_ns);
    out.PutZigzag(raise.until_ns);
  }
  out.PutU8(limit.frozen ? 1 : 0);
  out.PutZigzag(limit.expires_ns);
  out.PutVarint(static_cast<uint64_t>(limit.committed));
  out.PutVarint(static_cast<uint64_t>(limit.own_committed));
  out.PutVarint(static_cast<uint64_t>(limit.held));
  out.PutVarint(limit.changes.size());
  for (const LimitChange& change : limit.changes) {
    out.PutZigzag(change.time_ns);
    out.PutU8(static_cast<uint8_t>(change.kind));
    out.PutVarint(static_cast<uint64_t>(change.amount));
    out.PutVarint(change.cause.decision);
    out.PutVarint(change.cause.reason);
  }
}

void LimitBook::AppendRow(const HoldEntry& hold, std::string* bytes) {
  ByteWriter out(bytes);
  out.PutFixed64(hold.limit.value());
  out.PutVarint(static_cast<uint64_t>(hold.amount));
  out.PutZigzag(hold.until_ns);
  out.PutU8(static_cast<uint8_t>(hold.state));
}

namespace {

std::string RowKey(char table, uint64_t id) {
  std::string key(1, table);
  ByteWriter(&key).PutFixed64(id);
  return key;
}

std::string TimeRow(int64_t ns) {
  std::string value;
  ByteWriter(&value).PutZigzag(ns);
  return value;
}

// An amount as stored; the reader fails if it is not between 0 and `most`.
int64_t GetAmount(ByteReader* in, int64_t most) {
  const uint64_t amount = in->GetVarint();
  if (amount > static_cast<uint64_t>(most)) in->Fail();
  return static_cast<int64_t>(amount);
}

Status Damaged(std::string_view key, const char* what) {
  return DataLoss("credit limit row " + ToHex(key) + ": " + what);
}

}  // namespace

void LimitBook::VisitRows(const RowVisitor& visit) const {
  std::string value;
  for (const auto& [id, limit] : limits_) {
    value.clear();
    AppendRow(limit, &value);
    visit(RowKey('L', id.value()), value);
  }
  for (const auto& [id, hold] : holds_) {
    value.clear();
    AppendRow(hold, &value);
    visit(RowKey('H', id.value()), value);
  }
  if (last_ns_ != INT64_MIN) visit(RowKey('T', 0), TimeRow(last_ns_));
}

void LimitBook::TakeChanges(const RowVisitor& put,
                            const std::function<void(std::string_view key)>& gone) {
  if (!notes_changes_) return;
  std::string value;
  const auto each = [&](char table, auto* ids, const auto& rows) {
    std::sort(ids->begin(), ids->end());
    ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
    for (const auto id : *ids) {
      const std::string key = RowKey(table, id.value());
      const auto found = rows.find(id);
      if (found == rows.end()) {
        gone(key);
        continue;
      }
      value.clear();
      AppendRow(found->second, &value);
      put(key, value);
    }
    ids->clear();
  };
  each('L', &changed_limits_, limits_);
  each('H', &changed_holds_, holds_);
  if (taken_ns_ != last_ns_) put(RowKey('T', 0), TimeRow(last_ns_));
  taken_ns_ = last_ns_;
}

bool LimitBook::RowLoader::Read(ByteReader* in, Limit* limit) {
  const uint8_t has_parent = in->GetU8();
  if (has_parent == 1) limit->parent = LimitId(in->GetFixed64());
  limit->amount = GetAmount(in, kAmountMax);
  const uint64_t raises = in->GetVarint();
  if (has_parent > 1 || raises > kRaisesMax) return false;
  for (uint64_t i = 0; i < raises; ++i) {
    Raise raise{};
    raise.amount = GetAmount(in, kAmountMax);
    raise.from_ns = in->GetZigzag();
    raise.until_ns = in->GetZigzag();
    if (!in->ok() || raise.amount == 0 || raise.until_ns <= raise.from_ns) return false;
    limit->raises.push_back(raise);
  }
  const uint8_t frozen = in->GetU8();
  limit->frozen = frozen == 1;
  limit->expires_ns = in->GetZigzag();
  limit->committed = GetAmount(in, INT64_MAX);
  limit->own_committed = GetAmount(in, INT64_MAX);
  limit->held = GetAmount(in, INT64_MAX);
  for (uint64_t left = in->GetVarint(); left > 0 && in->ok(); --left) {
    LimitChange change;
    change.time_ns = in->GetZigzag();
    const uint8_t kind = in->GetU8();
    change.kind = static_cast<LimitChangeKind>(kind);
    change.amount = GetAmount(in, kAmountMax);
    change.cause.decision = in->GetVarint();
    const uint64_t reason = in->GetVarint();
    change.cause.reason = static_cast<uint32_t>(reason);
    if (kind < 1 || kind > kLimitChangeKindMax || reason > UINT32_MAX) return false;
    limit->changes.push_back(change);
  }
  return in->ok() && in->AtEnd() && frozen <= 1;
}

bool LimitBook::RowLoader::Read(ByteReader* in, HoldEntry* hold) {
  hold->limit = LimitId(in->GetFixed64());
  hold->amount = GetAmount(in, kAmountMax);
  hold->until_ns = in->GetZigzag();
  const uint8_t state = in->GetU8();
  hold->state = static_cast<HoldState>(state);
  return in->ok() && in->AtEnd() && hold->amount > 0 && state >= 1 && state <= 4;
}

Status LimitBook::RowLoader::Add(std::string_view key, std::string_view value) {
  ByteReader name(key);
  const uint8_t table = name.GetU8();
  const uint64_t id = name.GetFixed64();
  ByteReader in(value);
  if (!name.ok() || !name.AtEnd()) return Damaged(key, "no such key");
  switch (table) {
    case 'L': {
      Limit limit;
      if (id == 0 || !Read(&in, &limit)) return Damaged(key, "the limit cannot be read");
      if (!book_.limits_.emplace(LimitId(id), std::move(limit)).second) {
        return Damaged(key, "the limit is there twice");
      }
      return {};
    }
    case 'H': {
      HoldEntry hold;
      if (id == 0 || !Read(&in, &hold)) return Damaged(key, "the hold cannot be read");
      if (!book_.holds_.emplace(HoldId(id), hold).second) {
        return Damaged(key, "the hold is there twice");
      }
      return {};
    }
    case 'T':
      book_.last_ns_ = in.GetZigzag();
      if (!in.ok() || !in.AtEnd() || id != 0) return Damaged(key, "the time cannot be read");
      return {};
    default:
      return Damaged(key, "no such table");
  }
}

Result<LimitBook> LimitBook::RowLoader::Finish() {
  struct Sums {
    Int128 held = 0;
    Int128 committed = 0;
  };
  std::map<LimitId, Sums> sums;
  // Calls add(sums) for the limit and all above it. False where there is no end to them.
  const auto above = [&](LimitId id, auto add) {
    size_t depth = 0;
    for (std::optional<LimitId> at = id; at; ++depth) {
      const auto found = book_.limits_.find(*at);
      if (found == book_.limits_.end() || depth == kDepthMax) return false;
      add(&sums[*at]);
      at = found->second.parent;
    }
    return true;
  };
  for (const auto& [id, limit] : book_.limits_) {
    const int64_t own = limit.own_committed;
    if (limit.parent) book_.below_.emplace(*limit.parent, id);
    if (!above(id, [own](Sums* s) { s->committed += own; })) {
      return Damaged(RowKey('L', id.value()), "it has no place in the tree");
    }
  }
  for (const auto& [id, hold] : book_.holds_) {
    const int64_t amount = hold.state == HoldState::kHeld ? hold.amount : 0;
    if (!above(hold.limit, [amount](Sums* s) { s->held += amount; })) {
      return Damaged(RowKey('H', id.value()), "its limit is not there");
    }
    if (amount != 0 && hold.until_ns != INT64_MAX) book_.ends_.insert({hold.until_ns, id});
  }
  for (const auto& [id, limit] : book_.limits_) {
    const Sums& sum = sums[id];
    if (sum.held != limit.held || sum.committed != limit.committed) {
      return Damaged(RowKey('L', id.value()), "its sums are not those of what is held and owed");
    }
  }
  book_.taken_ns_ = book_.last_ns_;
  return std::move(book_);
}

}  // namespace credence::lending
