#include "src/engine/rows.h"

#include "src/base/bytes.h"
#include "src/engine/money_rows.h"
#include "src/engine/state.h"

namespace credence::engine {

namespace {

constexpr uint8_t kNoteVersion = 2;
constexpr uint8_t kCountersKind = 255;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

std::string DayPrefix(int64_t day) {
  std::string key;
  PutOrdered64(static_cast<uint64_t>(day) ^ kSignBit, &key);
  return key;
}

uint64_t GetOrdered64(ByteReader* in) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | in->GetU8();
  return value;
}

std::string KeyBytes(const EventKey& key) {
  std::string bytes;
  ByteWriter out(&bytes);
  for (const uint64_t word : key.words) out.PutFixed64(word);
  return bytes;
}

EventKey GetKey(ByteReader* in) {
  EventKey key;
  for (uint64_t& word : key.words) word = in->GetFixed64();
  return key;
}

std::string SmallKey(RowKind kind) { return std::string(1, static_cast<char>(kind)); }

std::string ParkedKey(Seq seq) {
  std::string key = SmallKey(RowKind::kParked);
  PutOrdered64(seq.value(), &key);
  return key;
}

std::string RequestKey(const Digest& wanted) {
  return SmallKey(RowKind::kActivationRequest).append(wanted.view());
}

std::string CountersKey() { return static_cast<char>(kCountersKind) + std::string("counters"); }

Status Damaged(const char* what) {
  return DataLoss(std::string("a stored row is not one of ") + what);
}

Status LoadOnce(std::string_view key, std::string_view value, State* state) {
  ByteReader in(key);
  OnceIndex::Row row;
  row.day = static_cast<int64_t>(GetOrdered64(&in) ^ kSignBit);
  row.key = GetKey(&in);
  ByteReader rest(value);
  for (uint64_t& word : row.digest) word = rest.GetFixed64();
  row.seq = Seq(rest.GetVarint());
  if (!in.ok() || !in.AtEnd() || !rest.ok() || !rest.AtEnd() || row.seq > state->last_seq) {
    return Damaged("event ids");
  }
  return state->once.Restore(row);
}

Status LoadReversible(std::string_view key, std::string_view value, State* state) {
  ByteReader in(key);
  const EventKey event = GetKey(&in);
  ByteReader rest(value);
  ReversibleRow row;
  row.seq = Seq(rest.GetVarint());
  row.stamp = Timestamp{static_cast<int64_t>(rest.GetFixed64())};
  const uint8_t reversed = rest.GetU8();
  row.reversed = reversed == 1;
  while (rest.ok() && !rest.AtEnd()) {
    const auto entity = state->pack->schema.EntityIndex(rest.GetBytes());
    const std::string_view name = rest.GetBytes();
    if (!entity) return Damaged("reversible events");
    row.entities.emplace_back(*entity, std::string(name));
  }
  if (!in.ok() || !in.AtEnd() || !rest.ok() || reversed > 1 || row.seq > state->last_seq) {
    return Damaged("reversible events");
  }
  state->reversible_by_stamp.emplace(row.stamp, event);
  state->reversible.emplace(event, std::move(row));
  return {};
}

Status LoadParked(ByteReader* key, std::string_view value, const PackLoader& load_pack,
                  State* state) {
  const Seq seq(GetOrdered64(key));
  ByteReader in(value);
  ParkedRow row;
  row.source = in.GetBytes();
  row.decision = in.GetBytes();
  if (!key->ok() || !key->AtEnd() || !in.ok() || !in.AtEnd()) return Damaged("parked decisions");
  CREDENCE_ASSIGN(const record::DecisionRecord decision, record::DecodeDecision(row.decision));
  if (decision.pack == state->pack->digest) {
    row.pack = state->pack;
  } else {
    CREDENCE_ASSIGN(row.pack, load_pack(decision.pack));
  }
  state->parked.emplace(seq, std::move(row));
  return {};
}

Status LoadSmall(std::string_view key, std::string_view value, const PackLoader& load_pack,
                 MoneyState::RowLoader* money, State* state) {
  ByteReader in(key);
  const uint8_t kind = in.GetU8();
  ByteReader rest(value);
  switch (kind) {
    case static_cast<uint8_t>(RowKind::kKillSwitch): {
      const uint8_t on = rest.GetU8();
      if (!rest.ok() || !rest.AtEnd() || on > 1) return Damaged("kill switches");
      state->kill_switches.emplace(std::string(key.substr(1)), on == 1);
      return {};
    }
    case static_cast<uint8_t>(RowKind::kRate): {
      const uint32_t numeric = in.GetFixed32();
      const auto currency = Currency::FromNumeric(static_cast<uint16_t>(numeric));
      const auto rate = Decimal::FromCanonicalBits(rest.GetFixed128());
      if (!in.ok() || !in.AtEnd() || !rest.ok() || !rest.AtEnd() || numeric > UINT16_MAX ||
          !currency || !rate) {
        return Damaged("rates");
      }
      state->rates.emplace(*currency, *rate);
      return {};
    }
    case static_cast<uint8_t>(RowKind::kParked):
      return LoadParked(&in, value, load_pack, state);
    case static_cast<uint8_t>(RowKind::kActivationRequest): {
      Digest wanted;
      if (!Digest::FromRaw(key.substr(1), &wanted)) return Damaged("activation requests");
      state->activation_requests.emplace(wanted, value);
      return {};
    }
    case static_cast<uint8_t>(RowKind::kMoneyProduct):
      return money->Add(MoneyState::Part::kProduct, key.substr(1), value);
    case kCountersKind:
      return {};
    default:
      return Damaged("the kinds that this release knows");
  }
}

RowKind KindOf(MoneyState::Part part) {
  return static_cast<RowKind>(static_cast<uint8_t>(RowKind::kMoneyLedger) +
                              static_cast<uint8_t>(part));
}

size_t MoneyTableOf(MoneyState::Part part) {
  return part == MoneyState::Part::kProduct ? kSmallTable : kMoneyTable;
}

std::string MoneyKey(MoneyState::Part part, std::string_view key) {
  std::string stored = SmallKey(KindOf(part));
  if (part == MoneyState::Part::kLedger) {
    stored.push_back(static_cast<char>(ledger::Ledger::TableRank(key)));
  }
  return stored.append(key);
}

Status LoadMoney(std::string_view key, std::string_view value, MoneyState::RowLoader* money) {
  ByteReader in(key);
  const uint8_t kind = in.GetU8();
  if (kind < static_cast<uint8_t>(RowKind::kMoneyLedger) ||
      kind > static_cast<uint8_t>(RowKind::kMoneyOverdue)) {
    return Damaged("the kinds that this release knows");
  }
  const auto part =
      static_cast<MoneyState::Part>(kind - static_cast<uint8_t>(RowKind::kMoneyLedger));
  std::string_view name = key.substr(1);
  if (part == MoneyState::Part::kLedger) {
    if (name.empty() ||
        static_cast<uint8_t>(name.front()) != ledger::Ledger::TableRank(name.substr(1))) {
      return Damaged("the ledger");
    }
    name.remove_prefix(1);
  }
  return money->Add(part, name, value);
}

// Calls load(key, value) with each row.
template <class Load>
Status ForEachStored(const store::Store& store, size_t table, Load load) {
  const auto cursor = store.Scan(table);
  std::string_view key;
  std::string_view value;
  while (true) {
    CREDENCE_ASSIGN(const bool more, cursor->Next(&key, &value));
    if (!more) return {};
    CREDENCE_TRY(load(key, value));
  }
}

}  // namespace

