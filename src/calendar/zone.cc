// TZif (RFC 8536), as far as Zone reads it. All numbers are big endian.
//
//   header   "TZif", version ('2' or later), 15 bytes unused,
//            u32 counts: isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt        44 bytes
//   block 1  32-bit data, skipped: timecnt*4 + timecnt + typecnt*6 + charcnt + leapcnt*8 + isstdcnt
//   + isutcnt header   again block 2  timecnt x i64 times, strictly ascending
//            timecnt x u8 indices into the types
//            typecnt x {i32 offset, u8 is_daylight, u8 index into the names}
//            charcnt bytes of names, each ended by NUL
//            leapcnt x {i64, i32}, isstdcnt x u8, isutcnt x u8
//   footer   "\n", a POSIX TZ string (may be empty), "\n"; nothing behind it
#include "src/calendar/zone.h"

#include <algorithm>

#include "src/base/assert.h"

namespace credence {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int32_t kOffsetMax = 26 * 3600;  // RFC 8536, 3.2: -25 h to +26 h
constexpr uint32_t kTransitionsMax = 1U << 16;
constexpr int64_t kUtcSecondsMax = 40'000'000'000'000'000;

// A reader that remembers where it failed.
class BigEndianReader {
 public:
  explicit BigEndianReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Get(size_t width) {
    if (width > bytes_.size() - at_) {
      failed_ = true;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      value = value << 8 | static_cast<uint8_t>(bytes_[at_ + i]);
    }
    at_ += width;
    return value;
  }
  std::string_view Take(uint64_t size) {
    if (size > bytes_.size() - at_) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
};

struct Header {
  uint64_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

struct LocalType {
  int32_t offset;
  uint8_t name_index;
};

std::string FixedName(int32_t offset_seconds) {
  if (offset_seconds == 0) return "Z";
  const int32_t size = offset_seconds < 0 ? -offset_seconds : offset_seconds;
  const auto two = [](int32_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  std::string name =
      (offset_seconds < 0 ? "-" : "+") + two(size / 3600) + ":" + two(size / 60 % 60);
  if (size % 60 != 0) name += ":" + two(size % 60);
  return name;
}

}  // namespace

struct ZoneParser {
  Zone* zone;
  BigEndianReader reader;
  std::vector<LocalType> types;
  std::string_view footer;  // what is left of it
  size_t footer_at = 0;     // where it begins in the file

  [[nodiscard]] static Status Malformed(size_t at, std::string_view what) {
    return InvalidArgument("TZif at byte " + std::to_string(at) + ": " + std::string(what));
  }

  Result<Header> ReadHeader() {
    const size_t start = reader.at();
    if (reader.Take(4) != "TZif") return Malformed(start, "no 'TZif' magic");
    const uint64_t version = reader.Get(1);
    if (reader.failed()) return Malformed(start + 4, "the header ends too early");
    if (version < '2') return Malformed(start + 4, "version 1 has only 32-bit times; 2 is needed");
    reader.Take(15);
    Header header{};
    for (uint64_t* count : {&header.isutcnt, &header.isstdcnt, &header.leapcnt, &header.timecnt,
                            &header.typecnt, &header.charcnt}) {
      *count = reader.Get(4);
    }
    if (reader.failed()) return Malformed(start, "the header ends too early");
    return header;
  }

  Status ReadFile() {
    CREDENCE_ASSIGN(const Header first, ReadHeader());
    reader.Take(first.timecnt * 5 + first.typecnt * 6 + first.charcnt + first.leapcnt * 8 +
                first.isstdcnt + first.isutcnt);
    if (reader.failed()) return Malformed(reader.at(), "the 32-bit block ends too early");
    const size_t header_at = reader.at();
    CREDENCE_ASSIGN(const Header header, ReadHeader());
    if (header.typecnt == 0 || header.typecnt > 256) {
      return Malformed(header_at + 36, "the number of types is not 1..256");
    }
    if (header.charcnt == 0) return Malformed(header_at + 40, "there are no names");
    if (header.timecnt > kTransitionsMax) {
      return Malformed(header_at + 32, "more than 65536 transitions");
    }
    if ((header.isutcnt != 0 && header.isutcnt != header.typecnt) ||
        (header.isstdcnt != 0 && header.isstdcnt != header.typecnt)) {
      return Malformed(header_at + 20,
                       "a count of indicators is neither 0 nor the number of types");
    }
    CREDENCE_TRY(ReadTransitions(header));
    return ReadFooter();
  }

