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
// What the commands of a reversible event (and of its decision) did is kept until its bound has
// passed. An event that reverses it undoes them, the last first, before its own commands, and with
// them: together or not at all. Afterwards balances, limits and loans are as if they had not been;
// the history keeps everything, since what was booked is corrected by new transfers. Nothing asks
// for headroom that may be gone. It is refused where somebody else has used what is to go:
//   in_use                   a limit that is owed on or held, or has others within it; a loan that
//                            has been paid on
//   hold_already_captured, pending_transfer_already_posted    and that was not taken back before
//   exceeds_committed        what was captured, or lent, is repaid already
//   exceeds_credits, exceeds_debits    of an account that may not be overdrawn
//
// A transaction that comes late, or is taken back, makes the money of others fall in another way:
// their old split is booked back and the new one booked, and their limit follows.
//
// Timers: expiry and due-ness are predicates on time, evaluated at read. What has to be posted when
// something comes to its time is found in the order (due, kind, id) by DueTimers, and posted by
// FireTimers, from a record of the journal:
//   a pending transfer, a hold   what it held is free. Commands free all that is over before
//                                anything else, so a timer changes no answer: it takes the work
//                                from them
//   a loan's due date            at the end of that day, in the pack's zone, what is overdue on the
//                                loan is booked by the `overdue` posting of its product, if it has
//                                one
// From then on the books keep what is overdue as of the last day that a timer has turned: what
// comes late, or is taken back, books it anew. Days past due, buckets, classes, accrued interest,
// penalties and late fees are derived, raises that end are read as of their time: nothing is
// posted.
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

#include "src/base/bytes.h"
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
  uint32_t applied = 0;   // commands, all of them or none
  uint32_t reversed = 0;  // commands of the event that this one reverses
  uint32_t transfers = 0;
  std::string refused;  // "hold credit"; empty if none was
  std::string status;   // "exceeds_headroom"
  friend bool operator==(const MoneyReport&, const MoneyReport&) = default;
};

// The day in the pack's zone that an instant lies in.
[[nodiscard]] Date LocalDay(const pack::Pack& pack, Timestamp time);
// The first instant of a day in the pack's zone; of a midnight that the clocks skip the instant at
// which they do, or soon after; of one that they strike twice the first.
[[nodiscard]] Timestamp StartOfDay(const pack::Pack& pack, Date day);

class MoneyState {
 public:
  // The commands that the event's type gives at once. What those of its decision will need is kept
  // until the decision was made. Nothing where there are no commands. `reversed` is the sequence of
  // the event that this one reverses; 0: none.
  std::optional<MoneyReport> ApplyEvent(const pack::Pack& pack, const record::Event& event,
                                        Seq reversed = Seq());
  // The commands of the decision's outcome, once there is one. `stamp` is the arrival of what made
  // the decision; `pack` the one that made it.
  std::optional<MoneyReport> ApplyDecision(const pack::Pack& pack,
                                           const record::DecisionRecord& decision, Timestamp stamp);

  // Whether what the commands of the event did stands and may be undone: not yet reversed, or a
  // reversal was refused.
  [[nodiscard]] bool MayBeUndone(Seq event) const { return effects_.contains(event); }
  // What is due by `now` and has not fired, without the transfers that it would make: the first
  // `max`, in the order in which it fires; fewer where one of them would make another fall due that
  // comes before the next.
  [[nodiscard]] std::vector<record::TimerItem> DueTimers(const pack::Pack& pack, Timestamp now,
                                                         size_t max) const;
  // None of them is due before it; nothing where none will ever be. It costs the same whatever
  // there is, and may be the end of a pending transfer that was resolved before.
  [[nodiscard]] std::optional<Timestamp> NextTimer(const pack::Pack& pack) const;
  // Fires what DueTimers said at the same state, or a part of it from the first on, as the command
  // `seq`. What is to be booked is not computed again. Fills in transfers and refusals. kDataLoss
  // if the items do not follow from the state, which is of no use then.
  Status FireTimers(const pack::Pack& pack, Seq seq, Timestamp now,
                    std::span<record::TimerItem> items);

  // The event cannot be reversed any more.
  void Forget(Seq event);
  // Forgets all that `keep` does not say yes to.
  void ForgetUnless(const std::function<bool(Seq event)>& keep);

  // Fills the plan's slots of limits and loans as of the event.
  void ReadSlots(const pack::Pack& pack, const decision::DecisionPlan& plan,
                 const record::Event& event, std::span<record::Value> slots) const;

