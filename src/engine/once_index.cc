#include "src/engine/once_index.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

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

size_t OnceIndex::Part::Place(const EventKey& key) const {
  size_t at = Home(key);
  while (!slots_[at].empty() && slots_[at].key != key) at = Next(at);
  return at;
}

const OnceIndex::Row* OnceIndex::Part::Find(const EventKey& key) const {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[Place(key)];
  return slot.empty() ? nullptr : &slot.row;
}

OnceIndex::Row* OnceIndex::Part::FindOrAdd(const EventKey& key) {
  if ((size_ + 1) * 2 > slots_.size()) Grow();
  Slot& slot = slots_[Place(key)];
  if (slot.empty()) {
    slot.key = key;
    ++size_;
  }
  return &slot.row;
}

void OnceIndex::Part::Grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? kSlotsMin : old.size() * 2, {});
  for (const Slot& slot : old) {
    if (!slot.empty()) slots_[Place(slot.key)] = slot;
  }
}

void OnceIndex::Part::Erase(const EventKey& key) {
  size_t hole = Place(key);
  CREDENCE_ASSERT(!slots_[hole].empty());
  // Those behind the hole that probed past it move up, so that no search stops too early.
  const size_t mask = slots_.size() - 1;
  for (size_t at = Next(hole); !slots_[at].empty(); at = Next(at)) {
    if (((at - Home(slots_[at].key)) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  --size_;
}

const OnceIndex::Row* OnceIndex::Find(const EventKey& key) const {
  const Row* row = parts_[PartNumber(key)].Find(key);
  return row == nullptr || row->day < first_day_ ? nullptr : row;
}

void OnceIndex::Warm(const EventKey& key) const { parts_[PartNumber(key)].Warm(key); }

const OnceIndex::Row* OnceIndex::Put(const EventKey& key, const Row& row) {
  Row* at = parts_[PartNumber(key)].FindOrAdd(key);
  if (at->day != kNoDay && at->day >= first_day_) return nullptr;
  *at = row;
  days_[row.day].push_back(key);
  ++size_;
  return at;
}

const OnceIndex::Row& OnceIndex::Add(const EventKey& key, const Digest& content, Seq seq,
                                     Timestamp time) {
  Sweep(kSweptWithEach);
  const Row* row = Put(key, {FirstWords(content), seq, DayOf(time)});
  CREDENCE_ASSERT(row != nullptr);
  return *row;
}

Status OnceIndex::Restore(int64_t day, const EventKey& key, const Row& row) {
  if (day == kNoDay || day < first_day_ || Put(key, {row.digest, row.seq, day}) == nullptr) {
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
    const Row* row = part.Find(keys.front());
    if (row != nullptr && row->day < first_day_) part.Erase(keys.front());
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
  const Row& row = *parts_[PartNumber(key)].Find(key);
  ByteWriter writer(out);
  writer.PutZigzag(day);
  for (const uint64_t word : key.words) writer.PutFixed64(word);
  for (const uint64_t word : row.digest) writer.PutFixed64(word);
  writer.PutVarint(row.seq.value());
}

}  // namespace credence::engine
