#include "src/calendar/business_days.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence {
namespace {

Date D(const char* text) { return Date::Parse(text).value(); }

constexpr std::array<bool, 7> kSaturdaySunday{false, false, false, false, false, true, true};

// Mainland China around the first week of October 2024: closed from the 1st to the 7th, open on
// Sunday 29 September and Saturday 12 October (State Council General Office, notice of October
// 2023).
BusinessCalendar NationalDay2024() {
  std::vector<Date> holidays;
  for (int i = 0; i < 7; ++i) holidays.push_back(D("2024-10-01").PlusDays(i));
  const std::vector<Date> working{D("2024-09-29"), D("2024-10-12")};
  return BusinessCalendar::Make(kSaturdaySunday, holidays, working).value();
}

TEST(BusinessCalendar, MakeUpDaysAreOpenAndHolidaysClosed) {
  const BusinessCalendar calendar = NationalDay2024();
  EXPECT_TRUE(calendar.IsBusinessDay(D("2024-09-29")));
  EXPECT_FALSE(calendar.IsBusinessDay(D("2024-09-28")));
  EXPECT_FALSE(calendar.IsBusinessDay(D("2024-10-01")));
  EXPECT_FALSE(calendar.IsBusinessDay(D("2024-10-07")));
  EXPECT_TRUE(calendar.IsBusinessDay(D("2024-10-08")));
  EXPECT_TRUE(calendar.IsBusinessDay(D("2024-10-12")));
  EXPECT_FALSE(calendar.IsBusinessDay(D("2024-10-13")));
}

TEST(BusinessCalendar, AdjustmentRulesByTable) {
  const BusinessCalendar calendar = NationalDay2024();
  using enum BusinessDayRule;
  const struct {
    const char* date;
    BusinessDayRule rule;
    const char* want;
  } kRows[] = {
      {"2024-10-03", kUnadjusted, "2024-10-03"},
      {"2024-10-03", kFollowing, "2024-10-08"},
      {"2024-10-03", kPreceding, "2024-09-30"},
      {"2024-10-03", kModifiedPreceding, "2024-10-08"},
      {"2024-10-03", kNearest, "2024-09-30"},
      {"2024-10-04", kNearest, "2024-10-08"},  // four days either way: the next
      {"2024-10-05", kNearest, "2024-10-08"},
      {"2024-09-29", kFollowing, "2024-09-29"},
      {"2024-09-28", kFollowing, "2024-09-29"},
      {"2024-10-12", kFollowing, "2024-10-12"},
      {"2024-10-13", kFollowing, "2024-10-14"},
      {"2024-10-13", kPreceding, "2024-10-12"},
      {"2024-08-31", kModifiedFollowing, "2024-08-30"},
      {"2024-08-31", kFollowing, "2024-09-02"},
      {"2024-09-01", kModifiedPreceding, "2024-09-02"},
      {"2024-09-01", kPreceding, "2024-08-30"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(calendar.Adjust(D(row.date), row.rule), D(row.want))
        << row.date << " " << BusinessDayRuleName(row.rule);
  }
}

TEST(BusinessCalendar, CountingAgreesWithWalking) {
  const BusinessCalendar calendar = NationalDay2024();
  Random random(31);
  for (int i = 0; i < 500; ++i) {
    const Date from = D("2024-08-01").PlusDays(random.Between(0, 120));
    const Date to = from.PlusDays(random.Between(0, 120));
    int64_t count = 0;
    for (Date day = from; day < to; day = day.PlusDays(1)) count += calendar.IsBusinessDay(day);
    ASSERT_EQ(calendar.BusinessDaysBetween(from, to), count);
    ASSERT_EQ(calendar.BusinessDaysBetween(to, from), -count);
    const int64_t n = random.Between(1, 30);
    const Date later = calendar.PlusBusinessDays(from, n);
    ASSERT_TRUE(calendar.IsBusinessDay(later));
    ASSERT_EQ(calendar.BusinessDaysBetween(from.PlusDays(1), later.PlusDays(1)), n);
    const Date earlier = calendar.PlusBusinessDays(from, -n);
    ASSERT_TRUE(calendar.IsBusinessDay(earlier));
    ASSERT_EQ(calendar.BusinessDaysBetween(earlier, from), n);
  }
  EXPECT_EQ(calendar.PlusBusinessDays(D("2024-10-05"), 0), D("2024-10-05"));
}

TEST(BusinessCalendar, ContradictoryListsAreRefused) {
  const Date saturday = D("2024-10-12");
  const Date monday = D("2024-10-14");
  using Dates = std::vector<Date>;
  EXPECT_FALSE(BusinessCalendar::Make(kSaturdaySunday, Dates{saturday}, Dates{saturday}).ok());
  EXPECT_FALSE(BusinessCalendar::Make(kSaturdaySunday, Dates{monday, monday}, Dates{}).ok());
  EXPECT_FALSE(BusinessCalendar::Make(kSaturdaySunday, Dates{}, Dates{monday}).ok());
  EXPECT_FALSE(
      BusinessCalendar::Make({true, true, true, true, true, true, true}, Dates{}, Dates{}).ok());
  Dates two_months;
  for (int i = 0; i < 70; ++i) two_months.push_back(monday.PlusDays(i));
  const Status status = BusinessCalendar::Make(kSaturdaySunday, two_months, Dates{}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("2024-10-12"), std::string::npos) << status.ToString();
  EXPECT_EQ(BusinessCalendar::Make(kSaturdaySunday, Dates(BusinessCalendar::kDatesMax + 1), Dates{})
                .status()
                .code(),
            StatusCode::kOutOfRange);
}

TEST(BusinessCalendar, NamesRoundTrip) {
  using enum BusinessDayRule;
  for (const BusinessDayRule rule :
       {kUnadjusted, kFollowing, kModifiedFollowing, kPreceding, kModifiedPreceding, kNearest}) {
    EXPECT_EQ(BusinessDayRuleFromName(BusinessDayRuleName(rule)), rule);
  }
  EXPECT_FALSE(BusinessDayRuleFromName("").has_value());
}

}  // namespace
}  // namespace credence
