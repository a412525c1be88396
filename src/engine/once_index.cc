#include "src/engine/once_index.h"

#include <algorithm>

namespace credence::engine {

namespace {
// More than the one that each Add puts in, so that the rows of a dropped day do go.
constexpr size_t kSweptWithEach = 4;

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
  const Part& part = parts_[PartNumber(key)];
  const auto found = part.find(key);
  return found == part.end() || found->second.day < first_day_ ? nullptr : &found->second;
}

void OnceIndex::Warm(const EventKey& key) const {
  static_cast<void>(parts_[PartNumber(key)].find(key));
}

const OnceIndex::Row* OnceIndex::Put(const EventKey& key, const Row& row) {
  Part& part = parts_[PartNumber(key)];
  const auto [at, added] = part.emplace(key, row);
  if (!added) {
    if (at->second.day >= first_day_) return nullptr;
    at.value() = row;
  }
  days_[row.day].push_back(key);
  ++size_;
  return &at->second;
}

const OnceIndex::Row& OnceIndex::Add(const EventKey& key, const Digest& content, Seq seq,
                                     Timestamp time) {
  Sweep(kSweptWithEach);
  const Row* row = Put(key, {FirstWords(content), seq, DayOf(time)});
  CREDENCE_ASSERT(row != nullptr);
  return *row;
}

Status OnceIndex::Restore(int64_t day, const EventKey& key, const Row& row) {
  if (day < first_day_ || Put(key, {row.digest, row.seq, day}) == nullptr) {
    return DataLoss("a stored event id of day " + std::to_string(day) +
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
    std::deque<EventKey>& keys = leaving_.front();
    Part& part = parts_[PartNumber(keys.front())];
    const auto found = part.find(keys.front());
    if (found != part.end() && found->second.day < first_day_) part.erase(found);
    keys.pop_front();
    if (keys.empty()) leaving_.pop_front();
  }
}

size_t OnceIndex::in_memory() const {
  size_t rows = 0;
  for (const Part& part : parts_) rows += part.size();
  return rows;
}

void OnceIndex::AppendRow(int64_t day, const EventKey& key, std::string* out) const {
  const Row& row = parts_[PartNumber(key)].at(key);
  ByteWriter writer(out);
  writer.PutZigzag(day);
  for (const uint64_t word : key.words) writer.PutFixed64(word);
  for (const uint64_t word : row.digest) writer.PutFixed64(word);
  writer.PutVarint(row.seq.value());
}

}  // namespace credence::engine
