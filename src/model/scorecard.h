#pragma once
// Scorecard: a ScorecardModel bound to slots and compiled, and what it says about one set of slot
// values.
//
// Semantics (PMML 4.4, Scorecard): each characteristic gives the points of its first attribute
// whose predicate is true (unknown is not true); the score is the initial score plus all points.
// The reason code of that attribute gets the points by which it lies below (pointsBelow) or above
// (pointsAbove) the baseline; points of one code add up; codes rank by points, ties in document
// order of their first use; codes with negative points are left out.
//
// How slots are read: integer as it is; money as major units of the base currency; duration as
// seconds; absent as missing; incomplete fails the score.
//
// Points are exact: they add up in scaled integers or decimals of 34 digits. Only the division of a
// complex partial score rounds (half even, 34th digit).
//
// Immutable after Bind; any number of threads may score at once, each with its own ScoreResult.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/model/scorecard_model.h"
#include "src/money/money.h"
#include "src/record/slot.h"
#include "src/record/value.h"

namespace credence::model {

// A slot that a model may read: `index` is its place in the values given to Score.
struct InputSlot {
  std::string name;
  uint32_t index = 0;
  record::SlotType type = record::SlotType::kInteger;
};

// Why there is no score. Stored in decision records by name: do not change.
enum class ScoreFailure : uint8_t {
  kNone = 0,
  kIncompleteInput = 1,  // a slot whose history is not yet covered
  kInvalidInput = 2,     // a value that the model calls invalid and does not treat
  kMissingInput = 3,     // a missing value where the model asks for one
  kNoAttribute = 4,      // no attribute of a characteristic is true
  kNoPoints = 5,         // an expression gives no number: missing input, division by zero, overflow
};
// "incomplete-input", …; "" for kNone.
[[nodiscard]] std::string_view ScoreFailureName(ScoreFailure failure);

struct RankedReason {
  std::string_view code;  // lives as long as the Scorecard
  Decimal points;         // not negative; 0 for a code that cost nothing
};

// What Score leaves behind. Reuse one per thread: a warm one allocates nothing.
struct ScoreResult {
  ScoreFailure failure = ScoreFailure::kNone;
  std::string_view
      culprit;     // the input or characteristic of the failure; lives as long as the Scorecard
  Decimal points;  // 0 on failure
  std::vector<RankedReason> reasons;  // best first; empty on failure or without reason codes

  [[nodiscard]] bool ok() const { return failure == ScoreFailure::kNone; }
  // The reason code of a rank from 1. Beyond the last one the last is repeated, as the standard has
  // it; empty where there are none.
  [[nodiscard]] std::string_view ReasonCode(uint32_t rank) const;

 private:
  friend class Scorecard;
  struct Input {
    bool missing = true;
    int64_t scaled = 0;
    Decimal number;
    std::string_view text;
  };
  struct Sum {  // of one reason code in this score
    bool used = false;
    uint32_t first_use = 0;
    int64_t scaled = 0;
    Decimal number;
  };
  std::vector<Input> inputs_;
  std::vector<Sum> sums_;
  std::vector<uint32_t> order_;
};

class Scorecard {
 public:
  // Binds each input of `model` to the slot of that name. Nothing, and at least one error in
  // `diagnostics` (at the mining field, with the nearest slot name), if a slot is missing or its
  // type does not fit: string fields need strings, boolean ones booleans, integer ones integers,
  // double ones any number, money or duration.
  static std::optional<Scorecard> Bind(std::shared_ptr<const ScorecardModel> model,
                                       std::span<const InputSlot> slots, Currency base,
                                       std::vector<Diagnostic>* diagnostics);

  // `slots` holds a value of the bound type, absent or incomplete at each bound index (assertion).
  void Score(std::span<const record::Value> slots, ScoreResult* result) const;

  [[nodiscard]] const ScorecardModel& model() const { return *model_; }
  // Indices of the slots it reads, in order of the model's inputs.
  [[nodiscard]] const std::vector<uint32_t>& slots() const { return slot_indices_; }

 private:
  using Input = ScoreResult::Input;
  enum class Truth : uint8_t { kFalse, kTrue, kUnknown };

  // How an input's values are held: numbers of a fixed scale as integers wherever all constants
  // allow it.
  enum class Form : uint8_t { kScaled, kNumber, kText };
  struct BoundField {
    record::SlotType slot_type = record::SlotType::kInteger;
    Form form = Form::kText;
    int scale = 0;         // kScaled: digits after the point
    bool checked = false;  // has anything to treat beside absence
    std::optional<Input> missing_replacement;
    std::optional<Input> invalid_replacement;
  };