  // While it lives everything is as ever; when it goes the state is what it was before. Costs what
  // was changed meanwhile. One at a time; nobody takes changes meanwhile.
  class Trial {
   public:
    explicit Trial(MoneyState* money);
    ~Trial();
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

   private:
    MoneyState& money_;
    std::vector<std::function<void()>> undo_;
    // What was noted of changes before.
    size_t names_;
    size_t waiting_;
    size_t products_;
    size_t bookings_;
    size_t effects_;
    size_t overdue_;
    size_t loans_;
  };

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
  [[nodiscard]] std::optional<lending::LoanId> LoanIdOf(std::string_view name) const;
  // What of the loan stands in the books as overdue.
  [[nodiscard]] lending::Allocation BookedOverdue(std::string_view loan) const;

  // --- rows (docs/formats/store.md) ---
  enum class Part : uint8_t {
    kLedger = 0,
    kLimit = 1,
    kLoan = 2,
    kName = 3,
    kWaiting = 4,
    kProduct = 5,  // of loans: the pack that has it
    kBooking = 6,  // of a loan's transaction: how it stands in the ledger
    kEffects = 7,  // of an event that may be reversed
    kOverdue = 8,  // of a loan: what stands in the ledger as overdue
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
  static constexpr char kPendingNames = 'P';
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
    Seq event;  // that asked, and may be reversed
    uint32_t event_type = 0;
    Date day;
    std::vector<Name> keys;  // entity and key
    std::vector<Call> calls;
  };
  // Transfers that were made at one go: their ids are EngineTransferId(seq, first), … of `count`.
  struct Transfers {
    Seq seq;
    uint32_t first = 0;
    uint32_t count = 0;
  };
  // A transaction of a loan as it stands in the ledger.
  struct Booking {
    std::string posting;
    std::vector<Name> keys;  // of the event: whose the accounts are
    Transfers transfers;
  };
  using BookingKey = std::pair<lending::LoanId, uint64_t>;
  // What of a loan stands in the ledger as overdue. `amounts` are those that were asked for,
  // whether the posting uses them all or not.
  struct OverdueBooking {
    lending::Allocation amounts;
    Transfers transfers;
  };
  // Stored. Do not change.
  enum class EffectKind : uint8_t {
    kLimit = 1,    // id: the limit, other: place of the change, name: the limit's
    kHold = 2,     // id: the hold, name: its own
    kCapture = 3,  // id: the hold, amount
    kRelease = 4,  // id: the hold, name: its own
    kRestore = 5,  // id: the limit, amount
    kLend = 6,     // id: the loan, other: its transaction, amount, name.first: the loan's
    kLoan = 7,     // id: the loan, other: the transaction, name.first: the loan's
    kPost = 8,     // transfers
    kPend = 9,     // name
    kSettle = 10,  // name, transfers; before: what was pending
    kVoid = 11,    // name; before: what was pending
  };
  static constexpr uint8_t kEffectKindMax = 11;
  // What a command did, as far as undoing it needs to know.
  struct Effect {
    EffectKind kind = EffectKind::kPost;
    uint64_t id = 0;
    uint64_t other = 0;
    int64_t amount = 0;
    Name name;
    Transfers transfers;
    Transfers before;
    std::string what;  // "hold credit", for reports
  };
  struct Effects {
    Seq waiting;  // where the commands of its decision wait; 0: they do not
    std::vector<Effect> list;
  };
  struct Run;   // of the commands of one event or decision
  struct Step;  // of a run: transfers that belong together

