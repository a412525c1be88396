#pragma once
// State: all that the engine holds in memory and that the journal's facts make. Two engines with
// equal journals have equal states, whatever their batches; Digest() says so.

#include <tsl/robin_map.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/engine/money_state.h"
#include "src/engine/once_index.h"
#include "src/feature/entity_state.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

// Kinds of rows that the state hash covers. Part of the hash: do not change; add at the end.
enum class RowKind : uint8_t {
  kWriter = 1,  // last sequence and stamp, first day of the once-only index
  kPack = 2,    // digest of the active pack
  kEntity = 3,
  kOnce = 4,
  kReversible = 5,
  kKillSwitch = 6,
  kRate = 7,
  kParked = 8,
  kMoneyLedger = 9,  // accounts, transfers, failed ids
  kMoneyLimit = 10,  // limits and holds
  kMoneyLoan = 11,
  kMoneyName = 12,     // names of accounts, limits, holds and loans
  kMoneyWaiting = 13,  // what the commands of a decision that is not made yet will need
};

// A thing of one kind by its key.
struct EntityRef {
  uint32_t entity = 0;  // index in Schema::entities
  std::string_view key;
};

class EntityTable {
 public:
  void Reset(size_t entity_count) { by_entity_ = std::vector<Map>(entity_count); }
  [[nodiscard]] const feature::EntityState* Find(EntityRef ref) const;
  feature::EntityState* FindOrAdd(EntityRef ref, const feature::FeaturePlan& plan);
  feature::EntityState* Find(EntityRef ref);
  void Prefetch(EntityRef ref) const;
  [[nodiscard]] size_t size(uint32_t entity) const { return by_entity_[entity].size(); }
  [[nodiscard]] size_t entity_count() const { return by_entity_.size(); }
  template <class Visitor>
  void ForEach(Visitor visit) const {
    for (uint32_t entity = 0; entity < by_entity_.size(); ++entity) {
      for (const auto& [key, state] : by_entity_[entity]) visit(EntityRef{entity, key}, *state);
    }
  }

 private:
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return static_cast<size_t>(Hash64(key)); }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  using Map =
      tsl::robin_map<std::string, std::unique_ptr<feature::EntityState>, KeyHash, KeyEqual,
                     std::allocator<std::pair<std::string, std::unique_ptr<feature::EntityState>>>,
                     true>;
  std::vector<Map> by_entity_;
};

// An event that may still be taken back: whom it touched.
struct ReversibleRow {
  Seq seq;
  Timestamp stamp;
  bool reversed = false;
  std::vector<std::pair<uint32_t, std::string>> entities;
};

struct ParkedRow {
  std::string source;
  std::string decision;                    // the parked record, encoded
  std::shared_ptr<const pack::Pack> pack;  // that made it, and under which it resumes
};

class State {
 public:
  std::shared_ptr<const pack::Pack> pack;
  Seq last_seq;
  Timestamp last_stamp{INT64_MIN};
  EntityTable entities;
  OnceIndex once;
  std::map<EventKey, ReversibleRow> reversible;
  std::multimap<Timestamp, EventKey> reversible_by_stamp;
  std::map<std::string, bool, std::less<>> kill_switches;  // by decision; "" is all of them
  std::map<Currency, Decimal> rates;
  std::map<Seq, ParkedRow> parked;
  MoneyState money;
  // What became of the commands of the last event, and of the last decision. No part of the state.
  std::optional<MoneyReport> money_of_event;
  std::optional<MoneyReport> money_of_decision;

  [[nodiscard]] bool Killed(std::string_view decision) const;
  // The entities that the event touches, in order of the entity's index.
  void Touched(const record::Event& event, std::vector<EntityRef>* out) const;
  // Takes in an admitted event: reversal, windows, once-only index. Deterministic; the one place
  // where an event changes the state, live and in recovery. `arrival` is the plan's, for this
  // event.
  void Apply(const record::Event& event, const feature::Arrival& arrival);
  // The part of Apply that windows are made of. A reversal of an event that is not here does
  // nothing.
  void ApplyWindows(const record::Event& event, const feature::Arrival& arrival);
  void ApplyDecision(const record::DecisionRecord& decision, std::string_view encoded);
  // The pack that a decision which is to be applied now was made by: the active one, or that of the
  // parked decision it resumes. Null if it is neither.
  [[nodiscard]] std::shared_ptr<const pack::Pack> PackOf(
      const record::DecisionRecord& decision) const;
  // Forgets ids and reversible events that are beyond the pack's bounds at the last stamp.
  void DropExpired();

  // A digest over all rows in canonical form, in no order (MultisetHash). Changing any stored field
  // changes it.
  [[nodiscard]] Digest Hash() const;
  struct RowCount {
    RowKind kind;
    std::string name;  // entity's name for kEntity
    size_t rows = 0;
    size_t bytes = 0;  // canonical
  };
  [[nodiscard]] std::vector<RowCount> CountRows() const;
  // Calls visit(kind, name, bytes) with each row's canonical form (kind byte first), in no order.
  template <class Visitor>
  void ForEachRow(Visitor visit) const;
};

}  // namespace credence::engine
