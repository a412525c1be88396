#include "src/calendar/date.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence {
namespace {

Date Civil(int64_t year, int month, int day) { return Date::FromCivil(year, month, day).value(); }

// The obvious twin: count the days one by one.
TEST(Date, CivilAndDaysAgreeWithCountingDayByDay) {
  Date date = Civil(1581, 12, 30);
  CivilDate civil{1581, 12, 30};
  for (int i = 0; i < 400'000; ++i) {
    ASSERT_EQ(date.ToCivil(), civil);
    ASSERT_EQ(Date::FromCivil(civil.year, civil.month, civil.day), date);
    date = date.PlusDays(1);
    if (++civil.day > DaysInMonth(civil.year, civil.month)) {
      civil.day = 1;
      if (++civil.month > 12) {
        civil.month = 1;
        ++civil.year;
      }
    }
  }
}

TEST(Date, KnownDaysSinceTheEpoch) {
  EXPECT_EQ(Civil(1970, 1, 1).days, 0);
  EXPECT_EQ(Civil(2000, 3, 1).days, 11'017);
  EXPECT_EQ(Civil(1969, 12, 31).days, -1);
  EXPECT_EQ(Civil(0, 3, 1).days, -719'468);
}

TEST(Date, ReachesNineDigitYearsBothWays) {
  for (const int64_t year : {Date::kYearMax, -Date::kYearMax}) {
    const Date last = Civil(year, 12, 31);
    EXPECT_EQ(last.ToCivil(), (CivilDate{year, 12, 31}));
    EXPECT_EQ(Civil(year, 1, 1).DayOfYear(), 1);
  }
  EXPECT_FALSE(Date::FromCivil(Date::kYearMax + 1, 1, 1).has_value());
  EXPECT_FALSE(Date::FromCivil(-Date::kYearMax - 1, 1, 1).has_value());
  EXPECT_EQ(Civil(999'999'999, 12, 31).ToString(), "999999999-12-31");
  EXPECT_EQ(Civil(-999'999'999, 1, 1).ToString(), "-999999999-01-01");
  Random random(11);
  for (int i = 0; i < 100'000; ++i) {
    const Date date{random.Between(-365'242'000'000, 365'242'000'000)};
    const CivilDate civil = date.ToCivil();
    ASSERT_EQ(Civil(civil.year, civil.month, civil.day), date);
  }
}

TEST(Date, NoSuchDayIsNothing) {
  EXPECT_FALSE(Date::FromCivil(2023, 2, 29));
  EXPECT_TRUE(Date::FromCivil(2024, 2, 29));
  EXPECT_FALSE(Date::FromCivil(1900, 2, 29));
  EXPECT_TRUE(Date::FromCivil(2000, 2, 29));
  EXPECT_FALSE(Date::FromCivil(2024, 4, 31));
  EXPECT_FALSE(Date::FromCivil(2024, 0, 1));
  EXPECT_FALSE(Date::FromCivil(2024, 13, 1));
  EXPECT_FALSE(Date::FromCivil(2024, 1, 0));
}

TEST(Date, TextRoundTripsAndIsExact) {
  EXPECT_EQ(Civil(2024, 2, 29).ToString(), "2024-02-29");
  EXPECT_EQ(Civil(7, 1, 2).ToString(), "0007-01-02");
  EXPECT_EQ(Civil(-7, 1, 2).ToString(), "-0007-01-02");
  EXPECT_EQ(Date::Parse("2024-02-29").value(), Civil(2024, 2, 29));
  EXPECT_EQ(Date::Parse("0000-01-01").value(), Civil(0, 1, 1));
  for (const char* bad : {"", "2024-2-29", "2024-02-29 ", " 2024-02-29", "2024/02/29", "20240229",
                          "2023-02-29", "2024-00-10", "2024-13-01", "+024-01-01", "2024-01-1a"}) {
    EXPECT_EQ(Date::Parse(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Date, WeekdaysAndIsoWeeks) {
  EXPECT_EQ(Civil(1970, 1, 1).DayOfWeek(), 4);
  EXPECT_EQ(Civil(2024, 2, 29).DayOfWeek(), 4);
  EXPECT_EQ(Civil(1969, 12, 28).DayOfWeek(), 7);
  EXPECT_EQ(Civil(1969, 12, 29).DayOfWeek(), 1);
  EXPECT_EQ(Civil(2024, 12, 31).DayOfYear(), 366);
  // ISO 8601: 1 January may lie in week 52, 53 or 1.
  EXPECT_EQ(Civil(2005, 1, 1).WeekOfYear(), 53);
  EXPECT_EQ(Civil(2006, 1, 1).WeekOfYear(), 52);
  EXPECT_EQ(Civil(2007, 1, 1).WeekOfYear(), 1);
  EXPECT_EQ(Civil(2008, 12, 29).WeekOfYear(), 1);
  EXPECT_EQ(Civil(2009, 12, 31).WeekOfYear(), 53);
}

TEST(Date, AddingMonthsKeepsTheDayOrTakesTheLast) {
  EXPECT_EQ(Civil(2024, 1, 31).PlusMonths(1), Civil(2024, 2, 29));
  EXPECT_EQ(Civil(2023, 1, 31).PlusMonths(1), Civil(2023, 2, 28));
  EXPECT_EQ(Civil(2024, 2, 29).PlusMonths(12), Civil(2025, 2, 28));
  EXPECT_EQ(Civil(2024, 3, 31).PlusMonths(-1), Civil(2024, 2, 29));
  EXPECT_EQ(Civil(2024, 1, 15).PlusMonths(-13), Civil(2022, 12, 15));
  EXPECT_EQ(Civil(2024, 12, 31).PlusMonths(0), Civil(2024, 12, 31));
  EXPECT_EQ(Civil(1, 1, 31).PlusMonths(-12), Civil(0, 1, 31));
}

TEST(Date, AddingAbsurdMonthsStaysOutOfRange) {
  EXPECT_GT(Civil(2024, 1, 1).PlusMonths(INT64_MAX).ToCivil().year, Date::kYearMax);
  EXPECT_LT(Civil(2024, 1, 1).PlusMonths(INT64_MIN).ToCivil().year, -Date::kYearMax);
}

TEST(Timestamp, ReadsRfc3339) {
  EXPECT_EQ(Timestamp::Parse("1970-01-01T00:00:00Z").value().ns, 0);
  EXPECT_EQ(Timestamp::Parse("2024-01-31T12:00:00.5+08:00").value().ns, 1'706'673'600'500'000'000);
  EXPECT_EQ(Timestamp::Parse("1969-12-31T23:59:59.999999999Z").value().ns, -1);
  EXPECT_EQ(Timestamp::Parse("1970-01-01t00:00:00z").value().ns, 0);
  EXPECT_EQ(Timestamp::Parse("1970-01-01T00:00:00-00:30").value().ns, 30 * kNsPerMinute);
  EXPECT_EQ(Timestamp::Parse("2262-04-11T23:47:16.854775807Z").value().ns, INT64_MAX);
  EXPECT_EQ(Timestamp::Parse("1677-09-21T00:12:43.145224192Z").value().ns, INT64_MIN);
}

TEST(Timestamp, RefusalsSayWhatIsWrong) {
  const struct {
    const char* text;
    StatusCode code;
    const char* says;
  } kRows[] = {
      {"2016-12-31T23:59:60Z", StatusCode::kInvalidArgument, "leap second"},
      {"2024-01-31T12:00:00.1234567890Z", StatusCode::kInvalidArgument, "nine digits"},
      {"2024-01-31T12:00:00.Z", StatusCode::kInvalidArgument, "no digit after the point"},
      {"2024-01-31T12:00:00", StatusCode::kInvalidArgument, "too early"},
      {"2024-01-31T12:00:00+0800", StatusCode::kInvalidArgument, "no offset"},
      {"2024-01-31T12:00:00+24:00", StatusCode::kInvalidArgument, "no offset"},
      {"2024-01-31T12:00:00+08:60", StatusCode::kInvalidArgument, "no offset"},
      {"2024-01-31T12:00:00Z ", StatusCode::kInvalidArgument, "no offset"},
      {"2024-01-31 12:00:00Z", StatusCode::kInvalidArgument, "no 'T'"},
      {"2024-01-31T24:00:00Z", StatusCode::kInvalidArgument, "hour"},
      {"2024-01-31T12:60:00Z", StatusCode::kInvalidArgument, "minute"},
      {"2024-01-31T12:00:61Z", StatusCode::kInvalidArgument, "second"},
      {"2024-01-31T1:000:00Z", StatusCode::kInvalidArgument, "hh:mm:ss"},
      {"2023-02-29T12:00:00Z", StatusCode::kInvalidArgument, "no such day"},
      {"2262-04-11T23:47:16.854775808Z", StatusCode::kOutOfRange, "outside"},
      {"1677-09-21T00:12:43.145224191Z", StatusCode::kOutOfRange, "outside"},
      {"9999-12-31T23:59:59Z", StatusCode::kOutOfRange, "outside"},
      {"", StatusCode::kInvalidArgument, "expected a date"},
  };
  for (const auto& row : kRows) {
    const Status status = Timestamp::Parse(row.text).status();
    EXPECT_EQ(status.code(), row.code) << row.text;
    EXPECT_NE(status.message().find(row.says), std::string::npos) << status.ToString();
  }
}

TEST(Timestamp, TextRoundTrips) {
  EXPECT_EQ(Timestamp{1'706'673'600'500'000'000}.ToString(), "2024-01-31T04:00:00.5Z");
  EXPECT_EQ(Timestamp{0}.ToString(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Timestamp{-1}.ToString(), "1969-12-31T23:59:59.999999999Z");
  Random random(12);
  for (int i = 0; i < 100'000; ++i) {
    const Timestamp time{static_cast<int64_t>(random.Next())};
    ASSERT_EQ(Timestamp::Parse(time.ToString()).value(), time);
  }
  for (const int64_t ns : {INT64_MIN, INT64_MAX}) {
    EXPECT_EQ(Timestamp::Parse(Timestamp{ns}.ToString()).value().ns, ns);
  }
}

TEST(Timestamp, UtcDateFloors) {
  EXPECT_EQ(Timestamp{-1}.UtcDate(), Civil(1969, 12, 31));
  EXPECT_EQ(Timestamp{kNsPerDay}.UtcDate(), Civil(1970, 1, 2));
  EXPECT_EQ(Timestamp::FromUtc(Civil(1970, 1, 2), 5)->ns, kNsPerDay + 5);
  EXPECT_FALSE(Timestamp::FromUtc(Civil(2263, 1, 1), 0).has_value());
}

TEST(Duration, ReadsUnitsFromTheLargest) {
  EXPECT_EQ(ParseDurationNs("90s").value(), 90 * kNsPerSecond);
  EXPECT_EQ(ParseDurationNs("10m").value(), 10 * kNsPerMinute);
  EXPECT_EQ(ParseDurationNs("24h").value(), kNsPerDay);
  EXPECT_EQ(ParseDurationNs("2w").value(), 14 * kNsPerDay);
  EXPECT_EQ(ParseDurationNs("1h30m").value(), 90 * kNsPerMinute);
  EXPECT_EQ(ParseDurationNs("1w2d3h4m5s6ms7us8ns").value(),
            9 * kNsPerDay + 3 * kNsPerHour + 4 * kNsPerMinute + 5'006'007'008);
  EXPECT_EQ(ParseDurationNs("0s").value(), 0);
  EXPECT_EQ(ParseDurationNs("9223372036854775807ns").value(), INT64_MAX);
  for (const char* bad : {"", "10", "m", "10 m", "1.5h", "-1h", "30m1h", "1h1h", "5x", "1hm"}) {
    EXPECT_EQ(ParseDurationNs(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
  for (const char* huge : {"9223372036854775808ns", "15251w", "99999999999999999999999999999d"}) {
    EXPECT_EQ(ParseDurationNs(huge).status().code(), StatusCode::kOutOfRange) << huge;
  }
}

TEST(Duration, TextRoundTrips) {
  EXPECT_EQ(DurationToString(0), "0s");
  EXPECT_EQ(DurationToString(36 * kNsPerHour), "1d12h");
  EXPECT_EQ(DurationToString(90 * kNsPerMinute), "1h30m");
  EXPECT_EQ(DurationToString(250'000'000), "250ms");
  EXPECT_EQ(DurationToString(5'000), "5us");
  EXPECT_EQ(DurationToString(7), "7ns");
  EXPECT_EQ(DurationToString(-kNsPerHour), "-1h");
  EXPECT_EQ(DurationToString(INT64_MIN), "-106751d23h47m16s854ms775us808ns");
  Random random(13);
  for (int i = 0; i < 10'000; ++i) {
    const auto ns = static_cast<int64_t>(random.Next() >> 1);
    ASSERT_EQ(ParseDurationNs(DurationToString(ns)).value(), ns);
  }
}

}  // namespace
}  // namespace credence
