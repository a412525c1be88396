#include "src/model/scorecard.h"

#include <algorithm>
#include <limits>

#include "src/base/assert.h"

namespace credence::model {
namespace {

constexpr int kDurationScale = 9;  // nanoseconds of a duration read as seconds

Decimal PowerOfTen(int exponent) { return Decimal::FromScaled(1, exponent); }

// An integer-valued decimal, held at the ends of a range that no slot reaches.
Int128 ToInt128Clamped(Decimal value) {
  constexpr Int128 kFar = Int128{1} << 100;
  const std::optional<Int128> exact = value.ToScaled(0);
  if (exact && *exact > -kFar && *exact < kFar) return *exact;
  return value.IsNegative() ? -kFar : kFar;
}

std::optional<int64_t> ToScaledInt64(Decimal value, int scale) {
  const std::optional<Int128> scaled = value.ToScaled(scale);
  if (!scaled || *scaled < std::numeric_limits<int64_t>::min() ||
      *scaled > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*scaled);
}

// Whether values of a slot may be read as a field of that type; `scale` gets the digits after the
// point of those that are integers inside, and -1 for the others.
bool Fits(DataType field, record::SlotType slot, Currency base, int* scale) {
  using record::SlotType;
  *scale = -1;
  switch (field) {
    case DataType::kString:
      return slot == SlotType::kString;
    case DataType::kBoolean:
      *scale = 0;
      return slot == SlotType::kBoolean;
    case DataType::kInteger:
      *scale = 0;
      return slot == SlotType::kInteger;
    case DataType::kNumber:
      break;
  }
  if (slot == SlotType::kInteger) *scale = 0;
  if (slot == SlotType::kMoney) *scale = base.digits();
  if (slot == SlotType::kDuration) *scale = kDurationScale;
  return *scale >= 0 || slot == SlotType::kDecimal;
}

bool Inside(Decimal value, const Interval& interval) {
  if (interval.left && (interval.left_closed ? value < *interval.left : value <= *interval.left)) {
    return false;
  }
  return !interval.right ||
         (interval.right_closed ? value <= *interval.right : value < *interval.right);
}

}  // namespace

std::string_view ScoreFailureName(ScoreFailure failure) {
  switch (failure) {
    case ScoreFailure::kNone:
      return "";
    case ScoreFailure::kIncompleteInput:
      return "incomplete-input";
    case ScoreFailure::kInvalidInput:
      return "invalid-input";
    case ScoreFailure::kMissingInput:
      return "missing-input";
    case ScoreFailure::kNoAttribute:
      return "no-attribute";
    case ScoreFailure::kNoPoints:
      return "no-points";
  }
  return "";
}

std::string_view ScoreResult::ReasonCode(uint32_t rank) const {
  if (reasons.empty() || rank == 0) return {};
  return reasons[std::min<size_t>(rank, reasons.size()) - 1].code;
}

std::optional<Scorecard> Scorecard::Bind(std::shared_ptr<const ScorecardModel> model,
                                         std::span<const InputSlot> slots, Currency base,
                                         std::vector<Diagnostic>* diagnostics) {
  Scorecard card;
  card.model_ = std::move(model);
  std::vector<std::string> names;
  for (const InputSlot& slot : slots) names.push_back(slot.name);
  bool good = true;
  const auto fail = [&](const InputField& field, const char* code, std::string message,
                        std::string hint) {
    good = false;
    diagnostics->push_back({Severity::kError, card.model_->file, field.position.line,
                            field.position.column, code, std::move(message), std::move(hint)});
  };
  for (const InputField& field : card.model_->inputs) {
    const auto slot = std::find_if(slots.begin(), slots.end(),
                                   [&](const InputSlot& s) { return s.name == field.name; });
    if (slot == slots.end()) {
      const std::string_view nearest = NearestName(field.name, names);
      fail(field, "unknown-slot", "there is no slot '" + field.name + "'",
           nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?");
      continue;
    }
    int scale = 0;
    if (!Fits(field.type, slot->type, base, &scale)) {
      fail(field, "bad-type",
           "'" + field.name + "' is declared " + std::string(DataTypeName(field.type)) +
               ", which does not fit the slot's type",
           "");
      continue;
    }
    card.BindField(field, *slot, base);
  }
  if (!good) return std::nullopt;
  card.CompileCharacteristics();
  card.ChooseScale();
  return card;
}

void Scorecard::BindField(const InputField& field, const InputSlot& slot, Currency base) {
  BoundField bound;
  bound.slot_type = slot.type;
  const bool fits = Fits(field.type, slot.type, base, &bound.scale);
  CREDENCE_ASSERT(fits);
  bound.form = field.type == DataType::kString ? Form::kText
               : bound.scale < 0               ? Form::kNumber
                                               : Form::kScaled;
  const auto representable = [&](const std::optional<Constant>& constant) {
    return !constant || constant->type == DataType::kBoolean ||
           ToScaledInt64(constant->number, bound.scale).has_value();
  };
  const bool clamps = field.outlier_treatment == OutlierTreatment::kAsExtreme;
  if (bound.form == Form::kScaled && (!representable(field.missing_replacement) ||
                                      !representable(field.invalid_replacement) || clamps)) {
    bound.form =
        Form::kNumber;  // a value that is not a whole number of the slot's units may come up
  }
  if (field.missing_replacement) {
    bound.missing_replacement = InputOf(*field.missing_replacement, bound);
  }
  if (field.invalid_replacement) {
    bound.invalid_replacement = InputOf(*field.invalid_replacement, bound);
  }
  bound.checked = !field.valid_values.empty() || !field.invalid_values.empty() ||
                  !field.missing_values.empty() || !field.intervals.empty() ||
                  field.outlier_treatment != OutlierTreatment::kAsIs;
  slot_indices_.push_back(slot.index);
  fields_.push_back(bound);
}

Scorecard::Input Scorecard::InputOf(const Constant& constant, const BoundField& field) const {
  Input input;
  input.missing = false;
  if (constant.type == DataType::kBoolean) {
    input.scaled = constant.boolean ? 1 : 0;
  } else if (field.form == Form::kText) {
    input.text = constant.text;
  } else if (field.form == Form::kScaled) {
    input.scaled = ToScaledInt64(constant.number, field.scale).value();
  } else {
    input.number = constant.number;
  }
  return input;
}

// --- Compiling
// ---------------------------------------------------------------------------------------------

void Scorecard::CompilePredicate(const Predicate& predicate) {
  using From = Predicate::Op;
  using To = Node::Op;
  const size_t index = nodes_.size();
  nodes_.emplace_back();
  Node node;
  node.field = predicate.field;
  switch (predicate.op) {
    case From::kTrue:
      node.op = To::kTrue;
      break;
    case From::kFalse:
      node.op = To::kFalse;
      break;
    case From::kIsMissing:
      node.op = To::kIsMissing;
      break;
    case From::kIsNotMissing:
      node.op = To::kIsNotMissing;
      break;
    case From::kAnd:
      node.op = To::kAnd;
      break;
    case From::kOr:
      node.op = To::kOr;
      break;
    case From::kXor:
      node.op = To::kXor;
      break;
    case From::kSurrogate:
      node.op = To::kSurrogate;
      break;
    case From::kIn:
      node.op = To::kIn;
      break;
    case From::kNotIn:
      node.op = To::kNotIn;
      break;
    default:
      CompileComparison(predicate, &node);
      break;
  }
  if (node.op == To::kIn || node.op == To::kNotIn) {
    const BoundField& field = fields_[predicate.field];
    node.set = static_cast<uint32_t>(constants_.size());
    for (const Constant& constant : predicate.values) {
      const bool never_equal = field.form == Form::kScaled && constant.type != DataType::kBoolean &&
                               !ToScaledInt64(constant.number, field.scale);
      if (!never_equal) constants_.push_back(InputOf(constant, field));
    }
    node.count = static_cast<uint32_t>(constants_.size()) - node.set;
    std::sort(constants_.begin() + node.set, constants_.end(), [](const Input& a, const Input& b) {
      if (a.scaled != b.scaled) return a.scaled < b.scaled;
      if (a.number != b.number) return a.number < b.number;
      return a.text < b.text;
    });
  }
  for (const Predicate& child : predicate.children) CompilePredicate(child);
  node.end = static_cast<uint32_t>(nodes_.size());
  nodes_[index] = node;
}

void Scorecard::CompileComparison(const Predicate& predicate, Node* node) {
  using From = Predicate::Op;
  using To = Node::Op;
  const BoundField& field = fields_[predicate.field];
  const Constant& constant = predicate.values.front();
  if (field.form != Form::kScaled) {
    node->set = static_cast<uint32_t>(constants_.size());
    node->count = 1;
    constants_.push_back(InputOf(constant, field));
    if (field.form == Form::kText) {
      node->op = predicate.op == From::kEqual ? To::kTextEqual : To::kTextNotEqual;
      return;
    }
    switch (predicate.op) {
      case From::kEqual:
        node->op = To::kEqual;
        return;
      case From::kNotEqual:
        node->op = To::kNotEqual;
        return;
      case From::kLess:
        node->op = To::kLess;
        return;
      case From::kLessOrEqual:
        node->op = To::kLessOrEqual;
        return;
      case From::kGreater:
        node->op = To::kGreater;
        return;
      default:
        node->op = To::kGreaterOrEqual;
        return;
    }
  }
  // Every comparison of an integer with a constant is an interval of integers.
  const Decimal value = constant.type == DataType::kBoolean
                            ? Decimal::FromInt64(constant.boolean ? 1 : 0)
                            : constant.number * PowerOfTen(field.scale);
  const Int128 floor = ToInt128Clamped(value.Floor());
  const Int128 ceiling = ToInt128Clamped(value.Ceiling());
  constexpr Int128 kMin = std::numeric_limits<int64_t>::min();
  constexpr Int128 kMax = std::numeric_limits<int64_t>::max();
  Int128 low = kMin;
  Int128 high = kMax;
  switch (predicate.op) {
    case From::kLess:
      high = ceiling - 1;
      break;
    case From::kLessOrEqual:
      high = floor;
      break;
    case From::kGreater:
      low = floor + 1;
      break;
    case From::kGreaterOrEqual:
      low = ceiling;
      break;
    default:
      low = ceiling;
      high = floor;
      break;  // empty unless the constant is a whole number of units
  }
  low = std::max(low, kMin);
  high = std::min(high, kMax);
  if (low > high) {
    low = 1;
    high = 0;
  }
  node->op = predicate.op == From::kNotEqual ? To::kWithout : To::kWithin;
  node->low = static_cast<int64_t>(low);
  node->high = static_cast<int64_t>(high);
}

void Scorecard::CompileCharacteristics() {
  for (const Characteristic& characteristic : model_->characteristics) {
    BoundCharacteristic bound;
    bound.first = static_cast<uint32_t>(attributes_.size());
    for (const Attribute& attribute : characteristic.attributes) {
      BoundAttribute compiled;
      compiled.node = static_cast<uint32_t>(nodes_.size());
      CompilePredicate(attribute.predicate);
      if (model_->use_reason_codes) {
        const auto found = std::find(codes_.begin(), codes_.end(), attribute.reason_code);
        compiled.code = static_cast<uint32_t>(found - codes_.begin());
        if (found == codes_.end()) codes_.push_back(attribute.reason_code);
      }
      compiled.points = attribute.partial_score;
      compiled.difference = model_->reason_algorithm == ReasonAlgorithm::kPointsBelow
                                ? characteristic.baseline - attribute.partial_score
                                : attribute.partial_score - characteristic.baseline;
      if (attribute.complex) compiled.complex = &*attribute.complex;
      attributes_.push_back(compiled);
    }
    bound.end = static_cast<uint32_t>(attributes_.size());
    CutRegions(&bound);
    characteristics_.push_back(std::move(bound));
  }
}

void Scorecard::CutRegions(BoundCharacteristic* characteristic) {
  if (characteristic->first == characteristic->end) return;
  const uint32_t begin = attributes_[characteristic->first].node;
  std::optional<uint32_t> field;
  for (uint32_t node = begin; node < nodes_.size(); ++node) {
    switch (nodes_[node].op) {
      case Node::Op::kTrue:
      case Node::Op::kFalse:
      case Node::Op::kAnd:
      case Node::Op::kOr:
      case Node::Op::kXor:
      case Node::Op::kSurrogate:
        continue;
      default:
        break;
    }
    if (field && *field != nodes_[node].field) return;
    field = nodes_[node].field;
  }
  if (!field || fields_[*field].form == Form::kText) return;
  Regions regions;
  regions.field = *field;
  std::vector<Input> inputs(fields_.size());
  regions.missing = ChooseByPredicate(*characteristic, inputs);
  const bool cut = fields_[*field].form == Form::kScaled ? CutIntegers(*characteristic, &regions)
                                                         : CutNumbers(*characteristic, &regions);
  if (cut) characteristic->regions = std::move(regions);
}

bool Scorecard::CutIntegers(const BoundCharacteristic& characteristic, Regions* regions) const {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  std::vector<int64_t>& lows = regions->lows;
  lows.push_back(std::numeric_limits<int64_t>::min());
  const auto from_to = [&](int64_t low, int64_t high) {
    lows.push_back(low);
    if (high < kMax) lows.push_back(high + 1);
  };
  for (size_t i = attributes_[characteristic.first].node; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.op == Node::Op::kWithin || node.op == Node::Op::kWithout) from_to(node.low, node.high);
    for (uint32_t c = node.set; c < node.set + node.count; ++c) {
      from_to(constants_[c].scaled, constants_[c].scaled);
    }
  }
  std::sort(lows.begin(), lows.end());
  lows.erase(std::unique(lows.begin(), lows.end()), lows.end());
  std::vector<Input> inputs(fields_.size());
  Input& input = inputs[regions->field];
  input.missing = false;
  for (const int64_t low : lows) {
    input.scaled = low;
    regions->chosen.push_back(ChooseByPredicate(characteristic, inputs));
  }
  return true;
}

bool Scorecard::CutNumbers(const BoundCharacteristic& characteristic, Regions* regions) const {
  std::vector<Decimal>& bounds = regions->bounds;
  for (size_t i = attributes_[characteristic.first].node; i < nodes_.size(); ++i) {
    for (uint32_t c = nodes_[i].set; c < nodes_[i].set + nodes_[i].count; ++c) {
      bounds.push_back(constants_[c].number);
    }
  }
  std::sort(bounds.begin(), bounds.end(), [](Decimal a, Decimal b) { return a < b; });
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  std::vector<Input> inputs(fields_.size());
  Input& input = inputs[regions->field];
  input.missing = false;
  const auto choose = [&](Decimal number) {
    input.number = number;
    regions->chosen.push_back(ChooseByPredicate(characteristic, inputs));
  };
  if (bounds.empty()) {
    choose(Decimal());
    return true;
  }
  const Decimal one = Decimal::FromInt64(1);
  const Decimal half = Decimal::FromScaled(5, -1);
  for (size_t i = 0; i <= bounds.size(); ++i) {
    const Decimal between = i == 0               ? bounds.front() - one
                            : i == bounds.size() ? bounds.back() + one
                                                 : (bounds[i - 1] + bounds[i]) * half;
    // Bounds of so many digits that nothing was found between them are left to the predicates.
    if (i > 0 && !(bounds[i - 1] < between)) return false;
    if (i < bounds.size() && !(between < bounds[i])) return false;
    choose(between);
    if (i < bounds.size()) choose(bounds[i]);
  }
  return true;
}

// Finds the number of digits at which all points are integers whose sums stay far inside int64.
void Scorecard::ChooseScale() {
  constexpr Int128 kSumMax = Int128{1} << 62;
  scale_ = std::max(0, model_->initial_score.Canonical().Scale());
  for (const BoundAttribute& attribute : attributes_) {
    if (attribute.complex != nullptr) return;
    scale_ = std::max(
        {scale_, attribute.points.Canonical().Scale(), attribute.difference.Canonical().Scale()});
  }
  const std::optional<int64_t> initial = ToScaledInt64(model_->initial_score, scale_);
  if (!initial) return;
  const auto magnitude = [](int64_t value) { return value < 0 ? -Int128{value} : Int128{value}; };
  Int128 sum = magnitude(*initial);
  Int128 difference_sum = 0;
  for (BoundAttribute& attribute : attributes_) {
    const std::optional<int64_t> points = ToScaledInt64(attribute.points, scale_);
    const std::optional<int64_t> difference = ToScaledInt64(attribute.difference, scale_);
    if (!points || !difference) return;
    attribute.scaled = *points;
    attribute.scaled_difference = *difference;
    sum += magnitude(*points);
    difference_sum += magnitude(*difference);
  }
  if (sum > kSumMax || difference_sum > kSumMax) return;
  initial_scaled_ = *initial;
  all_scaled_ = true;
}

// --- Scoring
// -----------------------------------------------------------------------------------------------

void Scorecard::ReadInput(uint32_t index, const record::Value& value, Input* input) const {
  using record::SlotType;
  const BoundField& field = fields_[index];
  *input = Input();
  if (value.absent()) return;
  input->missing = false;
  switch (field.slot_type) {
    case SlotType::kString:
      input->text = value.text();
      return;
    case SlotType::kBoolean:
      input->scaled = value.boolean() ? 1 : 0;
      return;
    case SlotType::kInteger:
      input->scaled = value.integer();
      break;
    case SlotType::kMoney:
      input->scaled = value.base_minor();
      break;
    case SlotType::kDuration:
      input->scaled = value.duration_ns();
      break;
    default:
      input->number = value.decimal();
      return;
  }
  if (field.form == Form::kNumber) {
    input->number = Decimal::FromScaled(input->scaled, -field.scale);
    input->scaled = 0;
  }
}

Decimal Scorecard::NumberOf(uint32_t field, const Input& input) const {
  return fields_[field].form == Form::kScaled
             ? Decimal::FromScaled(input.scaled, -fields_[field].scale)
             : input.number;
}

ScoreFailure Scorecard::Treat(uint32_t index, Input* input) const {
  const InputField& field = model_->inputs[index];
  const BoundField& bound = fields_[index];
  if (bound.checked && !input->missing) {
    const bool is_text = bound.form == Form::kText;
    const Decimal number = is_text ? Decimal() : NumberOf(index, *input);
    const auto listed = [&](const std::vector<Constant>& list) {
      return std::any_of(list.begin(), list.end(), [&](const Constant& constant) {
        if (is_text) return constant.text == input->text;
        if (constant.type == DataType::kBoolean) return constant.boolean == (input->scaled != 0);
        return constant.number == number;
      });
    };
    const auto inside = [&](const Interval& interval) { return Inside(number, interval); };
    if (listed(field.missing_values)) {
      *input = Input();
    } else if (listed(field.invalid_values) ||
               (!field.valid_values.empty() && !listed(field.valid_values)) ||
               (!field.intervals.empty() &&
                std::none_of(field.intervals.begin(), field.intervals.end(), inside))) {
      switch (field.invalid_treatment) {
        case InvalidValueTreatment::kReturnInvalid:
          return ScoreFailure::kInvalidInput;
        case InvalidValueTreatment::kAsIs:
          break;
        case InvalidValueTreatment::kAsMissing:
          *input = Input();
          break;
        case InvalidValueTreatment::kAsValue:
          *input = *bound.invalid_replacement;
          break;
      }
    }
    if (!input->missing && field.outlier_treatment != OutlierTreatment::kAsIs) {
      const Decimal now = NumberOf(index, *input);
      if (now < *field.low_value || now > *field.high_value) {
        const Decimal end = now < *field.low_value ? *field.low_value : *field.high_value;
        *input = Input();
        if (field.outlier_treatment == OutlierTreatment::kAsExtreme) {
          input->missing = false;
          input->number = end;
        }
      }
    }
  }
  if (input->missing) {
    if (field.missing_is_invalid) return ScoreFailure::kMissingInput;
    if (bound.missing_replacement) *input = *bound.missing_replacement;
  }
  return ScoreFailure::kNone;
}

bool Scorecard::ReadInputs(std::span<const record::Value> slots, ScoreResult* result) const {
  result->inputs_.resize(fields_.size());
  for (uint32_t i = 0; i < fields_.size(); ++i) {
    CREDENCE_ASSERT(slot_indices_[i] < slots.size());
    const record::Value& value = slots[slot_indices_[i]];
    ScoreFailure failure = ScoreFailure::kIncompleteInput;
    if (value.kind() != record::ValueKind::kIncomplete) {
      Input* const input = &result->inputs_[i];
      ReadInput(i, value, input);
      failure = fields_[i].checked || input->missing ? Treat(i, input) : ScoreFailure::kNone;
    }
    if (failure != ScoreFailure::kNone) {
      result->failure = failure;
      result->culprit = model_->inputs[i].name;
      return false;
    }
  }
  return true;
}

bool Scorecard::InSet(const Node& node, const Input& input) const {
  const auto first = constants_.begin() + node.set;
  const auto last = first + node.count;
  switch (fields_[node.field].form) {
    case Form::kScaled:
      return std::binary_search(first, last, input,
                                [](const Input& a, const Input& b) { return a.scaled < b.scaled; });
    case Form::kNumber:
      return std::binary_search(first, last, input,
                                [](const Input& a, const Input& b) { return a.number < b.number; });
    case Form::kText:
      return std::binary_search(first, last, input,
                                [](const Input& a, const Input& b) { return a.text < b.text; });
  }
  return false;
}

Scorecard::Truth Scorecard::Evaluate(uint32_t index, const std::vector<Input>& inputs) const {
  using Op = Node::Op;
  const Node& node = nodes_[index];
  const auto truth = [](bool value) { return value ? Truth::kTrue : Truth::kFalse; };
  switch (node.op) {
    case Op::kTrue:
      return Truth::kTrue;
    case Op::kFalse:
      return Truth::kFalse;
    case Op::kIsMissing:
      return truth(inputs[node.field].missing);
    case Op::kIsNotMissing:
      return truth(!inputs[node.field].missing);
    case Op::kAnd:
    case Op::kOr: {
      const Truth decisive = node.op == Op::kAnd ? Truth::kFalse : Truth::kTrue;
      bool unknown = false;
      for (uint32_t child = index + 1; child < node.end; child = nodes_[child].end) {
        const Truth part = Evaluate(child, inputs);
        if (part == decisive) return decisive;
        unknown = unknown || part == Truth::kUnknown;
      }
      return unknown ? Truth::kUnknown : truth(node.op == Op::kAnd);
    }
    case Op::kXor: {
      bool odd = false;
      for (uint32_t child = index + 1; child < node.end; child = nodes_[child].end) {
        const Truth part = Evaluate(child, inputs);
        if (part == Truth::kUnknown) return part;
        odd = odd != (part == Truth::kTrue);
      }
      return truth(odd);
    }
    case Op::kSurrogate:
      for (uint32_t child = index + 1; child < node.end; child = nodes_[child].end) {
        const Truth part = Evaluate(child, inputs);
        if (part != Truth::kUnknown) return part;
      }
      return Truth::kUnknown;
    default:
      break;
  }
  const Input& input = inputs[node.field];
  if (input.missing) return Truth::kUnknown;
  switch (node.op) {
    case Op::kWithin:
      return truth(node.low <= input.scaled && input.scaled <= node.high);
    case Op::kWithout:
      return truth(input.scaled < node.low || input.scaled > node.high);
    case Op::kEqual:
      return truth(input.number == constants_[node.set].number);
    case Op::kNotEqual:
      return truth(input.number != constants_[node.set].number);
    case Op::kLess:
      return truth(input.number < constants_[node.set].number);
    case Op::kLessOrEqual:
      return truth(input.number <= constants_[node.set].number);
    case Op::kGreater:
      return truth(input.number > constants_[node.set].number);
    case Op::kGreaterOrEqual:
      return truth(input.number >= constants_[node.set].number);
    case Op::kTextEqual:
      return truth(input.text == constants_[node.set].text);
    case Op::kTextNotEqual:
      return truth(input.text != constants_[node.set].text);
    case Op::kIn:
      return truth(InSet(node, input));
    case Op::kNotIn:
      return truth(!InSet(node, input));
    default:
      break;
  }
  CREDENCE_ASSERT(false);
}

std::optional<Decimal> Scorecard::Compute(const Expression& expression,
                                          const std::vector<Input>& inputs) const {
  using Op = Expression::Op;
  if (expression.op == Op::kConstant) return expression.constant;
  if (expression.op == Op::kField) {
    const Input& input = inputs[expression.field];
    return input.missing ? expression.map_missing_to : NumberOf(expression.field, input);
  }
  const std::optional<Decimal> left = Compute(expression.arguments[0], inputs);
  const std::optional<Decimal> right = Compute(expression.arguments[1], inputs);
  if (!left || !right) {
    return expression.map_missing_to ? expression.map_missing_to : expression.default_value;
  }
  if (!left->IsFinite()) return left;  // a division by zero stays one: 1 / (1 / 0) is not 0
  if (!right->IsFinite()) return right;
  Decimal value;
  switch (expression.op) {
    case Op::kAdd:
      value = *left + *right;
      break;
    case Op::kSubtract:
      value = *left - *right;
      break;
    case Op::kMultiply:
      value = *left * *right;
      break;
    default:
      value = *left / *right;
      break;
  }
  return value;
}

uint32_t Scorecard::ChooseByPredicate(const BoundCharacteristic& characteristic,
                                      const std::vector<Input>& inputs) const {
  uint32_t a = characteristic.first;
  while (a < characteristic.end && Evaluate(attributes_[a].node, inputs) != Truth::kTrue) ++a;
  return a;
}

uint32_t Scorecard::Choose(const BoundCharacteristic& characteristic,
                           const std::vector<Input>& inputs) const {
  if (!characteristic.regions) return ChooseByPredicate(characteristic, inputs);
  const Regions& regions = *characteristic.regions;
  const Input& input = inputs[regions.field];
  if (input.missing) return regions.missing;
  if (!regions.lows.empty()) {
    const auto above = std::upper_bound(regions.lows.begin(), regions.lows.end(), input.scaled);
    return regions.chosen[static_cast<size_t>(above - regions.lows.begin()) - 1];
  }
  if (!input.number.IsFinite()) return ChooseByPredicate(characteristic, inputs);
  size_t low = 0;
  size_t high = regions.bounds.size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const std::partial_ordering order = input.number <=> regions.bounds[middle];
    if (order == 0) return regions.chosen[2 * middle + 1];
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return regions.chosen[2 * low];
}

void Scorecard::Score(std::span<const record::Value> slots, ScoreResult* result) const {
  result->failure = ScoreFailure::kNone;
  result->culprit = {};
  result->points = Decimal();
  result->reasons.clear();
  if (!ReadInputs(slots, result)) return;
  result->sums_.assign(codes_.size(), {});
  int64_t total_scaled = initial_scaled_;
  Decimal total = model_->initial_score;
  for (uint32_t c = 0; c < characteristics_.size(); ++c) {
    const uint32_t a = Choose(characteristics_[c], result->inputs_);
    ScoreFailure failure = ScoreFailure::kNone;
    if (a == characteristics_[c].end) {
      failure = ScoreFailure::kNoAttribute;
    } else if (all_scaled_) {
      total_scaled += attributes_[a].scaled;
    } else {
      const Expression* complex = attributes_[a].complex;
      const std::optional<Decimal> points =
          complex == nullptr ? attributes_[a].points : Compute(*complex, result->inputs_);
      if (!points || !points->IsFinite() || !(total + *points).IsFinite()) {
        failure = ScoreFailure::kNoPoints;
      } else {
        total = total + *points;
      }
      if (failure == ScoreFailure::kNone && !codes_.empty()) {
        const Decimal baseline = model_->characteristics[c].baseline;
        ScoreResult::Sum& sum = result->sums_[attributes_[a].code];
        sum.number = sum.number + (model_->reason_algorithm == ReasonAlgorithm::kPointsBelow
                                       ? baseline - *points
                                       : *points - baseline);
      }
    }
    if (failure != ScoreFailure::kNone) {
      result->failure = failure;
      result->culprit = model_->characteristics[c].name;
      return;
    }
    if (codes_.empty()) continue;
    ScoreResult::Sum& sum = result->sums_[attributes_[a].code];
    sum.scaled += attributes_[a].scaled_difference;
    if (!sum.used) sum.first_use = c;
    sum.used = true;
  }
  result->points = all_scaled_ ? Decimal::FromScaled(total_scaled, -scale_) : total;
  Rank(result);
}

void Scorecard::Rank(ScoreResult* result) const {
  const auto& sums = result->sums_;
  auto& order = result->order_;
  order.clear();
  for (uint32_t code = 0; code < sums.size(); ++code) {
    const bool negative = all_scaled_ ? sums[code].scaled < 0 : sums[code].number.IsNegative();
    if (sums[code].used && !negative) order.push_back(code);
  }
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    if (all_scaled_ && sums[a].scaled != sums[b].scaled) return sums[a].scaled > sums[b].scaled;
    if (!all_scaled_ && sums[a].number != sums[b].number) return sums[a].number > sums[b].number;
    return sums[a].first_use < sums[b].first_use;
  });
  for (const uint32_t code : order) {
    const Decimal points =
        all_scaled_ ? Decimal::FromScaled(sums[code].scaled, -scale_) : sums[code].number;
    result->reasons.push_back({codes_[code], points});
  }
}

}  // namespace credence::model