  Status ReadTransitions(const Header& header) {
    BigEndianReader times = reader;
    const size_t times_at = reader.at();
    reader.Take(header.timecnt * 8);
    const size_t indices_at = reader.at();
    const std::string_view indices = reader.Take(header.timecnt);
    if (reader.failed()) return Malformed(times_at, "the transitions end too early");
    CREDENCE_TRY(ReadTypes(header));
    zone->transitions_.reserve(header.timecnt);
    for (size_t i = 0; i < header.timecnt; ++i) {
      const auto time = static_cast<int64_t>(times.Get(8));
      if (i > 0 && time <= zone->transitions_.back().utc_seconds) {
        return Malformed(times_at + i * 8, "the times do not ascend");
      }
      if (time > kUtcSecondsMax || time < -kUtcSecondsMax * 100) {
        return Malformed(times_at + i * 8, "a time out of range");
      }
      const auto index = static_cast<uint8_t>(indices[i]);
      if (index >= types.size()) return Malformed(indices_at + i, "no such type");
      zone->transitions_.push_back({time, types[index].offset});
    }
    zone->first_offset_ = types[0].offset;
    return OkStatus();
  }

  Status ReadTypes(const Header& header) {
    const size_t types_at = reader.at();
    for (size_t i = 0; i < header.typecnt; ++i) {
      const auto offset = static_cast<int32_t>(static_cast<uint32_t>(reader.Get(4)));
      const uint64_t is_daylight = reader.Get(1);
      const auto name_index = static_cast<uint8_t>(reader.Get(1));
      if (reader.failed()) return Malformed(types_at, "the types end too early");
      if (offset < -kOffsetMax || offset > kOffsetMax) {
        return Malformed(types_at + i * 6, "an offset beyond 26 hours");
      }
      if (is_daylight > 1)
        return Malformed(types_at + i * 6 + 4, "the daylight mark is not 0 or 1");
      types.push_back({offset, name_index});
    }
    const size_t names_at = reader.at();
    const std::string_view names = reader.Take(header.charcnt);
    if (reader.failed()) return Malformed(names_at, "the names end too early");
    for (const LocalType& type : types) {
      if (names.find('\0', type.name_index) == std::string_view::npos) {
        return Malformed(names_at, "a name without its end");
      }
    }
    const size_t tail_at = reader.at();
    reader.Take(header.leapcnt * 12);
    for (const uint64_t count : {header.isstdcnt, header.isutcnt}) {
      for (const char mark : reader.Take(count)) {
        if (mark != 0 && mark != 1) return Malformed(tail_at, "an indicator is not 0 or 1");
      }
    }
    if (reader.failed()) return Malformed(tail_at, "the block ends too early");
    return OkStatus();
  }

  Status ReadFooter() {
    const size_t at = reader.at();
    footer = reader.rest();
    if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') {
      return Malformed(at, "no footer between two line ends");
    }
    footer = footer.substr(1, footer.size() - 2);
    footer_at = at + 1;
    if (footer.find('\n') != std::string_view::npos) {
      return Malformed(at, "bytes behind the footer");
    }
    if (footer.empty()) {
      zone->standard_offset_ =
          zone->transitions_.empty() ? zone->first_offset_ : zone->transitions_.back().offset;
      return OkStatus();
    }
    const std::string_view whole = footer;
    if (!ParsePosix()) {
      return Malformed(footer_at + (whole.size() - footer.size()),
                       "the POSIX TZ string is malformed");
    }
    return OkStatus();
  }

  // std offset [dst [offset] , rule , rule]   (POSIX.1, 8.3; RFC 8536, 3.3.1)
  bool ParsePosix() {
    int32_t west = 0;
    if (!ParseName() || !ParseTime(24, &west)) return false;
    zone->standard_offset_ = -west;
    if (footer.empty()) return true;
    if (!ParseName()) return false;
    zone->has_daylight_ = true;
    zone->daylight_offset_ = zone->standard_offset_ + 3600;
    if (!footer.empty() && footer.front() != ',') {
      if (!ParseTime(24, &west)) return false;
      zone->daylight_offset_ = -west;
    }
    return ParseRule(&zone->daylight_begins_) && ParseRule(&zone->daylight_ends_) && footer.empty();
  }