  // Predicates in pre-order: the children of node i start at i + 1, and `end` is the first node
  // behind it.
  struct Node {
    enum class Op : uint8_t {
      kTrue,
      kFalse,
      kIsMissing,
      kIsNotMissing,
      kWithin,   // low <= scaled <= high
      kWithout,  // not that
      kEqual,    // of numbers
      kNotEqual,
      kLess,
      kLessOrEqual,
      kGreater,
      kGreaterOrEqual,
      kTextEqual,
      kTextNotEqual,
      kIn,  // constants [set, set + count)
      kNotIn,
      kAnd,
      kOr,
      kXor,
      kSurrogate,
    };
    Op op = Op::kTrue;
    uint32_t field = 0;
    uint32_t end = 0;
    uint32_t set = 0;
    uint32_t count = 0;
    int64_t low = 0;
    int64_t high = 0;
  };
  struct BoundAttribute {
    uint32_t node = 0;
    uint32_t code = 0;   // index in codes_
    int64_t scaled = 0;  // points and difference at scale_, where no attribute is complex
    int64_t scaled_difference = 0;
    Decimal points;
    Decimal difference;
    const Expression* complex = nullptr;
  };
  // The values of one field cut into regions that answer every predicate of a characteristic alike,
  // so that the first attribute that holds is found by looking where a value lies. Of integers a
  // region runs from its `low` to the next one's; of numbers there is one below the first bound,
  // one at each bound and one above it.
  struct Regions {
    uint32_t field = 0;
    uint32_t missing = 0;          // attribute, as those below
    std::vector<int64_t> lows;     // kScaled: ascending; the first is the least integer
    std::vector<Decimal> bounds;   // kNumber: ascending
    std::vector<uint32_t> chosen;  // by region: the attribute, or the characteristic's `end`
  };
  struct BoundCharacteristic {
    uint32_t first = 0;  // attributes [first, end)
    uint32_t end = 0;
    std::optional<Regions> regions;  // where all predicates look at one field that is no text
  };

  Scorecard() = default;
  void BindField(const InputField& field, const InputSlot& slot, Currency base);
  void CompilePredicate(const Predicate& predicate);
  void CompileComparison(const Predicate& predicate, Node* node);
  void CompileCharacteristics();
  void CutRegions(BoundCharacteristic* characteristic);
  [[nodiscard]] bool CutIntegers(const BoundCharacteristic& characteristic, Regions* regions) const;
  [[nodiscard]] bool CutNumbers(const BoundCharacteristic& characteristic, Regions* regions) const;
  void ChooseScale();
  [[nodiscard]] Input InputOf(const Constant& constant, const BoundField& field) const;

  bool ReadInputs(std::span<const record::Value> slots, ScoreResult* result) const;
  void ReadInput(uint32_t index, const record::Value& value, Input* input) const;
  ScoreFailure Treat(uint32_t index, Input* input) const;
  [[nodiscard]] Truth Evaluate(uint32_t node, const std::vector<Input>& inputs) const;
  // The first attribute whose predicate is true; the characteristic's `end` if there is none.
  [[nodiscard]] uint32_t Choose(const BoundCharacteristic& characteristic,
                                const std::vector<Input>& inputs) const;
  [[nodiscard]] uint32_t ChooseByPredicate(const BoundCharacteristic& characteristic,
                                           const std::vector<Input>& inputs) const;
  [[nodiscard]] bool InSet(const Node& node, const Input& input) const;
  [[nodiscard]] std::optional<Decimal> Compute(const Expression& expression,
                                               const std::vector<Input>& inputs) const;
  [[nodiscard]] Decimal NumberOf(uint32_t field, const Input& input) const;
  void Rank(ScoreResult* result) const;

  std::shared_ptr<const ScorecardModel> model_;
  std::vector<uint32_t> slot_indices_;
  std::vector<BoundField> fields_;
  std::vector<Node> nodes_;
  std::vector<Input> constants_;
  std::vector<BoundAttribute> attributes_;
  std::vector<BoundCharacteristic> characteristics_;
  std::vector<std::string_view> codes_;
  bool all_scaled_ = false;  // every partial score is a constant that fits scale_
  int scale_ = 0;
  int64_t initial_scaled_ = 0;
};

}  // namespace credence::model
