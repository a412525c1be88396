#pragma once
// MoneyState::Run, shared by the parts of MoneyState: one going of commands: what they need, what
// they made, and how to take it back.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "src/engine/money_state.h"

namespace credence::engine {

// Transfers that belong together.
struct MoneyState::Step {
  enum class Kind : uint8_t {
    kPost,      // a template
    kPend,      // a template, for `timeout_s` (0: without end)
    kSettle,    // posts `of`, all or `part`
    kVoid,      // voids `of`
    kVoidOpen,  // … those that are still pending
    kBack,      // the opposite of `of`
    kPendAgain  // what `of` held is held again, where its time is not over
  };
  Kind kind = Kind::kPost;
  std::string posting;
  std::string what;  // for reports, where there is no template: "reverse hold credit"
  std::string loan;  // its name; empty where there is none
  lending::LoanId loan_id;
  std::map<std::string, int64_t, std::less<>> amounts;
  std::vector<Name> keys;  // whose the accounts are
  uint32_t timeout_s = 0;
  Transfers of;
  std::optional<int64_t> part;
  Transfers made;

  static constexpr size_t kNone = SIZE_MAX;
  std::optional<uint64_t> books;               // the transaction of the loan whose booking it is
  std::optional<lending::Allocation> overdue;  // of the loan: what is booked as overdue
  size_t effect = kNone;                       // whose transfers these are
  std::optional<Name> pending;                 // whose transfers these are
};

struct MoneyState::Run {
  const pack::Pack& pack;
  const EventContext& context;
  const record::DecisionRecord* decision;  // null for the commands of an event
  Seq seq;
  Timestamp now;
  uint32_t command = 0;

  // Transfers to be made, in order, as one chain.
  std::vector<Step> steps{};
  std::vector<BookingKey> unbooked{};
  std::vector<lending::LoanId> overdue_unbooked{};
  // Loans that were changed, by their names then.
  std::vector<std::pair<std::string, LoanEntry>> changed_loans{};
  uint32_t first_transfer = 0;  // the index of the first id
  uint32_t tried = 0;           // transfers, whether they were made or not
  std::vector<Effect> effects{};
  uint32_t reversed = 0;
  uint32_t transfers = 0;
  std::string failed{};  // by PostAll: "post shipment", "reverse hold credit"

  std::vector<lending::LimitBook::Saved> limits{};
  std::vector<lending::LoanBook::Saved> loans{};
  std::vector<std::function<void()>> undo{};  // of names

  [[nodiscard]] const std::string* KeyOf(uint32_t entity) const {
    const std::string& name = pack.schema.entities[entity].name;
    for (const auto& [of, key] : context.keys) {
      if (of == name) return &key;
    }
    return nullptr;
  }
  [[nodiscard]] lending::Cause Cause() const {
    return {decision == nullptr ? 0 : decision->seq.value(), 0};
  }
  [[nodiscard]] std::optional<int64_t> AmountOf(const pack::MoneyBinding& binding,
                                                const Call& call) const {
    if (!binding.amount_of_decision) return call.amount;
    if (decision == nullptr || !decision->limit) return std::nullopt;
    return decision->limit->minor;
  }
  void Post(const std::string& posting, std::map<std::string, int64_t, std::less<>> amounts) {
    if (posting.empty()) return;
    Step step;
    step.posting = posting;
    step.amounts = std::move(amounts);
    step.keys = context.keys;
    Effect effect;
    effect.kind = EffectKind::kPost;
    step.effect = effects.size();
    effects.push_back(std::move(effect));
    steps.push_back(std::move(step));
  }
};

template <class Map>
void MoneyState::Before(Map* map, const typename Map::key_type& key) {
  if (trial_ == nullptr) return;
  const auto found = map->find(key);
  std::optional<typename Map::mapped_type> before;
  if (found != map->end()) before = found->second;
  trial_->push_back([map, key, before] {
    if (before) {
      map->insert_or_assign(key, *before);
    } else {
      map->erase(key);
    }
  });
}

template <class Map, class Value>
void MoneyState::SetName(char table, Map* names, const typename Map::key_type& name,
                         std::optional<Value> value, Run* run) {
  const auto note = [this, table, name] {
    if constexpr (std::is_same_v<typename Map::key_type, Name>) {
      Note(table, name);
    } else {
      Note(table, {name, {}});
    }
  };
  const auto found = names->find(name);
  std::optional<Value> before;
  if (found != names->end()) before = found->second;
  const auto put = [names, name](const std::optional<Value>& wanted) {
    if (wanted) {
      names->insert_or_assign(name, *wanted);
    } else {
      names->erase(name);
    }
  };
  put(value);
  note();
  run->undo.emplace_back([put, note, before] {
    put(before);
    note();
  });
}

}  // namespace credence::engine