  bool Eat(char c) {
    if (footer.empty() || footer.front() != c) return false;
    footer.remove_prefix(1);
    return true;
  }

  // Three or more letters, or letters, digits and signs between '<' and '>'.
  bool ParseName() {
    const bool quoted = Eat('<');
    size_t size = 0;
    while (size < footer.size()) {
      const char c = footer[size];
      const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-';
      if (!letter && !(quoted && other)) break;
      ++size;
    }
    footer.remove_prefix(size);
    return size >= 3 && (!quoted || Eat('>'));
  }

  // Digits, at most `max`.
  bool ParseNumber(int32_t max, int32_t* value) {
    if (footer.empty() || footer.front() < '0' || footer.front() > '9') return false;
    int32_t number = 0;
    while (!footer.empty() && footer.front() >= '0' && footer.front() <= '9') {
      number = number * 10 + (footer.front() - '0');
      if (number > max) return false;
      footer.remove_prefix(1);
    }
    *value = number;
    return true;
  }

  // [+-]h[h[h]][:mm[:ss]]
  bool ParseTime(int32_t hours_max, int32_t* seconds) {
    const bool negative = Eat('-');
    if (!negative) Eat('+');
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t rest = 0;
    if (!ParseNumber(hours_max, &hours)) return false;
    if (Eat(':')) {
      if (!ParseNumber(59, &minutes)) return false;
      if (Eat(':') && !ParseNumber(59, &rest)) return false;
    }
    const int32_t total = hours * 3600 + minutes * 60 + rest;
    *seconds = negative ? -total : total;
    return true;
  }

  // ,date[/time] with date = Jn | n | Mm.w.d
  bool ParseRule(Zone::Rule* rule) {
    if (!Eat(',')) return false;
    if (Eat('J')) {
      rule->kind = 'J';
      if (!ParseNumber(365, &rule->day) || rule->day < 1) return false;
    } else if (Eat('M')) {
      rule->kind = 'M';
      if (!ParseNumber(12, &rule->month) || rule->month < 1 || !Eat('.')) return false;
      if (!ParseNumber(5, &rule->week) || rule->week < 1 || !Eat('.')) return false;
      if (!ParseNumber(6, &rule->day)) return false;
    } else {
      rule->kind = 'N';
      if (!ParseNumber(365, &rule->day)) return false;
    }
    rule->seconds = 2 * 3600;
    return !Eat('/') || ParseTime(167, &rule->seconds);
  }
};

namespace {

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - static_cast<int64_t>(a % b != 0 && (a % b < 0) != (b < 0));
}

int64_t FirstOfYear(int64_t year) {
  // Years a little beyond the range of Date::FromCivil appear at the edge of OffsetAtUtc.
  const int64_t shift = FloorDiv(year - 2000, 400);
  const std::optional<Date> date = Date::FromCivil(year - shift * 400, 1, 1);
  CREDENCE_ASSERT(date.has_value());
  return date->days + shift * 146'097;
}

}  // namespace

// Wall-clock seconds at which the rule changes the offset in `year`.
int64_t Zone::RuleSeconds(const Rule& rule, int64_t year) {
  int64_t day = FirstOfYear(year);
  if (rule.kind == 'N') {
    day += rule.day;
  } else if (rule.kind == 'J') {
    day += rule.day - 1 + (IsLeapYear(year) && rule.day >= 60 ? 1 : 0);
  } else {
    for (int month = 1; month < rule.month; ++month) day += DaysInMonth(year, month);
    const int weekday_of_first = Date{day}.DayOfWeek() % 7;  // 0 = Sunday, as POSIX counts
    int offset = (rule.day - weekday_of_first + 7) % 7 + (rule.week - 1) * 7;
    if (offset >= DaysInMonth(year, rule.month)) offset -= 7;
    day += offset;
  }
  return day * kSecondsPerDay + rule.seconds;
}

Zone Zone::Fixed(int32_t offset_seconds) {
  CREDENCE_ASSERT(offset_seconds > -kSecondsPerDay && offset_seconds < kSecondsPerDay);
  Zone zone;
  zone.name_ = FixedName(offset_seconds);
  zone.first_offset_ = offset_seconds;
  zone.standard_offset_ = offset_seconds;
  return zone;
}

Result<Zone> Zone::FromTzif(std::string name, std::string_view bytes) {
  Zone zone;
  ZoneParser parser{&zone, BigEndianReader(bytes), {}, {}};
  const Status status = parser.ReadFile();
  if (!status.ok()) return status.WithContext("zone '" + name + "'");
  zone.name_ = std::move(name);
  zone.digest_ = Sha256(bytes);
  return zone;
}

std::array<Zone::Transition, Zone::kFooterChanges> Zone::FooterChanges(int64_t utc_seconds) const {
  // A rule's time may be a week before or after its day, so a change may fall into a neighbouring
  // year.
  std::array<Transition, kFooterChanges> changes{};
  const int64_t year = Date{FloorDiv(utc_seconds, kSecondsPerDay)}.ToCivil().year;
  size_t at = 0;
  for (int64_t y = year - 1; y <= year + 1; ++y) {
    changes[at++] = {RuleSeconds(daylight_begins_, y) - standard_offset_, daylight_offset_};
    changes[at++] = {RuleSeconds(daylight_ends_, y) - daylight_offset_, standard_offset_};
  }
  // Where daylight time lasts all year, its end is the next beginning; the beginning, later in the
  // list, wins.
  std::stable_sort(changes.begin(), changes.end(), [](const Transition& a, const Transition& b) {
    return a.utc_seconds < b.utc_seconds;
  });
  return changes;
}

int32_t Zone::OffsetByFooter(int64_t utc_seconds) const {
  if (!has_daylight_) return standard_offset_;
  const auto changes = FooterChanges(utc_seconds);
  int32_t offset = changes.front().offset;
  for (const Transition& change : changes) {
    if (change.utc_seconds <= utc_seconds) offset = change.offset;
  }
  return offset;
}

int32_t Zone::OffsetAtUtc(int64_t utc_seconds) const {
  if (transitions_.empty() || utc_seconds >= transitions_.back().utc_seconds) {
    return OffsetByFooter(utc_seconds);
  }
  if (utc_seconds < transitions_.front().utc_seconds) return first_offset_;
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc_seconds,
                                      [](int64_t seconds, const Transition& transition) {
                                        return seconds < transition.utc_seconds;
                                      });
  return (after - 1)->offset;
}

