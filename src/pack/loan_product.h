#pragma once
// LoanProduct: one loan product as a person writes it, in YAML (or JSON, which is YAML too). The
// same text describes a product of a pack (products.yaml) and a file for `credence schedule`.
//
//   product: cn-equal-instalments
//   title: {en: Equal instalments, zh: 等额本息}
//   currency: CNY                      # default in a pack: its base currency
//   principal: "120000.00"             # of the example offer; and `start: 2024-01-31`
//   terms:
//     kind: equal-instalments          # equal-principal, interest-only, single-payment, flat
//     periods: 12
//     every: 1 month                   # N days, weeks, months or years
//     rate: 7.2%                       # a year; 0.072 is the same
//     basis: 30/360                    # InterestBasisName
//     … every other field of lending::Terms by its name, amounts in major units
//   rate_steps: [{after: 6, rate: 5%}, {from: 2025-01-01, rate: 6%}]
//   draws: [{day: 2024-03-01, amount: "50000.00"}]
//   charges:
//     - {when: instalment, of: drawn, rate: 0.6%, payee: platform}
//   penalty: {rate: 10.8%, grace_days: 3}
//   merchant_fee: 3%                   # the merchant pays this share of the amount
//   calendar: {weekend: [sat, sun], holidays: [2024-02-12], working: [2024-02-18]}
//   law: {jurisdiction: CN, lender: bank}
//
// Every key is known; all errors are reported at once, each with its place, the field and what was
// expected.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "src/calendar/business_days.h"
#include "src/lending/cost_cap.h"
#include "src/lending/loan.h"
#include "src/lending/offer.h"
#include "src/money/money.h"
#include "src/pack/yaml.h"

namespace credence::pack {

inline constexpr size_t kProductChargesMax = 64;
inline constexpr size_t kProductStepsMax = 600;  // rate steps, and draws

struct LoanProduct {
  struct RateStep {
    std::optional<Date> from;
    int32_t after = 0;  // periods; where there is no date
    Decimal annual_rate;
  };

  std::string name;
  std::array<std::string, 2> title;  // English, Chinese; may be empty
  Currency currency;
  lending::Product product;
  std::vector<std::string> payees;  // of product.charges, as many
  std::vector<RateStep> rate_steps;
  std::vector<lending::OfferRequest::Draw> draws;
  Decimal merchant_fee;
  std::optional<BusinessCalendar> calendar;  // there wherever terms.business_days needs one
  std::string jurisdiction;                  // of caps on cost; may be empty
  std::string lender;
  std::optional<int64_t> principal_minor;
  std::optional<Date> start;

  // The offer for an amount from a day. kInvalidArgument as MakePeriods.
  [[nodiscard]] Result<lending::OfferRequest> Request(int64_t amount_minor, Date start_day) const;
};

// `fallback` is the currency of a product that names none; none: `currency` is required. Nothing
// after an error.
[[nodiscard]] std::optional<LoanProduct> ReadLoanProduct(const Node& node,
                                                         std::optional<Currency> fallback,
                                                         Reporter* reporter);

// Which figure of an offer a cap is held against. Names in files are those of lending::Offer:
// us_apr, eu_aprc, irr_simple, irr_compound, comprehensive.
enum class CapFigure : uint8_t {
  kUsApr = 1,
  kEuAprc = 2,
  kIrrSimple = 3,
  kIrrCompound = 4,
  kComprehensive = 5,
};
[[nodiscard]] std::string_view CapFigureName(CapFigure figure);

// Caps on the cost of credit, from a file:
//
//   rules:
//     - {id: cn-private-4-lpr, jurisdiction: CN, lender: private, figure: irr_simple,
//        from: 2020-08-20, rate: 4, reference: lpr-1y, source: "…"}
//     - {id: …, until: 2025-01-01, rate: 36%, action: warn, …}
//   references:
//     - {name: lpr-1y, from: 2024-10-21, rate: 3.1%}
class CapBook {
 public:
  static std::optional<CapBook> Read(const Node& node, Reporter* reporter);

  struct Breach {
    CapFigure figure;
    lending::CapBreach breach;
  };
  // Every rule for the product's jurisdiction and lender that the offer breaks on `day`, those that
  // refuse first. A figure that the offer does not have breaks nothing.
  [[nodiscard]] std::vector<Breach> Check(std::string_view jurisdiction, std::string_view lender,
                                          Date day, const lending::Offer& offer) const;

 private:
  std::vector<std::pair<CapFigure, lending::CostCaps>> by_figure_;
};

// --- parts that other loaders use ---
// "7.2%" or "0.072", not negative, at most `high`; nothing after an error.
[[nodiscard]] std::optional<Decimal> ReadRate(const Node& node, std::string_view what, Decimal high,
                                              Reporter* reporter);
// Major units of the currency, not negative.
[[nodiscard]] std::optional<int64_t> ReadAmount(const Node& node, std::string_view what,
                                                Currency currency, Reporter* reporter);
[[nodiscard]] std::optional<Date> ReadDate(const Node& node, std::string_view what,
                                           Reporter* reporter);

}  // namespace credence::pack
