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
#include <vector>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/prefetch.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"

namespace credence::engine {

struct EventKey {
  std::array<uint64_t, 2> words{};
  static EventKey Of(std::string_view source, std::string_view id);
  friend auto operator<=>(const EventKey&, const EventKey&) = default;
};

struct OnceRow {
  std::array<uint64_t, 2> digest{};
  Seq seq;
  int64_t day = 0;  // of the event's time, from 1970-01-01
};

class OnceIndex {
 public:
  using Row = OnceRow;

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
  [[nodiscard]] size_t size() const { return size_; }
  // With the rows of dropped days that have not gone yet.
  [[nodiscard]] size_t in_memory() const;
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
  // Of no event.
  static constexpr int64_t kNoDay = INT64_MIN;
  // Rows by their keys, which are hashes themselves. Linear probing over slots that are half empty:
  // that an id is new, as most are, is known from the slot of its own or the next, and that one can
  // be asked for before it is needed.
  class Part {
   public:
    // Null if there is none.
    [[nodiscard]] const Row* Find(const EventKey& key) const;
    void Warm(const EventKey& key) const {
      if (!slots_.empty()) PrefetchLines(&slots_[Home(key)], 2 * sizeof(Slot));
    }
    // The row of the key; a new one has kNoDay and is given another by the caller.
    Row* FindOrAdd(const EventKey& key);
    // It is here.
    void Erase(const EventKey& key);
    [[nodiscard]] size_t size() const { return size_; }

   private:
    struct Slot {
      EventKey key;
      Row row{{}, Seq(), kNoDay};
      [[nodiscard]] bool empty() const { return row.day == kNoDay; }
    };
    static constexpr size_t kSlotsMin = 16;

    [[nodiscard]] size_t Home(const EventKey& key) const {
      return key.words[0] & (slots_.size() - 1);
    }
    [[nodiscard]] size_t Next(size_t at) const { return (at + 1) & (slots_.size() - 1); }
    // The slot of the key, or the empty one where it would be put.
    [[nodiscard]] size_t Place(const EventKey& key) const;
    void Grow();

    std::vector<Slot> slots_;  // a power of two, or none
    size_t size_ = 0;
  };
  static constexpr int kPartBits = 8;

  [[nodiscard]] static size_t PartNumber(const EventKey& key) {
    return key.words[1] >> (64 - kPartBits);
  }
  // Puts the row in, and takes the place of one of a dropped day. Null if a row is there.
  const Row* Put(const EventKey& key, const Row& row);
  void Sweep(size_t max);
  void AppendRow(int64_t day, const EventKey& key, std::string* out) const;

  std::array<Part, size_t{1} << kPartBits> parts_;  // by the first bits of a key's second word
  std::map<int64_t, std::deque<EventKey>> days_;
  std::deque<std::deque<EventKey>> leaving_;  // of dropped days, none empty; a key may be back
  size_t size_ = 0;
  int64_t first_day_ = INT64_MIN;
};

}  // namespace credence::engine