std::vector<std::string> TableNames() {
  return {"small", "entity", "once", "reversible", "chunk", "money"};
}

void PutOrdered64(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

void PutOnce(const OnceIndex::Row& row, store::Batch* batch) {
  std::string value;
  ByteWriter out(&value);
  for (const uint64_t word : row.digest) out.PutFixed64(word);
  out.PutVarint(row.seq.value());
  batch->Put(kOnceTable, DayPrefix(row.day) + KeyBytes(row.key), value);
}

void DeleteOnceBefore(int64_t day, store::Batch* batch) {
  batch->DeleteRange(kOnceTable, "", DayPrefix(day));
}

void PutReversible(const EventKey& key, const ReversibleRow& row, const record::Schema& schema,
                   store::Batch* batch) {
  std::string value;
  ByteWriter out(&value);
  out.PutVarint(row.seq.value());
  out.PutFixed64(static_cast<uint64_t>(row.stamp.ns));
  out.PutU8(row.reversed ? 1 : 0);
  for (const auto& [entity, name] : row.entities) {
    out.PutBytes(schema.entities[entity].name);
    out.PutBytes(name);
  }
  batch->Put(kReversibleTable, KeyBytes(key), value);
}

void DeleteReversible(const EventKey& key, store::Batch* batch) {
  batch->Delete(kReversibleTable, KeyBytes(key));
}

void DeleteAllReversible(store::Batch* batch) {
  batch->DeleteRange(kReversibleTable, "", std::string(17, '\xff'));
}

void PutParked(Seq seq, const ParkedRow& row, store::Batch* batch) {
  std::string value;
  ByteWriter out(&value);
  out.PutBytes(row.source);
  out.PutBytes(row.decision);
  batch->Put(kSmallTable, ParkedKey(seq), value);
}

void PutActivationRequest(const Digest& wanted, std::string_view by, store::Batch* batch) {
  batch->Put(kSmallTable, RequestKey(wanted), by);
}

void DeleteActivationRequest(const Digest& wanted, store::Batch* batch) {
  batch->Delete(kSmallTable, RequestKey(wanted));
}

void DeleteParked(Seq seq, store::Batch* batch) { batch->Delete(kSmallTable, ParkedKey(seq)); }

void PutMoneyChanges(MoneyState* money, store::Batch* batch) {
  money->TakeChanges(
      [&](MoneyState::Part part, std::string_view key, std::string_view value) {
        batch->Put(MoneyTableOf(part), MoneyKey(part, key), value);
      },
      [&](MoneyState::Part part, std::string_view key) {
        batch->Delete(MoneyTableOf(part), MoneyKey(part, key));
      });
}

void PutSwitchesAndRates(const State& state, store::Batch* batch) {
  for (const auto& [decision, on] : state.kill_switches) {
    batch->Put(kSmallTable, SmallKey(RowKind::kKillSwitch) + decision,
               std::string(1, on ? '\1' : '\0'));
  }
  for (const auto& [currency, rate] : state.rates) {
    std::string key = SmallKey(RowKind::kRate);
    ByteWriter(&key).PutFixed32(currency.numeric());
    std::string value;
    ByteWriter(&value).PutFixed128(rate.CanonicalBits());
    batch->Put(kSmallTable, key, value);
  }
}

Status LoadRows(const store::Store& store, const PackLoader& load_pack, State* state) {
  CREDENCE_TRY(ForEachStored(store, kOnceTable, [&](std::string_view key, std::string_view value) {
    return LoadOnce(key, value, state);
  }));
  CREDENCE_TRY(
      ForEachStored(store, kReversibleTable, [&](std::string_view key, std::string_view value) {
        return LoadReversible(key, value, state);
      }));
  MoneyState::RowLoader money(load_pack);
  CREDENCE_TRY(ForEachStored(store, kSmallTable, [&](std::string_view key, std::string_view value) {
    return LoadSmall(key, value, load_pack, &money, state);
  }));
  CREDENCE_TRY(ForEachStored(store, kMoneyTable, [&](std::string_view key, std::string_view value) {
    return LoadMoney(key, value, &money);
  }));
  CREDENCE_ASSIGN(state->money, money.Finish(state->last_stamp, state->parked));
  return {};
}

std::string CheckpointNote::Encode() const {
  std::string bytes;
  ByteWriter out(&bytes);
  out.PutU8(kNoteVersion);
  out.PutFixed64(static_cast<uint64_t>(last_stamp.ns));
  out.PutFixed64(static_cast<uint64_t>(once_first_day));
  out.PutRaw(pack.view());
  out.PutVarint(artefacts.size());
  for (const Digest& artefact : artefacts) out.PutRaw(artefact.view());
  out.PutVarint(entities.size());
  for (const Entities& type : entities) {
    out.PutBytes(type.name);
    out.PutVarint(type.generation);
    out.PutVarint(type.count);
    out.PutVarint(type.last_chunk);
  }
  return bytes;
}

Result<CheckpointNote> CheckpointNote::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.GetU8() != kNoteVersion) return Damaged("the notes of this release");
  CheckpointNote note;
  note.last_stamp = Timestamp{static_cast<int64_t>(in.GetFixed64())};
  note.once_first_day = static_cast<int64_t>(in.GetFixed64());
  bool good = Digest::FromRaw(in.GetRaw(Digest::kBytes), &note.pack);
  for (uint64_t left = in.GetVarint(); left > 0 && in.ok() && good; --left) {
    good = Digest::FromRaw(in.GetRaw(Digest::kBytes), &note.artefacts.emplace_back());
  }
  for (uint64_t left = in.GetVarint(); left > 0 && in.ok() && good; --left) {
    Entities& type = note.entities.emplace_back();
    type.name = in.GetBytes();
    type.generation = in.GetVarint();
    type.count = in.GetVarint();
    type.last_chunk = in.GetVarint();
  }
  if (!good || !in.ok() || !in.AtEnd()) return Damaged("the notes of a checkpoint");
  return note;
}

void PutCounters(const WriterCounters& counters, store::Batch* batch) {
  std::string value;
  ByteWriter out(&value);
  for (const uint64_t count : {counters.checkpoints, counters.bytes, counters.hits,
                               counters.prefetched, counters.misses, counters.evicted}) {
    out.PutVarint(count);
  }
  batch->Put(kSmallTable, CountersKey(), value);
}

Result<WriterCounters> GetCounters(const store::Store& store) {
  std::string value;
  WriterCounters counters;
  CREDENCE_ASSIGN(const bool found, store.Get(kSmallTable, CountersKey(), &value));
  if (!found) return counters;
  ByteReader in(value);
  for (uint64_t* count : {&counters.checkpoints, &counters.bytes, &counters.hits,
                          &counters.prefetched, &counters.misses, &counters.evicted}) {
    *count = in.GetVarint();
  }
  if (!in.ok() || !in.AtEnd()) return Damaged("counters");
  return counters;
}

}  // namespace credence::engine
