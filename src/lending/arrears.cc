#include "src/lending/arrears.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/int128.h"

namespace credence::lending {
namespace {

std::optional<Decimal> Ratio(Int128 part, Int128 whole) {
  if (whole == 0) return std::nullopt;
  return Decimal::FromScaled(part, 0) / Decimal::FromScaled(whole, 0);
}

}  // namespace

int64_t DaysPastDue(std::optional<Date> oldest_unpaid_due, Date today, int32_t grace_days,
                    std::span<const ArrearsPause> pauses) {
  if (!oldest_unpaid_due || today <= *oldest_unpaid_due) return 0;
  // The first late day is the one after the due date. Pauses may overlap: count each day once.
  std::vector<ArrearsPause> sorted(pauses.begin(), pauses.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const ArrearsPause& a, const ArrearsPause& b) { return a.from < b.from; });
  int64_t days = today.days - oldest_unpaid_due->days;
  Date counted = *oldest_unpaid_due;
  for (const ArrearsPause& pause : sorted) {
    const Date from = std::max(pause.from, counted);
    const Date to = std::min(pause.to, today);
    if (to <= from) continue;
    days -= to.days - from.days;
    counted = to;
  }
  return days <= grace_days ? 0 : days;
}

BucketScheme BucketScheme::Months() {
  BucketScheme scheme;
  scheme.buckets.push_back({"M0", 0});
  for (int64_t month = 1; month <= 6; ++month) {
    scheme.buckets.push_back({"M" + std::to_string(month), (month - 1) * 30 + 1});
  }
  scheme.buckets.push_back({"M6+", 181});
  return scheme;
}

BucketScheme BucketScheme::ThirtyDays() {
  return {{{"current", 0}, {"30-59", 30}, {"60-89", 60}, {"90-119", 90}, {"120+", 120}}};
}

Status BucketScheme::Check() const {
  if (buckets.empty() || buckets.front().days_from != 0) {
    return InvalidArgument("the first bucket must begin at 0 days past due");
  }
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].days_from <= buckets[i - 1].days_from) {
      return InvalidArgument("bucket '" + buckets[i].name + "' does not begin after '" +
                             buckets[i - 1].name + "'");
    }
  }
  return OkStatus();
}

size_t BucketScheme::IndexOf(int64_t days_past_due) const {
  size_t index = 0;
  while (index + 1 < buckets.size() && buckets[index + 1].days_from <= days_past_due) ++index;
  return index;
}

AssetClass ClassOf(int64_t days_past_due) {
  if (days_past_due > 360) return AssetClass::kLoss;
  if (days_past_due > 270) return AssetClass::kDoubtful;
  if (days_past_due > 90) return AssetClass::kSubstandard;
  return days_past_due > 0 ? AssetClass::kSpecialMention : AssetClass::kNormal;
}

std::vector<AssetClass> ClassesOfDebtor(std::span<const DebtorClaim> claims) {
  Int128 all = 0;
  Int128 bad = 0;
  for (const DebtorClaim& claim : claims) {
    all += claim.balance_minor;
    if (claim.own >= AssetClass::kSubstandard) bad += claim.balance_minor;
  }
  std::vector<AssetClass> classes;
  for (const DebtorClaim& claim : claims) {
    classes.push_back(bad * 10 > all ? std::max(claim.own, AssetClass::kSubstandard) : claim.own);
  }
  return classes;
}

int Ifrs9Stage(int64_t days_past_due, bool risk_has_risen, bool impaired) {
  if (impaired || days_past_due > 90) return 3;
  return risk_has_risen || days_past_due > 30 ? 2 : 1;
}

int64_t ExpectedLoss(Decimal pd, Decimal lgd, int64_t exposure_minor, Decimal discount) {
  const Decimal one = Decimal::FromInt64(1);
  CREDENCE_ASSERT(!pd.IsNegative() && pd <= one && !lgd.IsNegative() && lgd <= one);
  return (pd * lgd * Decimal::FromInt64(exposure_minor) * discount)
      .Rounded(0, Rounding::kHalfEven)
      .ToInt64()
      .value();
}