  [[nodiscard]] static EventContext ContextOf(const pack::Pack& pack, const record::Event& event,
                                              bool of_decision);
  MoneyReport Carry(const pack::Pack& pack, const EventContext& context, Seq seq, Timestamp now,
                    const record::DecisionRecord* decision, Seq reversed);
  // Each gives the status that refuses the command; empty where it was carried out.
  std::string Execute(const Call& call, Run* run);
  std::string ExecuteLimit(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteHold(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteUse(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteLend(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecuteTransaction(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string ExecutePending(const pack::MoneyBinding& binding, const Call& call, Run* run);
  std::string TakeRoom(lending::LimitId limit, int64_t amount, Run* run);
  void Keep(lending::LimitId limit, lending::HoldId hold, Run* run);
  // The same for what one command of a reversed event did.
  std::string UndoEffect(const Effect& effect, Run* run);
  std::string UndoLimit(const Effect& effect, Run* run);
  std::string UndoPending(const Effect& effect, Run* run);
  std::string UndoLoan(const Effect& effect, Run* run);
  // Books what moved and lets the loan's limit follow.
  std::string Follow(const LoanEntry& entry, const std::string& loan, uint64_t transaction,
                     const std::vector<lending::BookResult::Moved>& moved, Run* run);
  std::string FollowLimit(const LoanEntry& entry, int64_t paid, Run* run);
  static std::map<std::string, int64_t, std::less<>> AmountsOf(const lending::Allocation& fell);
  void AddOwner(const std::string& loan, const LoanEntry& entry);
  void DropOwner(const LoanEntry& entry);
  // What is overdue on the loan at the end of the day up to which it was turned.
  [[nodiscard]] lending::Allocation OverdueAt(lending::LoanId id, Date turned) const;
  void BookOverdue(const LoanEntry& entry, const std::string& loan,
                   const lending::Allocation& amounts, Run* run);
  void FollowOverdue(Run* run);
  Status FireReleases(Timestamp now, std::span<const record::TimerItem> items);
  Status FireDueDay(const pack::Pack& pack, Seq seq, Timestamp now, uint32_t* first,
                    record::TimerItem* item);
  std::string PostAll(Run* run);
  std::string StepTransfers(const Run& run, const Step& step, uint32_t first,
                            std::vector<ledger::TransferSpec>* out);
  std::string AnswerTransfers(const Run& run, const Step& step, uint32_t first,
                              std::vector<ledger::TransferSpec>* out) const;
  void Done(const EventContext& context, Seq reversed, Run* run);
  ledger::AccountId AccountOf(const Run& run, const std::vector<Name>& keys, std::string_view role,
                              const std::string& loan);
  void Undo(Run* run);
  void PutBack(const std::vector<lending::LimitBook::Saved>& limits,
               const std::vector<lending::LoanBook::Saved>& loans,
               const std::vector<std::function<void()>>& undo);
  // For a trial: how the entry of the map is now, before it changes.
  template <class Map>
  void Before(Map* map, const typename Map::key_type& key);
  // Names of each table: put (over what is there) or taken away, and put back by Undo.
  template <class Map, class Value>
  void SetName(char table, Map* names, const typename Map::key_type& name,
               std::optional<Value> value, Run* run);

  void Note(char table, const Name& name) {
    if (notes_changes_) changed_names_.emplace_back(table, name);
  }
  void NoteWaiting(Seq seq) {
    if (notes_changes_) changed_waiting_.push_back(seq);
  }
  void NoteProduct(const Digest& product) {
    if (notes_changes_) changed_products_.push_back(product);
  }
  void NoteBooking(const BookingKey& key) {
    if (notes_changes_) changed_bookings_.push_back(key);
  }
  void NoteEffects(Seq event) {
    if (notes_changes_) changed_effects_.push_back(event);
  }
  void NoteOverdue(lending::LoanId id) {
    if (notes_changes_) changed_overdue_.push_back(id);
  }
  static void Put(const Transfers& transfers, ByteWriter* out);
  static void OverdueRow(lending::LoanId id, const OverdueBooking* booking, std::string* key,
                         std::string* value);
  static void BookingRow(const BookingKey& of, const Booking* booking, std::string* key,
                         std::string* value);
  static void EffectsRow(Seq event, const Effects* effects, std::string* key, std::string* value);
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
  std::map<Name, Transfers> pending_;    // posting and name
  std::map<Seq, EventContext> waiting_;  // for their decisions
  std::map<BookingKey, Booking> bookings_;
  std::map<Seq, Effects> effects_;  // of events that may be reversed
  // Made of loan_ids_: the loans of each borrower.
  std::multimap<std::string, lending::LoanId, std::less<>> by_owner_;
  std::map<lending::LoanId, std::string> loan_names_;  // made of loan_ids_
  std::map<lending::LoanId, OverdueBooking> overdue_;
  // The products that loans were made of: a pack which has each.
  std::map<Digest, Digest> products_;

  std::vector<std::function<void()>>* trial_ = nullptr;  // how to make it what it was

  // Of TakeChanges; one maybe often.
  bool notes_changes_ = false;
  std::vector<std::pair<char, Name>> changed_names_;
  std::vector<Seq> changed_waiting_;
  std::vector<Digest> changed_products_;
  std::vector<BookingKey> changed_bookings_;
  std::vector<Seq> changed_effects_;
  std::vector<lending::LoanId> changed_overdue_;
};

}  // namespace credence::engine
