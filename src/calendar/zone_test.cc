#include "src/calendar/zone.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/base/random.h"

namespace credence {
namespace {

constexpr const char* kSystemZones = "/usr/share/zoneinfo/";

int64_t Utc(const char* text) { return Timestamp::Parse(text).value().ns / kNsPerSecond; }
// A wall-clock time, in seconds as if it were UTC.
int64_t Wall(const std::string& text) { return Utc((text + "Z").c_str()); }

std::string BigEndian(uint64_t value, int width) {
  std::string out;
  for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

struct TestType {
  int32_t offset;
  int daylight;
};

// A version 2 file with an empty 32-bit block.
std::string Tzif(const std::vector<std::pair<int64_t, int>>& transitions,
                 const std::vector<TestType>& types, const std::string& footer) {
  const auto header = [](size_t times, size_t type_count, size_t chars) {
    return std::string("TZif2") + std::string(15, '\0') + BigEndian(0, 4) + BigEndian(0, 4) +
           BigEndian(0, 4) + BigEndian(times, 4) + BigEndian(type_count, 4) + BigEndian(chars, 4);
  };
  std::string out = header(0, 1, 1) + BigEndian(0, 6) + std::string(1, '\0');
  out += header(transitions.size(), types.size(), 4);
  for (const auto& [time, index] : transitions) out += BigEndian(static_cast<uint64_t>(time), 8);
  for (const auto& [time, index] : transitions) out.push_back(static_cast<char>(index));
  for (const TestType& type : types) {
    out += BigEndian(static_cast<uint32_t>(type.offset), 4);
    out.push_back(static_cast<char>(type.daylight));
    out.push_back('\0');
  }
  return out + std::string("ABC\0", 4) + "\n" + footer + "\n";
}

Zone Make(const std::string& footer) {
  auto zone = Zone::FromTzif("Test/Zone", Tzif({}, {{0, 0}}, footer));
  EXPECT_TRUE(zone.ok()) << zone.status().ToString();
  return std::move(zone).value();
}

std::string SystemBytes(const std::string& name) {
  std::ifstream file(kSystemZones + name, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

#define SYSTEM_ZONE(variable, zone_name)                                              \
  const std::string variable##_bytes = SystemBytes(zone_name);                        \
  if (variable##_bytes.empty()) GTEST_SKIP() << "no " << kSystemZones << (zone_name); \
  const auto variable##_result = Zone::FromTzif(zone_name, variable##_bytes);         \
  ASSERT_TRUE(variable##_result.ok()) << variable##_result.status().ToString();       \
  const Zone& variable = *variable##_result

TEST(Zone, FixedOffsetsHoldForEver) {
  const Zone zone = Zone::Fixed(8 * 3600);
  EXPECT_EQ(zone.name(), "+08:00");
  EXPECT_EQ(zone.digest(), Digest{});
  EXPECT_EQ(zone.OffsetAtUtc(-40'000'000'000'000'000), 28'800);
  EXPECT_EQ(zone.OffsetAtUtc(40'000'000'000'000'000), 28'800);
  EXPECT_EQ(zone.OffsetAtLocal(0).kind, Zone::LocalKind::kUnique);
  EXPECT_EQ(zone.OffsetAtLocal(0).offset_after, 28'800);
  EXPECT_EQ(Zone::Fixed(-19'800).name(), "-05:30");
  EXPECT_EQ(Zone::Fixed(0).name(), "Z");
  EXPECT_EQ(Zone::Fixed(3601).name(), "+01:00:01");
}

TEST(Zone, FooterRuleOfTheUnitedStates) {
  const Zone zone = Make("EST5EDT,M3.2.0,M11.1.0");
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-03-10T06:59:59Z")), -18'000);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-03-10T07:00:00Z")), -14'400);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-11-03T05:59:59Z")), -14'400);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-11-03T06:00:00Z")), -18'000);
  const auto gap = zone.OffsetAtLocal(Wall("2024-03-10T02:30:00"));
  EXPECT_EQ(gap.kind, Zone::LocalKind::kGap);
  EXPECT_EQ(gap.offset_before, -18'000);
  EXPECT_EQ(gap.offset_after, -14'400);
  const auto twice = zone.OffsetAtLocal(Wall("2024-11-03T01:30:00"));
  EXPECT_EQ(twice.kind, Zone::LocalKind::kAmbiguous);
  EXPECT_EQ(twice.offset_before, -14'400);
  EXPECT_EQ(twice.offset_after, -18'000);
  // The ends of the gap and of the doubled hour.
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-03-10T01:59:59")).kind, Zone::LocalKind::kUnique);
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-03-10T02:00:00")).kind, Zone::LocalKind::kGap);
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-03-10T03:00:00")).kind, Zone::LocalKind::kUnique);
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-11-03T00:59:59")).kind, Zone::LocalKind::kUnique);
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-11-03T01:00:00")).kind, Zone::LocalKind::kAmbiguous);
  EXPECT_EQ(zone.OffsetAtLocal(Wall("2024-11-03T02:00:00")).kind, Zone::LocalKind::kUnique);
}

TEST(Zone, FooterRuleOfTheSouthernHalf) {
  const Zone zone = Make("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0");  // Lord Howe: half an hour
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-01-01T00:00:00Z")), 39'600);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-07-01T00:00:00Z")), 37'800);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2024-12-31T23:00:00Z")), 39'600);
}

TEST(Zone, FooterRulesWithNegativeTimesAndDayNumbers) {
  // RFC 8536, 3.3.1: America/Godthab, "from 22:00 on the day before".
  const Zone nuuk = Make("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1");
  EXPECT_EQ(nuuk.OffsetAtUtc(Utc("2024-03-31T00:59:59Z")), -10'800);
  EXPECT_EQ(nuuk.OffsetAtUtc(Utc("2024-03-31T01:00:00Z")), -7'200);
  // RFC 8536, 3.3.1: daylight time all year.
  const Zone always = Make("EST5EDT,0/0,J365/25");
  for (const char* text :
       {"2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z", "2024-01-01T04:59:59Z",
        "2024-01-01T05:00:00Z", "2024-07-01T00:00:00Z", "2025-01-01T04:00:00Z"}) {
    EXPECT_EQ(always.OffsetAtUtc(Utc(text)), -14'400) << text;
  }
  EXPECT_EQ(always.OffsetAtLocal(Wall("2024-01-01T00:30:00")).kind, Zone::LocalKind::kUnique);
  // J60 is 1 March in every year, day 59 is 29 February in leap years.
  const Zone julian = Make("AAA0BBB,J60/0,J300/0");
  EXPECT_EQ(julian.OffsetAtUtc(Utc("2024-02-29T23:59:59Z")), 0);
  EXPECT_EQ(julian.OffsetAtUtc(Utc("2024-03-01T00:00:00Z")), 3600);
  const Zone numbered = Make("AAA0BBB,59/0,300/0");
  EXPECT_EQ(numbered.OffsetAtUtc(Utc("2024-02-29T00:00:00Z")), 3600);
  EXPECT_EQ(numbered.OffsetAtUtc(Utc("2023-02-28T23:59:59Z")), 0);
  EXPECT_EQ(numbered.OffsetAtUtc(Utc("2023-03-01T00:00:00Z")), 3600);
}

TEST(Zone, FarFutureAndPastAreAnswered) {
  const Zone zone = Make("EST5EDT,M3.2.0,M11.1.0");
  const int64_t far = 39'999'999'999'999'999;
  EXPECT_TRUE(zone.OffsetAtUtc(far) == -18'000 || zone.OffsetAtUtc(far) == -14'400);
  EXPECT_TRUE(zone.OffsetAtUtc(-far) == -18'000 || zone.OffsetAtUtc(-far) == -14'400);
}

TEST(Zone, ListedTransitionsComeBeforeTheFooter) {
  const auto zone =
      Zone::FromTzif("T", Tzif({{1000, 1}, {2000, 0}}, {{3600, 0}, {7200, 1}}, "ABC-3"));
  ASSERT_TRUE(zone.ok()) << zone.status().ToString();
  EXPECT_EQ(zone->OffsetAtUtc(999), 3600);
  EXPECT_EQ(zone->OffsetAtUtc(1000), 7200);
  EXPECT_EQ(zone->OffsetAtUtc(1999), 7200);
  EXPECT_EQ(zone->OffsetAtUtc(2000), 10'800);
  const auto without = Zone::FromTzif("T", Tzif({{1000, 1}}, {{3600, 0}, {7200, 1}}, ""));
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->OffsetAtUtc(5000), 7200);
}

TEST(Zone, MalformedFilesAreRefusedWithTheByte) {
  const std::string good = Tzif({{1000, 1}, {2000, 0}}, {{3600, 0}, {7200, 1}}, "ABC-3");
  ASSERT_TRUE(Zone::FromTzif("T", good).ok());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Zone::FromTzif("T", std::string_view(good).substr(0, size)).status().code(),
              StatusCode::kInvalidArgument)
        << "cut at " << size;
  }
  EXPECT_FALSE(Zone::FromTzif("T", good + "x").ok());
  EXPECT_FALSE(Zone::FromTzif("T", good + "\n").ok());
  std::string version_1 = good;
  version_1[4] = '\0';
  EXPECT_NE(Zone::FromTzif("T", version_1).status().message().find("version 1"), std::string::npos);
  const struct {
    std::string bytes;
    const char* says;
  } kRows[] = {
      {Tzif({{2000, 1}, {1000, 0}}, {{0, 0}, {0, 0}}, ""), "ascend"},
      {Tzif({{1000, 1}, {1000, 0}}, {{0, 0}, {0, 0}}, ""), "ascend"},
      {Tzif({{1000, 2}}, {{0, 0}, {0, 0}}, ""), "no such type"},
      {Tzif({}, {}, ""), "number of types"},
      {Tzif({}, {{100'000, 0}}, ""), "26 hours"},
      {Tzif({}, {{INT32_MIN, 0}}, ""), "26 hours"},
      {Tzif({}, {{0, 2}}, ""), "daylight mark"},
      {Tzif({}, {{0, 0}}, "AB3"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC25"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M3.2.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M13.2.0,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M3.6.0,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M3.2.7,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,J0,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,366,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M3.2.0/168,M11.1.0"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3DEF,M3.2.0,M11.1.0,"), "POSIX"},
      {Tzif({}, {{0, 0}}, "<ABC3"), "POSIX"},
      {Tzif({}, {{0, 0}}, "ABC3\nDEF"), "behind the footer"},
  };
  for (const auto& row : kRows) {
    const Status status = Zone::FromTzif("T", row.bytes).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << row.says;
    EXPECT_NE(status.message().find(row.says), std::string::npos) << status.ToString();
    EXPECT_NE(status.message().find("at byte"), std::string::npos) << status.ToString();
  }
}

TEST(Zone, EveryFlippedByteIsRefusedOrReadable) {
  const std::string good =
      Tzif({{1000, 1}, {2'000'000, 0}}, {{3600, 0}, {7200, 1}}, "ABC-3DEF,M3.2.0,M11.1.0");
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      const auto zone = Zone::FromTzif("T", bytes);
      if (!zone.ok()) continue;
      for (const int64_t t : {int64_t{0}, int64_t{1000}, int64_t{2'000'000}, int64_t{1} << 32}) {
        const auto local = zone->OffsetAtLocal(t);
        ASSERT_LE(std::abs(local.offset_before), 26 * 3600);
      }
    }
  }
}

TEST(Zone, ShanghaiHadSummerTimeFrom1986To1991) {
  SYSTEM_ZONE(zone, "Asia/Shanghai");
  EXPECT_EQ(zone.OffsetAtUtc(Utc("1986-05-03T17:59:59Z")), 28'800);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("1986-05-03T18:00:00Z")), 32'400);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("1991-08-01T00:00:00Z")), 32'400);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("1992-08-01T00:00:00Z")), 28'800);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("2099-08-01T00:00:00Z")), 28'800);
  EXPECT_EQ(zone.OffsetAtUtc(Utc("1890-01-01T00:00:00Z")), 29'143);  // local mean time
  EXPECT_NE(zone.digest(), Digest{});
}

TEST(Zone, ApiaLeftOutAWholeDay) {
  SYSTEM_ZONE(zone, "Pacific/Apia");
  const auto skipped = zone.OffsetAtLocal(Wall("2011-12-30T12:00:00"));
  EXPECT_EQ(skipped.kind, Zone::LocalKind::kGap);
  EXPECT_EQ(skipped.offset_before, -36'000);
  EXPECT_EQ(skipped.offset_after, 50'400);
}

TEST(Zone, NewYorkAndLondonFollowTheirRulesBeyondTheList) {
  SYSTEM_ZONE(new_york, "America/New_York");
  EXPECT_EQ(new_york.OffsetAtUtc(Utc("2006-04-02T06:59:59Z")), -18'000);
  EXPECT_EQ(new_york.OffsetAtUtc(Utc("2006-04-02T07:00:00Z")), -14'400);
  EXPECT_EQ(new_york.OffsetAtUtc(Utc("2100-07-04T00:00:00Z")), -14'400);
  SYSTEM_ZONE(london, "Europe/London");
  EXPECT_EQ(london.OffsetAtUtc(Utc("2100-01-01T00:00:00Z")), 0);
  EXPECT_EQ(london.OffsetAtUtc(Utc("2100-07-23T00:00:00Z")), 3600);
}

TEST(Zone, EverySystemZoneInvertsItsOwnOffsets) {
  if (!std::filesystem::exists(kSystemZones)) GTEST_SKIP() << "no " << kSystemZones;
  Random random(7);
  int zones = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSystemZones)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().string().substr(std::strlen(kSystemZones));
    const std::string bytes = SystemBytes(name);
    if (!bytes.starts_with("TZif")) continue;
    const auto zone = Zone::FromTzif(name, bytes);
    ASSERT_TRUE(zone.ok()) << zone.status().ToString();
    ++zones;
    for (int i = 0; i < 40; ++i) {
      const int64_t utc = random.Between(Utc("1850-01-01T00:00:00Z"), Utc("2150-01-01T00:00:00Z"));
      const int32_t offset = zone->OffsetAtUtc(utc);
      const auto local = zone->OffsetAtLocal(utc + offset);
      ASSERT_NE(local.kind, Zone::LocalKind::kGap) << name << " at " << utc;
      ASSERT_TRUE(offset == local.offset_before || offset == local.offset_after)
          << name << " at " << utc;
      // The twin of OffsetAtLocal: an offset is right if going back and forth keeps the wall clock.
      const int64_t wall = utc + offset;
      ASSERT_EQ(zone->OffsetAtUtc(wall - local.offset_before), local.offset_before);
      ASSERT_EQ(zone->OffsetAtUtc(wall - local.offset_after), local.offset_after);
    }
  }
  if (zones == 0) GTEST_SKIP() << "no TZif file under " << kSystemZones;
}

TEST(ZoneTable, FindsByNameAndReplaces) {
  ZoneTable table;
  table.Add(Zone::Fixed(3600));
  table.Add(Make("ABC-3"));
  ASSERT_NE(table.Find("+01:00"), nullptr);
  EXPECT_EQ(table.Find("+01:00")->OffsetAtUtc(0), 3600);
  EXPECT_EQ(table.Find("Test/Zone")->OffsetAtUtc(0), 10'800);
  EXPECT_EQ(table.Find("No/Where"), nullptr);
}

}  // namespace
}  // namespace credence
