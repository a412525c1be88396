#include "src/lending/cost_cap.h"

#include <algorithm>
#include <set>

namespace credence::lending {
namespace {

std::string PercentText(Decimal rate) {
  return (rate * Decimal::FromInt64(100)).Rounded(2, Rounding::kHalfUp).ToString() + " %";
}

}  // namespace

std::string CapBreach::ToString() const {
  std::string text =
      rule->id + ": " + PercentText(figure) + " a year is above " + PercentText(limit);
  if (!rule->reference.empty()) {
    text += " (" + rule->rate.ToString() + " x " + rule->reference + " of " +
            PercentText(limit / rule->rate) + ")";
  }
  return text;
}

std::optional<Decimal> CostCaps::RateOf(std::string_view name, Date day) const {
  std::optional<Decimal> rate;
  for (const ReferenceRate& reference : references_) {
    if (reference.name == name && reference.from <= day) rate = reference.rate;
  }
  return rate;
}

Result<CostCaps> CostCaps::Make(std::vector<CostCap> rules, std::vector<ReferenceRate> references) {
  CostCaps caps;
  std::stable_sort(references.begin(), references.end(),
                   [](const ReferenceRate& a, const ReferenceRate& b) { return a.from < b.from; });
  caps.references_ = std::move(references);
  std::set<std::string_view> ids;
  for (const CostCap& rule : rules) {
    if (!ids.insert(rule.id).second)
      return InvalidArgument("two caps are called '" + rule.id + "'");
    if (rule.until && *rule.until <= rule.from) {
      return InvalidArgument("cap '" + rule.id + "' ends before it begins");
    }
    if (!rule.rate.IsFinite() || rule.rate <= Decimal()) {
      return InvalidArgument("cap '" + rule.id + "' has no positive rate");
    }
    if (!rule.reference.empty() && !caps.RateOf(rule.reference, rule.from)) {
      return InvalidArgument("cap '" + rule.id + "' needs a rate of '" + rule.reference + "' on " +
                             rule.from.ToString());
    }
  }
  caps.rules_ = std::move(rules);
  return caps;
}

std::vector<CapBreach> CostCaps::Check(std::string_view jurisdiction, std::string_view lender,
                                       Date day, Decimal yearly_cost) const {
  std::vector<CapBreach> breaches;
  for (const CostCap& rule : rules_) {
    if (rule.jurisdiction != jurisdiction || (!rule.lender.empty() && rule.lender != lender))
      continue;
    if (day < rule.from || (rule.until && day >= *rule.until)) continue;
    Decimal limit = rule.rate;
    if (!rule.reference.empty()) limit = limit * RateOf(rule.reference, day).value();
    if (yearly_cost > limit) breaches.push_back({&rule, limit, yearly_cost});
  }
  std::stable_sort(breaches.begin(), breaches.end(), [](const CapBreach& a, const CapBreach& b) {
    return a.rule->action < b.rule->action;
  });
  return breaches;
}

}  // namespace credence::lending
