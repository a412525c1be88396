#pragma once
// OnceIndex: which events have been here. (source, id) -> (content digest, sequence), kept until no
// event with that time could be admitted again. Rows are grouped by the UTC day of the event's time
// and a day is dropped whole, so the index stays flat.
//
// Keys and digests are the first 16 bytes of a SHA-256: the chance that two different events of a
// lifetime of 10^12 share one is below 10^-14.

#include <tsl/robin_map.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"

namespace credence::engine {

struct EventKey {
  std::array<uint64_t, 2> words{};
  static EventKey Of(std::string_view source, std::string_view id);
  friend auto operator<=>(const EventKey&, const EventKey&) = default;
};

struct EventKeyHash {
  size_t operator()(const EventKey& key) const { return static_cast<size_t>(key.words[0]); }
};

class OnceIndex {
 public:
  struct Row {
    std::array<uint64_t, 2> digest{};
    Seq seq;
  };

  [[nodiscard]] const Row* Find(const EventKey& key) const;
  // Asks the memory for the row, without waiting for it.
  void Warm(const EventKey& key) const;
  // `key` is not in the index. The row lives until the next call.
  const Row& Add(const EventKey& key, const Digest& content, Seq seq, Timestamp time);
  [[nodiscard]] static bool SameContent(const Row& row, const Digest& content);
  // Drops the days that end before `horizon`.
  void DropBefore(Timestamp horizon);
  // False for an event of a day that was dropped: whether it has been here is no longer known, so
  // it must not be let in, not even by a pack with a wider bound.
  [[nodiscard]] bool Covers(Timestamp time) const;
  // The first day (from 1970-01-01) that was never dropped.
  [[nodiscard]] int64_t first_day() const { return first_day_; }
  [[nodiscard]] size_t size() const { return rows_.size(); }
  // Puts back a row that was stored. kDataLoss if its day was dropped or its id is here.
  Status Restore(int64_t day, const EventKey& key, const Row& row);
  void RestoreFirstDay(int64_t first_day) { first_day_ = first_day; }
  // The UTC day of an event's time, from 1970-01-01.
  [[nodiscard]] static int64_t DayOf(Timestamp time);
  // Calls `row(bytes)` with each row's canonical form, in no order.
  template <class Visitor>
  void ForEachRow(Visitor visit) const {
    std::string bytes;
    for (const auto& [day, keys] : days_) {
      for (const EventKey& key : keys) {
        bytes.clear();
        AppendRow(day, key, &bytes);
        visit(std::string_view(bytes));
      }
    }
  }

 private:
  void AppendRow(int64_t day, const EventKey& key, std::string* out) const;
  tsl::robin_map<EventKey, Row, EventKeyHash> rows_;
  std::map<int64_t, std::vector<EventKey>> days_;
  int64_t first_day_ = INT64_MIN;
};

}  // namespace credence::engine
