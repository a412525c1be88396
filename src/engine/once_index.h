#pragma once
// OnceIndex: which events have been here. (source, id) -> (content digest, sequence), kept until no
// event with that time could be admitted again. Rows are grouped by the UTC day of the event's time
// and a day is dropped whole, so the index stays flat. No call takes longer for there being many
// rows: those of a dropped day are gone for every caller at once, and from memory a few with each
// Add; and the index grows in parts.
//
// Keys and digests are the first 16 bytes of a SHA-256: the chance that two different events of a
// lifetime of 10^12 share one is below 10^-14.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/engine/key_table.h"

namespace credence::engine {

struct EventKey {
  std::array<uint64_t, 2> words{};
  static EventKey Of(std::string_view source, std::string_view id);
  friend auto operator<=>(const EventKey&, const EventKey&) = default;
};

struct EventKeyHash {
  size_t operator()(const EventKey& key) const { return static_cast<size_t>(key.words[0]); }
};

struct OnceRow {
  EventKey key;
  std::array<uint64_t, 2> digest{};
  Seq seq;
  int64_t day = 0;  // of the event's time, from 1970-01-01
  [[nodiscard]] uint64_t hash() const { return key.words[0]; }
};

class OnceIndex {
 public:
  using Row = OnceRow;

  OnceIndex() = default;
  OnceIndex(OnceIndex&&) = default;
  OnceIndex& operator=(OnceIndex&&) = default;

  [[nodiscard]] const Row* Find(const EventKey& key) const;
  // Asks the memory for the row, without waiting for it.
  void Warm(const EventKey& key) const;
  // `key` is not in the index. The row lives until its day is dropped.
  const Row& Add(const EventKey& key, const Digest& content, Seq seq, Timestamp time);
  [[nodiscard]] static bool SameContent(const Row& row, const Digest& content);
  // Drops the days that end before `horizon`.
  void DropBefore(Timestamp horizon);
  // False for an event of a day that was dropped: whether it has been here is no longer known, so
  // it must not be let in, not even by a pack with a wider bound.
  [[nodiscard]] bool Covers(Timestamp time) const;
  // The first day (from 1970-01-01) that was never dropped.
  [[nodiscard]] int64_t first_day() const { return first_day_; }
  [[nodiscard]] size_t size() const { return size_; }
  // With the rows of dropped days that have not gone yet.
  [[nodiscard]] size_t in_memory() const { return rows_.size(); }
  // Puts back a row that was stored. kDataLoss if its day was dropped or its id is here.
  Status Restore(const Row& row);
  void RestoreFirstDay(int64_t first_day) { first_day_ = first_day; }
  // The UTC day of an event's time, from 1970-01-01.
  [[nodiscard]] static int64_t DayOf(Timestamp time);
  // Calls `row(bytes)` with each row's canonical form, in no order.
  template <class Visitor>
  void ForEachRow(Visitor visit) const {
    std::string bytes;
    for (const auto& [day, rows] : days_) {
      for (const Row& row : rows) {
        bytes.clear();
        AppendRow(row, &bytes);
        visit(std::string_view(bytes));
      }
    }
  }

 private:
  // Puts the row in, and takes the place of one of a dropped day. Null if a row is there.
  const Row* Put(const Row& row);
  void Sweep(size_t max);
  static void AppendRow(const Row& row, std::string* out);

  KeyTable<Row, EventKey> rows_;
  std::map<int64_t, std::deque<Row>> days_;
  std::deque<std::deque<Row>> leaving_;  // of dropped days, none empty
  size_t size_ = 0;
  int64_t first_day_ = INT64_MIN;
};

}  // namespace credence::engine
