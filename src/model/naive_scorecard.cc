#include "src/model/naive_scorecard.h"

#include <algorithm>

namespace credence::model {
namespace {

using Values = std::map<std::string, NaiveValue>;

bool Same(const Constant& constant, const NaiveValue& value) {
  if (constant.type == DataType::kString) return constant.text == value.text;
  if (constant.type == DataType::kBoolean) {
    return value.number == Decimal::FromInt64(constant.boolean ? 1 : 0);
  }
  return constant.number == value.number;
}

bool Listed(const std::vector<Constant>& list, const NaiveValue& value) {
  for (const Constant& constant : list) {
    if (Same(constant, value)) return true;
  }
  return false;
}

NaiveValue ValueOf(const Constant& constant) {
  if (constant.type == DataType::kBoolean) return {Decimal::FromInt64(constant.boolean), ""};
  return {constant.number, constant.text};
}

bool Valid(const InputField& field, const NaiveValue& value) {
  if (Listed(field.invalid_values, value)) return false;
  if (!field.valid_values.empty() && !Listed(field.valid_values, value)) return false;
  if (field.intervals.empty()) return true;
  for (const Interval& i : field.intervals) {
    const bool left =
        !i.left || *i.left < value.number || (i.left_closed && *i.left == value.number);
    const bool right =
        !i.right || value.number < *i.right || (i.right_closed && *i.right == value.number);
    if (left && right) return true;
  }
  return false;
}

// False if the model refuses the inputs.
bool Prepare(const ScorecardModel& model, Values* values) {
  for (const InputField& field : model.inputs) {
    auto it = values->find(field.name);
    if (it != values->end() && Listed(field.missing_values, it->second)) {
      values->erase(it);
      it = values->end();
    }
    if (it != values->end() && !Valid(field, it->second)) {
      if (field.invalid_treatment == InvalidValueTreatment::kReturnInvalid) return false;
      if (field.invalid_treatment == InvalidValueTreatment::kAsMissing) values->erase(field.name);
      if (field.invalid_treatment == InvalidValueTreatment::kAsValue) {
        it->second = ValueOf(*field.invalid_replacement);
      }
    }
    it = values->find(field.name);
    if (it != values->end() && field.outlier_treatment != OutlierTreatment::kAsIs) {
      const Decimal value = it->second.number;
      const bool low = value < *field.low_value;
      if (low || value > *field.high_value) {
        if (field.outlier_treatment == OutlierTreatment::kAsMissing) {
          values->erase(it);
        } else {
          it->second.number = low ? *field.low_value : *field.high_value;
        }
      }
    }
    if (values->contains(field.name)) continue;
    if (field.missing_is_invalid) return false;
    if (field.missing_replacement) (*values)[field.name] = ValueOf(*field.missing_replacement);
  }
  return true;
}

// Nothing is unknown.
std::optional<bool> Holds(const ScorecardModel& model, const Predicate& p, const Values& values) {
  using Op = Predicate::Op;
  if (p.op == Op::kTrue) return true;
  if (p.op == Op::kFalse) return false;
  if (!p.children.empty()) {
    std::vector<std::optional<bool>> parts;
    for (const Predicate& child : p.children) parts.push_back(Holds(model, child, values));
    const auto count = [&](std::optional<bool> what) {
      return std::count(parts.begin(), parts.end(), what);
    };
    if (p.op == Op::kAnd) {
      if (count(false) > 0) return false;
      return count(std::nullopt) > 0 ? std::optional<bool>() : true;
    }
    if (p.op == Op::kOr) {
      if (count(true) > 0) return true;
      return count(std::nullopt) > 0 ? std::optional<bool>() : false;
    }
    if (p.op == Op::kXor) {
      return count(std::nullopt) > 0 ? std::optional<bool>() : count(true) % 2 == 1;
    }
    for (const std::optional<bool>& part : parts) {
      if (part) return part;
    }
    return std::nullopt;
  }
  const auto it = values.find(model.inputs[p.field].name);
  if (p.op == Op::kIsMissing) return it == values.end();
  if (p.op == Op::kIsNotMissing) return it != values.end();
  if (it == values.end()) return std::nullopt;
  if (p.op == Op::kIn) return Listed(p.values, it->second);
  if (p.op == Op::kNotIn) return !Listed(p.values, it->second);
  if (p.op == Op::kEqual) return Same(p.values[0], it->second);
  if (p.op == Op::kNotEqual) return !Same(p.values[0], it->second);
  const Decimal a = it->second.number;
  const Decimal b = p.values[0].number;
  if (p.op == Op::kLess) return a < b;
  if (p.op == Op::kLessOrEqual) return a <= b;
  if (p.op == Op::kGreater) return a > b;
  return a >= b;
}

std::optional<Decimal> Compute(const ScorecardModel& model, const Expression& e,
                               const Values& values) {
  using Op = Expression::Op;
  if (e.op == Op::kConstant) return e.constant;
  if (e.op == Op::kField) {
    const auto it = values.find(model.inputs[e.field].name);
    return it == values.end() ? e.map_missing_to : it->second.number;
  }
  const std::optional<Decimal> a = Compute(model, e.arguments[0], values);
  const std::optional<Decimal> b = Compute(model, e.arguments[1], values);
  if (!a || !b) return e.map_missing_to ? e.map_missing_to : e.default_value;
  if (!a->IsFinite() || !b->IsFinite()) return a->IsFinite() ? b : a;
  if (e.op == Op::kAdd) return *a + *b;
  if (e.op == Op::kSubtract) return *a - *b;
  if (e.op == Op::kMultiply) return *a * *b;
  return *a / *b;
}

}  // namespace

NaiveScore ScoreNaively(const ScorecardModel& model, std::map<std::string, NaiveValue> values) {
  if (!Prepare(model, &values)) return {};
  NaiveScore score;
  Decimal points = model.initial_score;
  for (const Characteristic& characteristic : model.characteristics) {
    const Attribute* chosen = nullptr;
    for (const Attribute& attribute : characteristic.attributes) {
      if (chosen == nullptr && Holds(model, attribute.predicate, values) == true) {
        chosen = &attribute;
      }
    }
    if (chosen == nullptr) return {};
    std::optional<Decimal> partial = chosen->partial_score;
    if (chosen->complex) partial = Compute(model, *chosen->complex, values);
    if (!partial || !partial->IsFinite()) return {};
    points = points + *partial;
    if (!model.use_reason_codes) continue;
    Decimal difference = *partial - characteristic.baseline;
    if (model.reason_algorithm == ReasonAlgorithm::kPointsBelow) difference = -difference;
    const auto same_code = [&](const auto& r) { return r.first == chosen->reason_code; };
    const auto found = std::find_if(score.reasons.begin(), score.reasons.end(), same_code);
    if (found == score.reasons.end()) {
      score.reasons.emplace_back(chosen->reason_code, difference);
    } else {
      found->second = found->second + difference;
    }
  }
  std::erase_if(score.reasons, [](const auto& r) { return r.second.IsNegative(); });
  std::stable_sort(score.reasons.begin(), score.reasons.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  score.points = points;
  return score;
}

}  // namespace credence::model
