#include "src/engine/once_index.h"

#include <algorithm>

namespace credence::engine {

namespace {
// More than the one that each Add puts in, so that the rows of a dropped day do go.
constexpr size_t kSweptWithEach = 4;
// The day of a row whose key came again after its day was dropped.
constexpr int64_t kOutOfTable = INT64_MIN;

std::array<uint64_t, 2> FirstWords(const Digest& digest) {
  ByteReader in(digest.view());
  const uint64_t low = in.GetFixed64();
  return {low, in.GetFixed64()};
}
}  // namespace

int64_t OnceIndex::DayOf(Timestamp time) {
  const int64_t day = time.ns / kNsPerDay;
  return time.ns % kNsPerDay < 0 ? day - 1 : day;
}

EventKey EventKey::Of(std::string_view source, std::string_view id) {
  std::string text;
  ByteWriter out(&text);
  out.PutBytes(source);
  out.PutBytes(id);
  return {FirstWords(Sha256(text))};
}

const OnceIndex::Row* OnceIndex::Find(const EventKey& key) const {
  const Row* row = rows_.Find(key.words[0], key);
  return row == nullptr || row->day < first_day_ ? nullptr : row;
}

void OnceIndex::Warm(const EventKey& key) const { rows_.Warm(key.words[0]); }

const OnceIndex::Row* OnceIndex::Put(const Row& row) {
  if (Row* const old = rows_.Find(row.hash(), row.key); old != nullptr) {
    if (old->day >= first_day_) return nullptr;
    rows_.Remove(old);
    old->day = kOutOfTable;
  }
  Row& made = days_[row.day].emplace_back(row);
  rows_.Add(&made);
  ++size_;
  return &made;
}

const OnceIndex::Row& OnceIndex::Add(const EventKey& key, const Digest& content, Seq seq,
                                     Timestamp time) {
  Sweep(kSweptWithEach);
  const Row* row = Put({key, FirstWords(content), seq, DayOf(time)});
  CREDENCE_ASSERT(row != nullptr);
  return *row;
}

Status OnceIndex::Restore(const Row& row) {
  if (row.day < first_day_ || Put(row) == nullptr) {
    return DataLoss("a stored event id of day " + std::to_string(row.day) +
                    " is there twice, or of a day that was dropped");
  }
  return {};
}

bool OnceIndex::SameContent(const Row& row, const Digest& content) {
  return row.digest == FirstWords(content);
}

bool OnceIndex::Covers(Timestamp time) const { return DayOf(time) >= first_day_; }

void OnceIndex::DropBefore(Timestamp horizon) {
  first_day_ = std::max(first_day_, DayOf(horizon));
  while (!days_.empty() && days_.begin()->first < first_day_) {
    size_ -= days_.begin()->second.size();
    leaving_.push_back(std::move(days_.begin()->second));
    days_.erase(days_.begin());
  }
}

void OnceIndex::Sweep(size_t max) {
  for (; max > 0 && !leaving_.empty(); --max) {
    std::deque<Row>& rows = leaving_.front();
    if (rows.front().day != kOutOfTable) rows_.Remove(&rows.front());
    rows.pop_front();
    if (rows.empty()) leaving_.pop_front();
  }
}

void OnceIndex::AppendRow(const Row& row, std::string* out) {
  ByteWriter writer(out);
  writer.PutZigzag(row.day);
  for (const uint64_t word : row.key.words) writer.PutFixed64(word);
  for (const uint64_t word : row.digest) writer.PutFixed64(word);
  writer.PutVarint(row.seq.value());
}

}  // namespace credence::engine
