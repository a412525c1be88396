#include "src/calendar/day_count.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence {
namespace {

Date D(const char* text) { return Date::Parse(text).value(); }

struct Row {
  const char* from;
  const char* to;
  int64_t us, eu, actual;
};

TEST(DayCount, ThirtyDayMonthsByTable) {
  // The rows around February and the 31st are those on which the conventions part.
  const Row kRows[] = {
      {"2024-01-01", "2024-02-01", 30, 30, 31},    {"2024-01-30", "2024-01-31", 0, 0, 1},
      {"2024-01-31", "2024-02-29", 29, 29, 29},    {"2024-01-31", "2024-03-31", 60, 60, 60},
      {"2024-01-15", "2024-01-31", 16, 15, 16},    {"2023-02-28", "2023-03-31", 30, 32, 31},
      {"2024-02-29", "2024-03-31", 30, 31, 31},    {"2024-02-28", "2024-03-31", 33, 32, 32},
      {"2024-02-29", "2025-02-28", 360, 359, 365}, {"2023-02-28", "2024-02-29", 360, 361, 366},
      {"2024-02-29", "2024-02-29", 0, 0, 0},       {"2023-12-31", "2024-12-31", 360, 360, 366},
      {"2024-02-29", "2024-08-31", 180, 181, 184}, {"2006-08-20", "2007-02-20", 180, 180, 184},
  };
  for (const Row& row : kRows) {
    const Date from = D(row.from);
    const Date to = D(row.to);
    EXPECT_EQ(CountDays(DayCount::kThirty360Us, from, to), row.us) << row.from << " " << row.to;
    EXPECT_EQ(CountDays(DayCount::kThirty360Eu, from, to), row.eu) << row.from << " " << row.to;
    EXPECT_EQ(CountDays(DayCount::kAct365, from, to), row.actual) << row.from << " " << row.to;
    EXPECT_EQ(CountDays(DayCount::kThirty360Us, to, from), -row.us);
  }
}

TEST(DayCount, YearFractionsAreExactRatios) {
  EXPECT_EQ(YearsBetween(DayCount::kThirty360Us, D("2024-01-01"), D("2024-02-01")),
            (YearFraction{1, 12}));
  EXPECT_EQ(YearsBetween(DayCount::kAct360, D("2024-01-01"), D("2024-02-01")),
            (YearFraction{31, 360}));
  EXPECT_EQ(YearsBetween(DayCount::kAct365, D("2024-01-01"), D("2025-01-01")),
            (YearFraction{366, 365}));
  EXPECT_EQ(YearsBetween(DayCount::kAct364, D("2024-01-01"), D("2024-01-15")),
            (YearFraction{1, 26}));
  EXPECT_EQ(YearsBetween(DayCount::kActActYear, D("2023-12-12"), D("2024-01-12")),
            (YearFraction{31, 365}));
  EXPECT_EQ(YearsBetween(DayCount::kActActYear, D("2024-12-12"), D("2025-01-12")),
            (YearFraction{31, 366}));
  // ISDA's own example: 1 November 2003 to 1 May 2004 is 61/365 + 121/366.
  EXPECT_EQ(YearsBetween(DayCount::kActActIsda, D("2003-11-01"), D("2004-05-01")),
            (YearFraction{61 * 366 + 121 * 365, 365 * 366}));
  EXPECT_EQ(YearsBetween(DayCount::kActActIsda, D("2024-01-01"), D("2025-01-01")),
            (YearFraction{1, 1}));
  EXPECT_EQ(YearsBetween(DayCount::kActActIsda, D("2025-01-01"), D("2024-01-01")),
            (YearFraction{-1, 1}));
  EXPECT_EQ(YearsBetween(DayCount::kAct365, D("2024-01-01"), D("2024-01-01")),
            (YearFraction{0, 1}));
}

TEST(DayCount, IsdaAgreesWithSummingDayByDay) {
  Random random(21);
  for (int i = 0; i < 300; ++i) {
    const Date from{random.Between(-200'000, 60'000)};
    const Date to = from.PlusDays(random.Between(0, 4000));
    int64_t leap = 0;
    for (Date day = from; day < to; day = day.PlusDays(1)) {
      leap += IsLeapYear(day.ToCivil().year) ? 1 : 0;
    }
    const YearFraction got = YearsBetween(DayCount::kActActIsda, from, to);
    const int64_t want = 366 * (to.days - from.days - leap) + 365 * leap;
    ASSERT_EQ(got.numerator * (365 * 366 / got.denominator), want)
        << from.ToString() << " " << to.ToString();
  }
}

TEST(DayCount, NamesRoundTrip) {
  for (const DayCount convention :
       {DayCount::kThirty360Us, DayCount::kThirty360Eu, DayCount::kAct360, DayCount::kAct365,
        DayCount::kActActIsda, DayCount::kActActYear, DayCount::kAct364}) {
    EXPECT_EQ(DayCountFromName(DayCountName(convention)), convention);
  }
  EXPECT_FALSE(DayCountFromName("30/360").has_value());
}

}  // namespace
}  // namespace credence
