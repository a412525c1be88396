#pragma once
// Engine: the single writer. It takes events in batches, admits them, decides and applies them in
// memory, appends requests and facts of the batch to the journal as one frame, syncs, and only then
// lets anything out.
//
// Process returns one outcome per event, in order. A business refusal (late, duplicate with other
// content, …) is an outcome and leaves no trace. A Status means that nothing of the batch was
// released; if it came from the disk, memory is ahead of it: the engine is stopped, refuses
// everything with kUnavailable, and the caller opens it again from the journal.
//
// Recovery folds the journal's facts and never decides again; `study::Verify` checks that deciding
// again gives the same.
//
// Time is an argument. One thread at a time.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/decision/decide.h"
#include "src/engine/core.h"
#include "src/journal/journal.h"
#include "src/pack/pack.h"
#include "src/record/event.h"
#include "src/record/fact.h"

namespace credence::engine {

inline constexpr size_t kBatchEventsMax = 256;
// A batch is cut into frames where its records pass this; one event with its decision stays
// together.
inline constexpr size_t kFrameRecordBytes = size_t{4} << 20;
// 2261-01-01T00:00:00Z: no event arrives later, so that stamps can always grow.
inline constexpr Timestamp kStampEnd{9'183'110'400'000'000'000};

// Why an event was refused. The order is the order of precedence: the first that holds is given.
enum class Refusal : uint8_t {
  kNone = 0,
  kNoPack = 1,              // no pack is active
  kIdWithOtherContent = 2,  // (source, id) was here with other content
  kTooFarInFuture = 3,      // time - stamp is beyond the pack's bound
  kTooLate = 4,             // stamp - time is beyond the pack's bound
  kNoRate = 5,              // an amount in a currency that has no rate to the base currency
  kAmountOutOfRange = 6,    // an amount that does not fit the base currency
  kReversesUnknown =
      7,               // no such event of this source that can be reversed, or its bound has passed
  kReversesTwice = 8,  // it was reversed before
};
[[nodiscard]] std::string_view RefusalName(Refusal refusal);

struct Outcome {
  enum class Kind : uint8_t {
    kApplied,    // counted; the event asked for no decision
    kDecided,    // counted and decided
    kDuplicate,  // was here with the same content; `seq` is that of the first time
    kRefused,    // no trace
  };
  Kind kind = Kind::kRefused;
  Refusal refusal = Refusal::kNone;
  std::string field;     // what a refusal is about: "time", "id", "data.amount", "reverses"
  std::string expected;  // one sentence
  Seq seq;
  Timestamp stamp;
  std::shared_ptr<const record::DecisionRecord> decision;  // kDecided
  // What became of the commands of the event and of its decision; nothing where it has none. A
  // refused command is no refusal of the event.
  std::optional<MoneyReport> money;
  std::optional<MoneyReport> money_of_decision;
};

// How time passes. Live: the caller's clock. History: each event arrives at its own time, so that
// old streams keep their windows; a server may be loaded so and then go live.
enum class Arrival : uint8_t { kLive = 0, kHistory = 1 };

struct Options {
  journal::Options journal;
  // Folds the journal without writing, cutting or locking it: DryRun and reading only.
  bool read_only = false;
  Core::Observer on_decision;  // may be empty
  // Called during Open after each frame with the number of events folded so far. May be empty.
  std::function<void(uint64_t events)> on_progress;
};

struct OpenReport {
  uint64_t events = 0;  // folded from the journal
  uint64_t decisions = 0;
  bool sealed = false;             // the last writer left in order
  bool state_matches_seal = true;  // checked where sealed
  journal::Tail cut;               // what was cut from the journal's end
};

class Engine {
 public:
  // `folder` holds journal/ and artefacts/; it is made if it is missing. kDataLoss on damage.
  static Result<std::unique_ptr<Engine>> Open(FileSystem& files, const std::string& folder,
                                              Options options = {});
  ~Engine();

  // Puts the pack beside the journal and journals its activation. Takes effect for the next event.
  Status Activate(std::shared_ptr<const pack::Pack> pack, std::string_view activated_by,
                  std::string_view approved_by, Timestamp now);
  Status SetKillSwitch(bool on, std::string_view decision, std::string_view by,
                       std::string_view reason, Timestamp now);
  // kInvalidArgument unless `rate` is positive and `from` is not the base currency.
  Status SetRate(Currency from, Decimal rate, std::string_view by, Timestamp now);
  // The answer of an outside source, on which the parked decision of `parked_seq` resumes.
  // kNotFound if none waits there for `source`.
  Result<std::shared_ptr<const record::DecisionRecord>> TakeAnswer(record::Answer answer,
                                                                   Timestamp now);

  // At most kBatchEventsMax events, made by the gate for the active pack.
  Result<std::vector<Outcome>> Process(std::span<const record::Event> events, Arrival arrival,
                                       Timestamp now);
  // What Process would say of one event. Leaves no trace.
  Outcome DryRun(const record::Event& event, Arrival arrival, Timestamp now);

  [[nodiscard]] const pack::Pack* pack() const { return core_.state.pack.get(); }
  [[nodiscard]] const State& state() const { return core_.state; }
  [[nodiscard]] const OpenReport& opened() const { return report_; }
  // Not for an engine that is read-only.
  [[nodiscard]] const journal::Journal& journal() const { return *journal_; }

  // Seals the journal with the state hash. The engine takes nothing more.
  Status Close();

 private:
  Engine(FileSystem& files, std::string folder, Options options);
  Status Recover();
  Status RecoverReadOnly();
  Status FoldFrame(const journal::FrameView& frame);
  Status CheckSeal(const std::string& seal);
  Status Commit();
  Status CommitCommand(std::string record, Seq seq, Timestamp stamp);
  [[nodiscard]] Timestamp NextStamp(Timestamp clock) const;

  Outcome Admit(record::Event* event, Arrival arrival, Timestamp now);
  bool CheckTime(const record::Event& event, Outcome* outcome) const;
  bool CheckReversal(const record::Event& event, Outcome* outcome) const;
  bool ConvertAmounts(record::Event* event, Outcome* outcome);
  Outcome Take(const record::Event& raw, Arrival arrival, Timestamp now, bool keep);
  void Overlay(const record::Event& event, const feature::Arrival& arrival,
               std::vector<std::unique_ptr<feature::EntityState>>* copies);
  void Keep(std::string record) {
    record_bytes_ += record.size();
    records_.push_back(std::move(record));
  }

  FileSystem& files_;
  std::string folder_;
  Options options_;
  Core core_;
  std::unique_ptr<journal::Journal> journal_;
  OpenReport report_;
  Status stopped_;
  // Of the batch.
  Arena arena_;
  std::vector<std::string> records_;
  size_t record_bytes_ = 0;
  // Of one event.
  std::vector<EntityRef> touched_;
  std::vector<Core::Source> sources_;
};

}  // namespace credence::engine
