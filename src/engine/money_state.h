#pragma once
// MoneyState: the ledger, credit limits and loans of one engine, with the names under which a pack
// knows them, and the commands that events and decisions give to them.
//
// Commands are a function of the pack, the event and the decision, which are in the journal; they
// are carried out where an event or a decision changes the state, live and in recovery alike, and
// need no record of their own.
//
// The commands of one event (and then those of its decision) take effect together or not at all.
// A refusal is an outcome of the event, never an error: the event counts all the same, and what
// was refused is in the report. When several things are wrong the first command that is refused is
// reported, and of one command, in this order:
//   no_key            the event does not carry the key, name or amount that the command needs
//   not_found         no such limit, hold or loan; already_exists: the name is taken
//   the status of the limit (LimitStatusName), then that of the loan (BookResultName), then that of
//   the ledger (TransferStatusName) once all commands were carried out
// Accounts that were opened for postings that the ledger refused stay, empty.
//
// Clocks: limits and the ledger follow the arrival of events (their stamps, which never go back);
// loans follow the day, in the pack's zone, on which an event happened, so that a repayment may
// come late.
//
// One thread. Reads change nothing.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/ledger/ledger.h"
#include "src/lending/arrears.h"
#include "src/lending/credit_limit.h"
#include "src/lending/loan_book.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

// What became of the commands of one event, or of its decision.
struct MoneyReport {
  uint32_t applied = 0;  // commands, all of them or none
  uint32_t transfers = 0;
  std::string refused;  // "hold credit"; empty if none was
  std::string status;   // "exceeds_headroom"
  friend bool operator==(const MoneyReport&, const MoneyReport&) = default;
};

class MoneyState {
 public:
  // The commands that the event's type gives at once. What those of its decision will need is kept
  // until the decision was made. Nothing where there are no commands.
  std::optional<MoneyReport> ApplyEvent(const pack::Pack& pack, const record::Event& event);
  // The commands of the decision's outcome, once there is one. `stamp` is the arrival of what made
  // the decision; `pack` the one that made it.
  std::optional<MoneyReport> ApplyDecision(const pack::Pack& pack,
                                           const record::DecisionRecord& decision, Timestamp stamp);

  // Fills the plan's slots of limits and loans as of the event.
  void ReadSlots(const pack::Pack& pack, const decision::DecisionPlan& plan,
                 const record::Event& event, std::span<record::Value> slots) const;

  // A state of its own with the same content. Costs as much as the whole state is large.
  [[nodiscard]] MoneyState Copy() const;
  [[nodiscard]] bool empty() const;

  // --- reads ---
  struct NamedAccount {
    std::string role;
    std::string key;  // of the entity or loan; empty for one account of the pack
    ledger::AccountId id;
  };
  // By role, then key.
  [[nodiscard]] std::vector<NamedAccount> Accounts() const;
  [[nodiscard]] const ledger::Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const lending::LoanBook& loans() const { return loans_; }
  [[nodiscard]] std::optional<lending::LimitView> Limit(std::string_view name, std::string_view key,
                                                        Timestamp now) const;
  [[nodiscard]] std::optional<lending::Loan> LoanNamed(std::string_view name, Date today) const;

  // --- rows (docs/formats/store.md) ---
  enum class Part : uint8_t {
    kLedger = 0,
    kLimit = 1,
    kLoan = 2,
    kName = 3,
    kWaiting = 4,
    kProduct = 5,  // of loans: the pack that has it
  };
  using RowVisitor = std::function<void(Part part, std::string_view key, std::string_view value)>;
  // Every row in canonical form; within a part in the order in which RowLoader takes them.
  void VisitRows(const RowVisitor& visit) const;
  // From here on what changes is noted, for those who store rows.
  void NoteChanges();
  // Calls put with each row that is new or may have changed since the last call, and gone for those
  // that are no more. Nothing where changes are not noted.
  void TakeChanges(const RowVisitor& put,
                   const std::function<void(Part part, std::string_view key)>& gone);
  // A state from rows (money_rows.h).
  class RowLoader;

 private:
  using Name = std::pair<std::string, std::string>;  // of a role or limit, and a key
  // Tables of Part::kName. Stored. Do not change.
  static constexpr char kAccountNames = 'A';
  static constexpr char kLimitNames = 'L';
  static constexpr char kHoldNames = 'H';
  static constexpr char kLoanNames = 'N';
  struct LoanEntry {
    lending::LoanId id;
    std::string owner;                      // key of the borrower
    std::optional<lending::LimitId> limit;  // that its principal is owed on
  };
  // What a command needs of its event.
  struct Call {
    uint32_t binding = 0;  // index in the plan's bindings of the event type
    bool complete = true;  // the fields that it names were sent
    std::string by;
    std::optional<int64_t> amount;
  };
  struct EventContext {
    uint32_t event_type = 0;
    Date day;
    std::vector<Name> keys;  // entity and key
    std::vector<Call> calls;
  };
  struct Run;  // of the commands of one event or decision

  [[nodiscard]] static EventContext ContextOf(const pack::Pack& pack, const record::Event& event,
                                              bool of_decision);
  MoneyReport Carry(const pack::Pack& pack, const EventContext& context, Seq seq, Timestamp now,
                    const record::DecisionRecord* decision);
  // Each gives the status that refuses the command; empty where it was carried out.
  std::string Execute(const Call& call, Run* run);
  std::string ExecuteLimit(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteUse(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteLend(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteTransaction(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string TakeRoom(lending::LimitId limit, int64_t amount, Run* run);
  void Keep(lending::LimitId limit, lending::HoldId hold, Run* run);
  std::string PostAll(Run* run);
  ledger::AccountId AccountOf(const Run& run, std::string_view role, const std::string& loan);
  void Undo(Run* run);

  void Note(char table, const Name& name) {
    if (notes_changes_) changed_names_.emplace_back(table, name);
  }
  void NoteWaiting(Seq seq) {
    if (notes_changes_) changed_waiting_.push_back(seq);
  }
  void NoteProduct(const Digest& product) {
    if (notes_changes_) changed_products_.push_back(product);
  }
  // The row of a name as it is; false if there is none.
  bool NameRow(char table, const Name& name, std::string* key, std::string* value) const;
  static void WaitingRow(Seq seq, const EventContext* context, std::string* key,
                         std::string* value);

  ledger::Ledger ledger_;
  lending::LimitBook limits_;
  lending::LoanBook loans_;
  std::map<Name, ledger::AccountId> accounts_;
  std::map<Name, lending::LimitId> limit_ids_;
  std::map<Name, lending::HoldId> hold_ids_;
  std::map<std::string, LoanEntry, std::less<>> loan_ids_;
  std::map<Seq, EventContext> waiting_;  // for their decisions
  // Made of loan_ids_: the loans of each borrower.
  std::multimap<std::string, lending::LoanId, std::less<>> by_owner_;
  // The products that loans were made of: a pack which has each.
  std::map<Digest, Digest> products_;

  // Of TakeChanges; one maybe often.
  bool notes_changes_ = false;
  std::vector<std::pair<char, Name>> changed_names_;
  std::vector<Seq> changed_waiting_;
  std::vector<Digest> changed_products_;
};

}  // namespace credence::engine
