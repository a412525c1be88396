#include "src/engine/state.h"

#include "src/base/bytes.h"
#include "src/engine/rows.h"

namespace credence::engine {

bool State::Killed(std::string_view decision) const {
  for (const std::string_view name : {std::string_view(), decision}) {
    const auto found = kill_switches.find(name);
    if (found != kill_switches.end() && found->second) return true;
  }
  return false;
}

void State::Touched(const record::Event& event, std::vector<EntityRef>* out) const {
  out->clear();
  const record::EventType& type = pack->schema.event_types[event.type];
  for (const record::EntityKey& key : type.keys) {
    const record::Value& value = event.fields[key.field];
    if (!value.absent()) out->push_back({key.entity, value.text()});
  }
}

void State::Apply(const record::Event& event, const EventKey& key, const feature::Arrival& arrival,
                  std::span<EntityTable::Touch> touches) {
  CREDENCE_ASSERT(event.seq == last_seq.Next() && event.stamp > last_stamp);
  last_seq = event.seq;
  last_stamp = event.stamp;
  const Seq reversed = ReversedBy(event);
  ApplyWindows(event, key, arrival, touches);
  money_of_event = money.ApplyEvent(*pack, event, reversed);
  const OnceIndex::Row& row = once.Add(key, event.digest, event.seq, event.time);
  if (changes != nullptr) PutOnce(row, changes);
  DropExpired();
  if (changes != nullptr) PutMoneyChanges(&money, changes);
}

Seq State::ReversedBy(const record::Event& event) const {
  if (!pack->schema.event_types[event.type].reverses) return Seq();
  const auto row = reversible.find(EventKey::Of(event.source, event.reverses));
  return row == reversible.end() ? Seq() : row->second.seq;
}

void State::ApplyWindows(const record::Event& event, const EventKey& key,
                         const feature::Arrival& arrival) {
  std::vector<EntityRef> touched;
  Touched(event, &touched);
  std::vector<EntityTable::Touch> touches;
  for (const EntityRef& ref : touched) touches.push_back({ref});
  entities.LookUp(touches);
  ApplyWindows(event, key, arrival, touches);
}

void State::ApplyWindows(const record::Event& event, const EventKey& key,
                         const feature::Arrival& arrival, std::span<EntityTable::Touch> touches) {
  const record::EventType& type = pack->schema.event_types[event.type];
  if (type.reverses) {
    const auto row = reversible.find(EventKey::Of(event.source, event.reverses));
    if (row != reversible.end() && !row->second.reversed) {
      row->second.reversed = true;
      if (changes != nullptr) PutReversible(row->first, row->second, pack->schema, changes);
      for (const auto& [entity, name] : row->second.entities) {
        if (LeavesAlone(entity)) continue;
        feature::EntityState* state = entities.Change(EntityRef{entity, name});
        if (state != nullptr) state->Reverse(pack->features, row->second.seq, event.seq);
      }
    }
  }
  for (EntityTable::Touch& touch : touches) {
    if (LeavesAlone(touch.ref.entity)) continue;
    feature::EntityState* entity = entities.ChangeOrAdd(&touch, pack->features);
    entity->Update(pack->features, arrival);
    if (entity->HasUnkeptChunks()) entities.NoteFull(touch);
  }
  if (type.reversible) AddReversible(event, key, touches);
}

void State::AddReversible(const record::Event& event, const EventKey& key,
                          std::span<const EntityTable::Touch> touches) {
  ReversibleRow row{event.seq, event.stamp, false, {}};
  for (const EntityTable::Touch& touch : touches) {
    row.entities.emplace_back(touch.ref.entity, std::string(touch.ref.key));
  }
  // An id may come again once the once-only index has forgotten it: then it names the newer event.
  if (changes != nullptr) PutReversible(key, row, pack->schema, changes);
  const auto older = reversible.find(key);
  if (older != reversible.end()) money.Forget(older->second.seq);
  reversible.insert_or_assign(key, std::move(row));
  reversible_by_stamp.emplace(event.stamp, key);
}

void State::ApplyDecision(const record::DecisionRecord& decision, std::string_view encoded) {
  std::shared_ptr<const pack::Pack> made_by = PackOf(decision);
  money_of_decision.reset();
  if (made_by != nullptr) {
    money_of_decision = money.ApplyDecision(*made_by, decision, last_stamp);
  }
  if (decision.parked_seq.value() != 0 && parked.erase(decision.parked_seq) > 0 &&
      changes != nullptr) {
    DeleteParked(decision.parked_seq, changes);
  }
  if (decision.path == record::DecisionPath::kParked) {
    ParkedRow& row = parked[decision.seq];
    row = {decision.needs, std::string(encoded), std::move(made_by)};
    if (changes != nullptr) PutParked(decision.seq, row, changes);
  }
  if (changes != nullptr) PutMoneyChanges(&money, changes);
}

void State::ApplyActivationRequest(const Digest& wanted, std::string_view by) {
  activation_requests[wanted] = by;
  if (changes != nullptr) PutActivationRequest(wanted, by, changes);
}

void State::DropActivationRequests() {
  for (const auto& [wanted, by] : activation_requests) {
    if (changes != nullptr) DeleteActivationRequest(wanted, changes);
  }
  activation_requests.clear();
}

Status State::FireTimers(Seq seq, Timestamp stamp, std::span<record::TimerItem> items) {
  CREDENCE_ASSERT(seq == last_seq.Next() && stamp > last_stamp);
  last_seq = seq;
  last_stamp = stamp;
  CREDENCE_TRY(money.FireTimers(*pack, seq, stamp, items));
  if (changes != nullptr) PutMoneyChanges(&money, changes);
  return {};
}

std::shared_ptr<const pack::Pack> State::PackOf(const record::DecisionRecord& decision) const {
  if (pack != nullptr && pack->digest == decision.pack) return pack;
  const auto waiting = parked.find(decision.parked_seq);
  if (waiting == parked.end() || waiting->second.pack->digest != decision.pack) return nullptr;
  return waiting->second.pack;
}

void State::DropExpired() {
  const record::Bounds& bounds = pack->schema.bounds;
  const auto before = [&](Int128 ns) {
    const Int128 time = last_stamp.ns - ns;
    return Timestamp{time < INT64_MIN ? INT64_MIN : static_cast<int64_t>(time)};
  };
  once.DropBefore(before(Int128{bounds.late_ns} + bounds.future_ns + kNsPerDay));
  const Timestamp oldest = before(bounds.reversal_ns);
  while (!reversible_by_stamp.empty() && reversible_by_stamp.begin()->first < oldest) {
    const auto& [stamp, key] = *reversible_by_stamp.begin();
    const auto row = reversible.find(key);
    if (row != reversible.end() && row->second.stamp == stamp) {
      if (changes != nullptr) DeleteReversible(key, changes);
      money.Forget(row->second.seq);
      reversible.erase(row);
    }
    reversible_by_stamp.erase(reversible_by_stamp.begin());
  }
}

void State::Prefetch(std::span<const record::Event> events) {
  if (pack == nullptr) return;
  std::vector<EntityRef> wanted;
  std::vector<EntityRef> touched;
  for (const record::Event& event : events) {
    Touched(event, &touched);
    wanted.insert(wanted.end(), touched.begin(), touched.end());
    if (!pack->schema.event_types[event.type].reverses) continue;
    const auto row = reversible.find(EventKey::Of(event.source, event.reverses));
    if (row == reversible.end()) continue;
    for (const auto& [entity, key] : row->second.entities) wanted.push_back({entity, key});
  }
  entities.Prefetch(wanted);
}

template <class Visitor>
void State::ForEachRow(Visitor visit) const {
  std::string bytes;
  const auto row = [&](RowKind kind, std::string_view name, auto fill) {
    bytes.clear();
    ByteWriter out(&bytes);
    out.PutU8(static_cast<uint8_t>(kind));
    fill(&out);
    visit(kind, name, std::string_view(bytes));
  };
  row(RowKind::kWriter, "writer", [&](ByteWriter* out) {
    out->PutVarint(last_seq.value());
    out->PutFixed64(static_cast<uint64_t>(last_stamp.ns));
    out->PutFixed64(static_cast<uint64_t>(once.first_day()));
  });
  if (pack == nullptr) return;
  row(RowKind::kPack, "pack", [&](ByteWriter* out) { out->PutRaw(pack->digest.view()); });
  entities.ForEachCanonical([&](EntityRef ref, std::string_view content) {
    const std::string& name = pack->schema.entities[ref.entity].name;
    row(RowKind::kEntity, name, [&](ByteWriter* out) {
      out->PutBytes(name);
      out->PutBytes(ref.key);
      out->PutRaw(content);
    });
  });
  once.ForEachRow([&](std::string_view once_row) {
    row(RowKind::kOnce, "once", [&](ByteWriter* out) { out->PutRaw(once_row); });
  });
  for (const auto& [key, reversible_row] : reversible) {
    row(RowKind::kReversible, "reversible", [&](ByteWriter* out) {
      for (const uint64_t word : key.words) out->PutFixed64(word);
      out->PutVarint(reversible_row.seq.value());
      out->PutFixed64(static_cast<uint64_t>(reversible_row.stamp.ns));
      out->PutU8(reversible_row.reversed ? 1 : 0);
      for (const auto& [entity, name] : reversible_row.entities) {
        out->PutBytes(pack->schema.entities[entity].name);
        out->PutBytes(name);
      }
    });
  }
  for (const auto& [decision, on] : kill_switches) {
    row(RowKind::kKillSwitch, "kill switch", [&](ByteWriter* out) {
      out->PutBytes(decision);
      out->PutU8(on ? 1 : 0);
    });
  }
  for (const auto& [currency, rate] : rates) {
    row(RowKind::kRate, "rate", [&](ByteWriter* out) {
      out->PutFixed32(currency.numeric());
      out->PutFixed128(rate.CanonicalBits());
    });
  }
  for (const auto& [wanted, by] : activation_requests) {
    row(RowKind::kActivationRequest, "activation request", [&](ByteWriter* out) {
      out->PutRaw(wanted.view());
      out->PutBytes(by);
    });
  }
  for (const auto& [seq, parked_row] : parked) {
    row(RowKind::kParked, "parked", [&](ByteWriter* out) {
      out->PutVarint(seq.value());
      out->PutBytes(parked_row.source);
      out->PutBytes(parked_row.decision);
    });
  }
  static constexpr std::string_view kMoneyNames[] = {
      "ledger",        "limits",   "loans",   "money names", "waiting commands",
      "loan products", "bookings", "effects", "overdue"};
  money.VisitRows([&](MoneyState::Part part, std::string_view key, std::string_view value) {
    const auto index = static_cast<uint8_t>(part);
    const auto kind = static_cast<RowKind>(static_cast<uint8_t>(RowKind::kMoneyLedger) + index);
    row(kind, kMoneyNames[index], [&](ByteWriter* out) {
      out->PutBytes(key);
      out->PutRaw(value);
    });
  });
}

Digest State::Hash() const {
  MultisetHash hash;
  ForEachRow([&](RowKind, std::string_view, std::string_view bytes) { hash.Add(bytes); });
  return hash.digest();
}

std::vector<State::RowCount> State::CountRows() const {
  std::map<std::pair<RowKind, std::string>, RowCount> counts;
  ForEachRow([&](RowKind kind, std::string_view name, std::string_view bytes) {
    RowCount& count = counts[{kind, std::string(name)}];
    count.kind = kind;
    count.name = name;
    ++count.rows;
    count.bytes += bytes.size();
  });
  std::vector<RowCount> list;
  for (auto& [key, count] : counts) list.push_back(std::move(count));
  return list;
}

}  // namespace credence::engine
