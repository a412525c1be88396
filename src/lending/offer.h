#pragma once
// Offer: what a borrower is shown before signing: the schedule of a product for one amount and one
// day, with every fee that the product makes by itself, the totals, and the true yearly cost by
// each law.
//
// Day 0 holds the first draw, the down payment and the fees of disbursement; a later draw
// (tranche) has a row of its own. Charges for being late are not part of an offer. Amounts are
// minor units.
//
// Yearly cost. With flows of money between lender and borrower, fees included, down payment left
// out:
//   us_apr        Regulation Z, Appendix J: i x w. Unit periods are those of the product; an odd
//                 first period is counted from its dates; one payment within a year is one unit
//                 period. Days as a unit: w = 365 / every.
//   eu_aprc       Directive 2008/48/EC, Annex I, times from the dates
//   irr_simple,   PBoC Announcement 2021 No. 3: i x w and (1 + i)^w - 1 over whole periods. Where a
//   irr_compound  first due date or a tranche makes periods uneven, the rate by days (t = days /
//                 365), and the nominal rate that compounds to it.
//   comprehensive by days, with every payee
// A figure that does not exist (nothing is paid back later than it is drawn) is absent, and `why`
// says so.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "src/lending/apr.h"
#include "src/lending/loan.h"

namespace credence::lending {

struct OfferRequest {
  Product product;
  std::vector<std::string> payees;  // of product.charges, as many; interest goes to "lender"
  int64_t amount_minor = 0;         // the price, where there is a down payment
  Date start;
  struct Draw {
    Date day;
    int64_t amount_minor = 0;
  };
  std::vector<Draw> draws;  // after the first
  struct RateStep {
    Date from;
    Decimal annual_rate;
  };
  std::vector<RateStep> rate_steps;
  const BusinessCalendar* calendar = nullptr;  // for terms.business_days
  Decimal merchant_fee;                        // share of the amount that the merchant pays
};

struct OfferRow {
  int32_t number = 0;  // of the period, from 1; 0: a draw
  Date from;           // interest counts in [from, to)
  Date to;
  Date due;
  int64_t drawn = 0;
  int64_t principal = 0;
  int64_t interest = 0;
  int64_t fee = 0;
  int64_t balance = 0;  // principal outstanding afterwards
  [[nodiscard]] int64_t Payment() const { return principal + interest + fee; }
};

struct Offer {
  std::vector<OfferRow> rows;  // by due date
  int64_t price = 0;
  int64_t down_payment = 0;
  int64_t drawn = 0;
  int64_t interest = 0;
  int64_t fees = 0;
  int64_t paid = 0;  // principal, interest and fees; without the down payment
  int64_t merchant_pays = 0;
  std::optional<Decimal> us_apr;
  std::optional<Decimal> eu_aprc;
  std::optional<Decimal> irr_simple;
  std::optional<Decimal> irr_compound;
  std::optional<Decimal> comprehensive;
  std::vector<std::pair<std::string, int64_t>> cost_by_payee;  // sorted by payee
  // What the lender earns, by days, where the merchant pays.
  std::optional<Decimal> lender_yield;
  std::string why;  // there is no yearly cost
};

// kInvalidArgument naming the field: terms that CheckTerms refuses, an amount that is not positive
// or beyond kPrincipalMax, a draw or a rate step before the start or after the last due date, a
// plan that leaves principal unpaid.
[[nodiscard]] Result<Offer> MakeOffer(const OfferRequest& request);

}  // namespace credence::lending
