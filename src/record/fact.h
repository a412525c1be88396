#pragma once
// Facts and commands: all that the journal keeps beside events, with their codec. Recovery folds
// these; it never decides again.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "src/base/digest.h"
#include "src/base/int128.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"
#include "src/record/event.h"
#include "src/record/value.h"

namespace credence::record {

// Stored, the first byte of each record in a frame. Do not change; add at the end.
enum class RecordKind : uint8_t {
  kEvent = 1,
  kDecision = 2,
  kActivation = 3,
  kKillSwitch = 4,
  kRate = 5,    // exchange rate
  kAnswer = 6,  // what an outside source said, on which a parked decision resumes
  kTimers = 7,  // due timers that fired together
  // 8 to 15: reserved for cases and collections.
  kActivationRequest = 16,  // asked for; a second person has to approve
};

// Where a decision's outcome came from. Stored. Do not change.
enum class DecisionPath : uint8_t {
  kPolicy = 1,
  kFallback = 2,    // a model or the policy failed: the pack's fallback outcome
  kKillSwitch = 3,  // switched off by an operator: the pack's kill-switch outcome
  kParked = 4,      // waits for an outside source; no outcome yet
};

struct SlotValue {
  uint32_t slot =
      0;  // index in the decision's slot table (pack::DecisionPlan), stable for one pack digest
  Value value;  // text owned by DecisionRecord::text
};

// One decision. `id` is made from the sequence of the event that asked: "D-" and 12 or more digits.
struct DecisionRecord {
  Seq seq;         // of the event that asked (of the answer, for a resumed one: see `parked_seq`)
  Seq parked_seq;  // of the event whose decision was parked and resumes here; 0 for none
  uint32_t decision = 0;  // index in the pack
  Timestamp time;         // event time
  DecisionPath path = DecisionPath::kPolicy;
  std::string outcome;                            // "approve"; empty while parked
  std::string needs;                              // the source that a parked decision waits for
  std::string failure;                            // why the fallback was taken; empty otherwise
  std::optional<Decimal> score;                   // points
  std::optional<Decimal> probability_of_default;  // 0..1, at most 6 digits after the point
  std::optional<Money> limit;                     // where the policy gives one
  std::string offer;                 // name of a product or plan where the policy gives one
  std::vector<std::string> reasons;  // codes in order of weight; texts are the pack's
  struct MatchedRule {
    std::string table;  // decision or knowledge model that holds the table
    uint32_t rule = 0;  // row from 1
    friend bool operator==(const MatchedRule&, const MatchedRule&) = default;
  };
  std::vector<MatchedRule> matched_rules;
  std::vector<SlotValue> slots;   // all that models and policy read
  Digest pack;                    // digest of the pack (names models and policy by digest)
  std::vector<Digest> artefacts;  // models, policy, time zone: in the order of the pack's manifest
  std::string text;               // owns the slots' text

  // As new, with the memory that it has.
  void Clear();
  // Asks the memory for what the next decision in it will write.
  void Warm() const;

  [[nodiscard]] std::string Id() const { return IdFor(seq); }
  static std::string IdFor(Seq seq);
  static std::optional<Seq> SeqFromId(std::string_view id);

  DecisionRecord() = default;
  DecisionRecord(DecisionRecord&&) = default;
  DecisionRecord& operator=(DecisionRecord&&) = default;
  DecisionRecord(const DecisionRecord&) = delete;
  DecisionRecord& operator=(const DecisionRecord&) = delete;
};

struct Activation {
  Seq seq;
  Timestamp stamp;
  Digest pack;
  std::vector<Digest> artefacts;
  std::string pack_name;
  std::string activated_by;  // who asked
  std::string approved_by;   // who approved; may be empty where the pack does not ask for two
};

// Somebody asks that a pack be put in charge. It waits for a second person until a pack is.
struct ActivationRequest {
  Seq seq;
  Timestamp stamp;
  Digest pack;
  std::string pack_name;
  std::string by;
};

struct KillSwitch {
  Seq seq;
  Timestamp stamp;
  bool on = false;
  std::string decision;  // empty: all decisions
  std::string by;
  std::string reason;
};

struct Rate {
  Seq seq;
  Timestamp stamp;
  Currency from;
  Decimal rate;  // base units for one unit of `from`, both major; positive
  std::string by;
};

struct Answer {
  Seq seq;
  Timestamp stamp;
  Seq parked_seq;                                           // the event whose decision waits
  std::string source;                                       // as in DecisionRecord::needs
  std::string status;                                       // "ok", "timeout", "error"
  std::vector<std::pair<std::string, std::string>> values;  // name and FEEL text, in name order
};

// What came to its time. In the order in which those of one instant fire. Stored. Do not change;
// add at the end.
enum class TimerKind : uint8_t {
  kPendingOver = 1,  // a pending transfer: what it held is free
  kHoldOver = 2,     // a hold of a credit limit: its room is free
  kDueDayOver = 3,   // a loan: the day on which it had to pay is over
};
inline constexpr uint8_t kTimerKindMax = 3;

struct TimerItem {
  TimerKind kind = TimerKind::kPendingOver;
  Timestamp due;       // when it was to fire
  UInt128 id = 0;      // of the transfer, the hold or the loan; below 2^64 for the last two
  int64_t amount = 0;  // minor units that are free again; 0 for a loan
  // Of a loan alone: the due date; what is overdue at its end, of all due dates so far; the
  // transfers that were made to book it, and the status that refused them (then there are none).
  Date day;
  int64_t principal = 0;
  int64_t interest = 0;
  int64_t fee = 0;
  int64_t penalty = 0;
  uint32_t transfers = 0;
  std::string refused;
  // The order in which timers fire.
  [[nodiscard]] auto Order() const { return std::tuple(due, kind, id); }
  friend bool operator==(const TimerItem&, const TimerItem&) = default;
};

// Items of one record: at least one.
inline constexpr size_t kTimerItemsMax = 256;

struct Timers {
  Seq seq;
  Timestamp stamp;               // when they fired: no item is due later
  std::vector<TimerItem> items;  // ascending in TimerItem::Order
};

// Each Encode appends one whole record, kind byte first.
void EncodeDecision(const DecisionRecord& decision, std::string* out);
void EncodeActivation(const Activation& activation, std::string* out);
void EncodeActivationRequest(const ActivationRequest& request, std::string* out);
void EncodeKillSwitch(const KillSwitch& kill_switch, std::string* out);
void EncodeRate(const Rate& rate, std::string* out);
void EncodeAnswer(const Answer& answer, std::string* out);
void EncodeTimers(const Timers& timers, std::string* out);

using AnyRecord = std::variant<Event, DecisionRecord, Activation, KillSwitch, Rate, Answer, Timers,
                               ActivationRequest>;
// kDataLoss with kind and position on anything but a whole, canonical record of a known kind.
Result<AnyRecord> DecodeRecord(std::string_view bytes, Arena* arena);
Result<DecisionRecord> DecodeDecision(std::string_view bytes);

}  // namespace credence::record
