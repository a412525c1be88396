#pragma once
// What Fineract's test products say, in our terms. Settings come from products.json where it holds
// them, else from what the product's name says.

#include <rapidjson/document.h>

#include <map>
#include <string>

#include "src/lending/loan.h"
#include "tests/conformance/scenario_file.h"

namespace credence::conformance {

struct LoanPlan {
  lending::Product product;
  int64_t principal = 0;
  Date submitted;
  bool advanced = false;  // progressive schedule with its own order of repayment
  bool auto_down_payment = false;
  bool zero_rate = false;
  bool accrual_activity = false;
  bool refunds_interest = false;  // with a refund, interest on the money refunded goes back too
};

class Products {
 public:
  explicit Products(const std::string& path);  // a missing file is an empty book

  // A future rule that a step sets for all loans made after it.
  void SetFuture(const std::string& product, const std::string& kind, const std::string& rule);
  void Reset() { futures_.clear(); }

  // From the table of "Admin creates a fully customized loan …". kUnimplemented naming what our
  // products have no word for.
  [[nodiscard]] Result<LoanPlan> FromTable(const Step& step) const;
  // Fineract's LP1: no interest, whole amounts.
  [[nodiscard]] LoanPlan Simple(int64_t principal, Date submitted, lending::PeriodUnit unit,
                                int32_t every, int32_t periods) const;

 private:
  [[nodiscard]] std::string Setting(const std::string& product, const char* key) const;
  [[nodiscard]] Status SetOrder(const std::string& name, const std::string& strategy,
                                lending::Product* product) const;
  void SetAllotments(const std::string& name, lending::Product* product) const;

  rapidjson::Document book_;
  std::map<std::pair<std::string, std::string>, std::string> futures_;
};

// "DAYS", "WEEKS", "MONTHS", "YEARS".
[[nodiscard]] lending::PeriodUnit UnitFrom(const std::string& text);
// "01 February 2024", "1 July 2022".
[[nodiscard]] Result<Date> DateFrom(const std::string& text);
// "1,725.56" in minor units of two digits; nothing for what is not an amount of whole cents.
[[nodiscard]] std::optional<int64_t> CentsFrom(std::string text);

}  // namespace credence::conformance
