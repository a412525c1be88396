#pragma once
// State: all that the engine holds in memory and that the journal's facts make. Two engines with
// equal journals have equal states, whatever their batches; Digest() says so.

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
#include "src/engine/entity_table.h"
#include "src/engine/money_state.h"
#include "src/engine/once_index.h"
#include "src/feature/entity_state.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"
#include "src/store/store.h"

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
  kMoneyProduct = 14,  // of loans
  kMoneyBooking = 15,  // how a loan's transactions stand in the ledger
  kMoneyEffects = 16,  // of events that may be reversed
  kMoneyOverdue = 17,  // what of loans stands in the ledger as overdue
  // 18 to 31 are free.
  kActivationRequest = 32,
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
  // Packs whose activation waits for a second person, and who asked. What comes to be in charge
  // ends them all: they were asked for in view of the pack before.
  std::map<Digest, std::string> activation_requests;
  std::map<Seq, ParkedRow> parked;
  // Where changes of ids, reversible events, parked decisions, requests and money are noted, as
  // rows of the next checkpoint. Null where there are no checkpoints.
  store::Batch* changes = nullptr;
  // Types of entities that ApplyWindows leaves alone, by index; empty: none. For making the windows
  // of some types again.
  std::vector<bool> left_alone;
  MoneyState money;
  // What became of the commands of the last event, and of the last decision. No part of the state.
  std::optional<MoneyReport> money_of_event;
  std::optional<MoneyReport> money_of_decision;

  [[nodiscard]] bool Killed(std::string_view decision) const;
  // The entities that the event touches, in order of the entity's index.
  void Touched(const record::Event& event, std::vector<EntityRef>* out) const;
  // The event that this one takes back: its sequence; 0 if there is none.
  [[nodiscard]] Seq ReversedBy(const record::Event& event) const;
  // Takes in an admitted event: reversal, windows, once-only index. Deterministic; the one place
  // where an event changes the state, live and in recovery. `arrival` is the plan's, for this
  // event, `key` EventKey::Of it, `touches` what Lookahead gave; their places are filled in.
  void Apply(const record::Event& event, const EventKey& key, const feature::Arrival& arrival,
             std::span<EntityTable::Touch> touches);
  // The part of Apply that windows are made of. A reversal of an event that is not here does
  // nothing.
  void ApplyWindows(const record::Event& event, const EventKey& key,
                    const feature::Arrival& arrival, std::span<EntityTable::Touch> touches);
  // The same for one event that was not prepared.
  void ApplyWindows(const record::Event& event, const EventKey& key,
                    const feature::Arrival& arrival);
  void ApplyDecision(const record::DecisionRecord& decision, std::string_view encoded);
  void ApplyActivationRequest(const Digest& wanted, std::string_view by);
  void DropActivationRequests();
  // Fires timers, live and in recovery, as MoneyState::FireTimers. The sequence and the stamp
  // follow: assertion.
  Status FireTimers(Seq seq, Timestamp stamp, std::span<record::TimerItem> items);
  // The pack that a decision which is to be applied now was made by: the active one, or that of the
  // parked decision it resumes. Null if it is neither.
  [[nodiscard]] std::shared_ptr<const pack::Pack> PackOf(
      const record::DecisionRecord& decision) const;
  // Forgets ids and reversible events that are beyond the pack's bounds at the last stamp.
  void DropExpired();

  // A digest over all rows in canonical form, in no order (MultisetHash). Changing any stored field
  // changes it. It and CountRows read what is not in memory and do not keep it; where that fails
  // (entities.status()) they mean nothing.
  [[nodiscard]] Digest Hash() const;
  struct RowCount {
    RowKind kind;
    std::string name;  // entity's name for kEntity
    size_t rows = 0;
    size_t bytes = 0;  // canonical
  };
  [[nodiscard]] std::vector<RowCount> CountRows() const;
  // The entities that a decision on the event will read and the event will change, as far as they
  // can be known before: read from the store at one go.
  void Prefetch(std::span<const record::Event> events);
  // Calls visit(kind, name, bytes) with each row's canonical form (kind byte first), in no order.
  template <class Visitor>
  void ForEachRow(Visitor visit) const;

 private:
  [[nodiscard]] bool LeavesAlone(uint32_t entity) const {
    return !left_alone.empty() && left_alone[entity];
  }
  void AddReversible(const record::Event& event, const EventKey& key,
                     std::span<const EntityTable::Touch> touches);
};

}  // namespace credence::engine
