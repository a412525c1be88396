#pragma once
// Caps on the cost of credit, as dated rules. A rule says for which jurisdiction and kind of
// lender, from when to when, and how much: a rate, or a multiple of a reference rate that changes
// over time (four times the one-year loan prime rate). A product or an offer above a rule that
// refuses is refused with the figure and the rule.

#include <span>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/calendar/date.h"
#include "src/money/decimal.h"

namespace credence::lending {

enum class CapAction : uint8_t {
  kRefuse = 1,  // no product, no offer above it
  kWarn = 2,    // allowed, but shown (the upper of two lines is the one that refuses)
};

struct CostCap {
  std::string id;             // "cn-private-lending-4-lpr"
  std::string jurisdiction;   // "CN", "US-NY"
  std::string lender;         // kind of lender; empty = every kind
  Date from;                  // applies to offers of this day and later …
  std::optional<Date> until;  // … and before this one
  CapAction action = CapAction::kRefuse;
  Decimal rate;           // the cap, or the factor of the reference
  std::string reference;  // empty, or the name of a reference rate
  std::string source;     // the text of law
};

struct ReferenceRate {
  std::string name;  // "lpr-1y"
  Date from;
  Decimal rate;
};

struct CapBreach {
  const CostCap* rule = nullptr;
  Decimal limit;   // what the rule allows on that day
  Decimal figure;  // what the offer costs
  // "cn-…: 36.50 % a year is above 15.40 % (4 x lpr-1y of 3.85 %)"
  [[nodiscard]] std::string ToString() const;
};

class CostCaps {
 public:
  // kInvalidArgument: two rules with one id, an empty stretch of time, a rate that is not positive,
  // a reference that no rate is given for on the rule's first day.
  static Result<CostCaps> Make(std::vector<CostCap> rules, std::vector<ReferenceRate> references);

  // Every rule of this jurisdiction and lender that the yearly cost breaks on `day`, those that
  // refuse first. Pointers live as long as this object. A cost equal to the limit is allowed.
  [[nodiscard]] std::vector<CapBreach> Check(std::string_view jurisdiction, std::string_view lender,
                                             Date day, Decimal yearly_cost) const;

 private:
  std::vector<CostCap> rules_;
  std::vector<ReferenceRate> references_;  // sorted by day
  [[nodiscard]] std::optional<Decimal> RateOf(std::string_view name, Date day) const;
};

}  // namespace credence::lending