PortfolioFold::PortfolioFold(BucketScheme scheme) : scheme_(std::move(scheme)) {
  CREDENCE_ASSERT(scheme_.Check().ok());
}

int64_t PortfolioFold::MonthOf(Date date) {
  const CivilDate civil = date.ToCivil();
  return civil.year * 12 + civil.month - 1;
}

Status PortfolioFold::AddMonth(Date month_end, std::span<const LoanSnapshot> loans) {
  const int64_t month = MonthOf(month_end);
  if (latest_month_ && month <= *latest_month_) {
    return InvalidArgument("month of " + month_end.ToString() + " is not after the latest one");
  }
  std::map<uint64_t, LoanSnapshot> now;
  for (const LoanSnapshot& loan : loans) {
    if (!now.emplace(loan.loan, loan).second) {
      return InvalidArgument("loan " + std::to_string(loan.loan) + " is there twice");
    }
    if (MonthOf(loan.originated) > month) {
      return InvalidArgument("loan " + std::to_string(loan.loan) + " is from a later month");
    }
  }
  rolled_.clear();
  rolled_base_.assign(scheme_.buckets.size(), 0);
  const bool next = latest_month_ && month == *latest_month_ + 1;
  for (const auto& [id, was] : latest_) {
    if (!next) break;
    const size_t from = scheme_.IndexOf(was.days_past_due);
    rolled_base_[from] += was.outstanding_minor;
    const auto is = now.find(id);
    if (is == now.end() || is->second.outstanding_minor == 0) continue;
    rolled_[{from, scheme_.IndexOf(is->second.days_past_due)}] += was.outstanding_minor;
  }
  for (const auto& [id, loan] : now) {
    const int64_t cohort = MonthOf(loan.originated);
    Cell& cell = cohorts_[{cohort, static_cast<int>(month - cohort)}];
    cell.originated += loan.originated_minor;
    cell.outstanding_by_days[loan.days_past_due] += loan.outstanding_minor;
    cell.written_off += loan.written_off_minor;
    bool& missed = first_missed_[id];
    missed = missed || loan.first_instalment_missed;
    originated_[id] = loan.originated_minor;
  }
  latest_month_ = month;
  latest_ = std::move(now);
  return OkStatus();
}

std::optional<Decimal> PortfolioFold::OverdueRate(int64_t more_than_days) const {
  Int128 late = 0;
  Int128 all = 0;
  for (const auto& [id, loan] : latest_) {
    all += loan.outstanding_minor;
    if (loan.days_past_due > more_than_days) late += loan.outstanding_minor;
  }
  return Ratio(late, all);
}

std::optional<Decimal> PortfolioFold::BadDebtRate() const {
  Int128 bad = 0;
  Int128 all = 0;
  for (const auto& [id, amount] : originated_) all += amount;
  for (const auto& [id, loan] : latest_) {
    bad += loan.written_off_minor;
    if (loan.days_past_due > 90) bad += loan.outstanding_minor;
  }
  return Ratio(bad, all);
}

std::optional<Decimal> PortfolioFold::FirstPaymentDefaultRate() const {
  Int128 missed = 0;
  for (const auto& [id, is_missed] : first_missed_) missed += is_missed ? 1 : 0;
  return Ratio(missed, static_cast<Int128>(first_missed_.size()));
}

std::optional<Decimal> PortfolioFold::RollRate(size_t from, size_t to) const {
  if (from >= rolled_base_.size()) return std::nullopt;
  const auto it = rolled_.find({from, to});
  return Ratio(it == rolled_.end() ? 0 : it->second, rolled_base_[from]);
}

std::optional<Decimal> PortfolioFold::Vintage(Date month, int months_on_book, int64_t days) const {
  const auto it = cohorts_.find({MonthOf(month), months_on_book});
  if (it == cohorts_.end()) return std::nullopt;
  Int128 late = it->second.written_off;
  for (const auto& [past_due, outstanding] : it->second.outstanding_by_days) {
    if (past_due > days) late += outstanding;
  }
  return Ratio(late, it->second.originated);
}

}  // namespace credence::lending
