#pragma once
// Time zones from TZif bytes (RFC 8536) that are handed in: nothing here reads a file. The digest
// of the bytes is an artefact of every decision that used them.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/calendar/date.h"

namespace credence {

class Zone {
 public:
  // A zone with one offset for ever. |offset| < 24 h.
  static Zone Fixed(int32_t offset_seconds);
  // Version 2 or later TZif with its POSIX footer (version 1 has 32-bit times only and is refused);
  // kInvalidArgument with the byte position if malformed. Leap-second records are ignored.
  static Result<Zone> FromTzif(std::string name, std::string_view bytes);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Digest& digest() const {
    return digest_;
  }  // of the bytes; zero for fixed offsets

  // Seconds east of UTC at an instant given in seconds since the epoch. Any int64 within +-4e16.
  [[nodiscard]] int32_t OffsetAtUtc(int64_t utc_seconds) const;

  enum class LocalKind : uint8_t { kUnique, kGap, kAmbiguous };
  struct LocalResult {
    LocalKind kind;
    int32_t offset_before;  // kUnique: both are the offset. kAmbiguous: earlier instant's offset.
    int32_t offset_after;   // kGap: the offsets on either side of the jump.
  };
  // `local_seconds`: seconds since 1970-01-01T00:00:00 on the wall clock of this zone.
  [[nodiscard]] LocalResult OffsetAtLocal(int64_t local_seconds) const;

 private:
  struct Rule {       // one half of a POSIX TZ daylight rule
    char kind = 'M';  // 'M' month.week.day, 'J' day 1..365 without 29 February, 'N' day 0..365
    int month = 0;
    int week = 0;
    int day = 0;
    int32_t seconds = 0;  // after local midnight
  };
  struct Transition {
    int64_t utc_seconds;
    int32_t offset;
  };
  friend struct ZoneParser;
  static constexpr size_t kFooterChanges = 6;  // two a year, in the year and its neighbours
  [[nodiscard]] static int64_t RuleSeconds(const Rule& rule, int64_t year);
  [[nodiscard]] std::array<Transition, kFooterChanges> FooterChanges(int64_t utc_seconds) const;
  [[nodiscard]] int32_t OffsetByFooter(int64_t utc_seconds) const;
  // The first instant after `utc_seconds` at which the offset may change; INT64_MAX if there is
  // none.
  [[nodiscard]] int64_t NextChange(int64_t utc_seconds) const;

  std::string name_;
  Digest digest_;
  int32_t first_offset_ = 0;
  std::vector<Transition> transitions_;
  bool has_daylight_ = false;  // the footer names a second offset
  int32_t standard_offset_ = 0;
  int32_t daylight_offset_ = 0;
  Rule daylight_begins_;
  Rule daylight_ends_;
};

// Named zones, made once and shared. Reading the bytes is the shell's business: it hands in a
// source.
class ZoneSource {
 public:
  virtual ~ZoneSource() = default;
  // The zone, or null if there is none of this name. The pointer lives as long as the source.
  // Thread-safe.
  virtual const Zone* Find(std::string_view name) = 0;
};

// Zones that were added by hand.
class ZoneTable final : public ZoneSource {
 public:
  void Add(Zone zone);
  const Zone* Find(std::string_view name) override;

 private:
  std::map<std::string, std::unique_ptr<Zone>, std::less<>> zones_;
};

}  // namespace credence