int64_t Zone::NextChange(int64_t utc_seconds) const {
  if (!transitions_.empty() && utc_seconds < transitions_.back().utc_seconds) {
    return std::upper_bound(transitions_.begin(), transitions_.end(), utc_seconds,
                            [](int64_t seconds, const Transition& transition) {
                              return seconds < transition.utc_seconds;
                            })
        ->utc_seconds;
  }
  if (!has_daylight_) return INT64_MAX;
  for (const Transition& change : FooterChanges(utc_seconds)) {
    if (change.utc_seconds > utc_seconds) return change.utc_seconds;
  }
  return INT64_MAX;
}

Zone::LocalResult Zone::OffsetAtLocal(int64_t local_seconds) const {
  // Walks the stretches of one offset around the wall-clock time. A stretch [begin, end) with
  // offset o holds the time if begin <= local - o < end.
  int found = 0;
  LocalResult result{LocalKind::kUnique, 0, 0};
  LocalResult gap{LocalKind::kGap, 0, 0};
  int64_t begin = local_seconds - kOffsetMax - 1;
  const int64_t last = local_seconds + kOffsetMax + 1;
  bool gap_found = false;
  while (begin <= last && found < 2) {
    const int32_t offset = OffsetAtUtc(begin);
    const int64_t end = NextChange(begin);
    const int64_t instant = local_seconds - offset;
    if (instant >= begin && instant < end) {
      result = found == 0 ? LocalResult{LocalKind::kUnique, offset, offset}
                          : LocalResult{LocalKind::kAmbiguous, result.offset_before, offset};
      ++found;
    }
    if (end > last) break;
    const int32_t next = OffsetAtUtc(end);
    if (!gap_found && instant >= end && local_seconds - next < end) {
      gap = {LocalKind::kGap, offset, next};
      gap_found = true;
    }
    begin = end;
  }
  if (found > 0) return result;
  CREDENCE_ASSERT(gap_found);
  return gap;
}

void ZoneTable::Add(Zone zone) {
  std::string name = zone.name();
  zones_[std::move(name)] = std::make_unique<Zone>(std::move(zone));
}

const Zone* ZoneTable::Find(std::string_view name) {
  const auto it = zones_.find(name);
  return it == zones_.end() ? nullptr : it->second.get();
}

}  // namespace credence
