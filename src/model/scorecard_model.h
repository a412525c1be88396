#pragma once
// ScorecardModel: a points scorecard as its author wrote it, after every name was resolved and
// every number read. Made by the PMML importer (model/pmml.h), read by Scorecard::Bind. Immutable
// after it is made.
//
// All numbers are decimals: a threshold written 0.1 is one tenth, and points add up exactly.
//
// Standard: PMML 4.1 to 4.4, Data Mining Group: Scorecard, MiningSchema, predicates of TreeModel.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/money/decimal.h"

namespace credence::model {

inline constexpr size_t kInputsMax = 4096;
inline constexpr size_t kCharacteristicsMax = 1024;
inline constexpr size_t kAttributesMax = 1024;  // of one characteristic
inline constexpr size_t kDepthMax = 32;         // of nested predicates or expressions
inline constexpr size_t kSetValuesMax = 65536;  // of one set predicate

struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
};

enum class DataType : uint8_t { kString = 1, kInteger = 2, kNumber = 3, kBoolean = 4 };
// "string", "integer", "double", "boolean".
[[nodiscard]] std::string_view DataTypeName(DataType type);

struct Constant {
  DataType type = DataType::kString;
  Decimal number;    // kInteger, kNumber
  std::string text;  // kString
  bool boolean = false;
};

struct Interval {
  std::optional<Decimal> left;  // nothing: unbounded
  std::optional<Decimal> right;
  bool left_closed = true;
  bool right_closed = true;
};

enum class InvalidValueTreatment : uint8_t { kReturnInvalid, kAsIs, kAsMissing, kAsValue };
enum class OutlierTreatment : uint8_t { kAsIs, kAsMissing, kAsExtreme };

// A field that the model reads. The order of treatment is: values listed as missing, invalid
// values, outliers, missing values.
struct InputField {
  std::string name;
  DataType type = DataType::kString;
  Position position;                   // of its MiningField
  std::vector<Constant> valid_values;  // empty: every value (within `intervals`) is valid
  std::vector<Constant> missing_values;
  std::vector<Constant> invalid_values;
  std::vector<Interval> intervals;  // empty: no bounds
  InvalidValueTreatment invalid_treatment = InvalidValueTreatment::kReturnInvalid;
  std::optional<Constant> invalid_replacement;  // for kAsValue
  OutlierTreatment outlier_treatment = OutlierTreatment::kAsIs;
  std::optional<Decimal> low_value;
  std::optional<Decimal> high_value;
  bool missing_is_invalid = false;  // missingValueTreatment="returnInvalid"
  std::optional<Constant> missing_replacement;
};

struct Predicate {
  enum class Op : uint8_t {
    kTrue,
    kFalse,
    kEqual,
    kNotEqual,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kIsMissing,
    kIsNotMissing,
    kIn,
    kNotIn,
    kAnd,
    kOr,
    kXor,
    kSurrogate,
  };
  Op op = Op::kTrue;
  uint32_t field = 0;               // index in ScorecardModel::inputs
  std::vector<Constant> values;     // one for a comparison, any number for a set
  std::vector<Predicate> children;  // of the compound ones
};

struct Expression {
  enum class Op : uint8_t { kConstant, kField, kAdd, kSubtract, kMultiply, kDivide };
  Op op = Op::kConstant;
  Decimal constant;
  uint32_t field = 0;
  std::optional<Decimal>
      map_missing_to;  // of kField and the operations: used where an input is missing
  std::optional<Decimal> default_value;  // of the operations: used where the result is missing
  std::vector<Expression> arguments;
};

struct Attribute {
  Position position;
  Predicate predicate;
  Decimal partial_score;              // where there is no expression
  std::optional<Expression> complex;  // takes precedence
  std::string reason_code;            // its own or its characteristic's; empty without reason codes
};

struct Characteristic {
  Position position;
  std::string name;
  Decimal baseline;  // its own or the model's
  std::vector<Attribute> attributes;
};

enum class ReasonAlgorithm : uint8_t { kPointsAbove, kPointsBelow };

struct OutputField {
  enum class Feature : uint8_t { kPredictedValue, kReasonCode };
  std::string name;
  Feature feature = Feature::kPredictedValue;
  uint32_t rank = 1;  // of the reason code, from 1
};

struct ScorecardModel {
  std::string file;  // for diagnostics
  std::string name;
  std::string target;  // empty if the mining schema names none
  std::vector<InputField> inputs;
  Decimal initial_score;
  bool use_reason_codes = true;
  ReasonAlgorithm reason_algorithm = ReasonAlgorithm::kPointsBelow;
  std::vector<Characteristic> characteristics;
  std::vector<OutputField> outputs;
  size_t verified_rows = 0;  // rows of ModelVerification that were run and agreed
};

}  // namespace credence::model
