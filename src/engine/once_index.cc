#include "src/engine/once_index.h"

#include <algorithm>

namespace credence::engine {

namespace {
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
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

void OnceIndex::Warm(const EventKey& key) const { static_cast<void>(rows_.find(key)); }

const OnceIndex::Row& OnceIndex::Add(const EventKey& key, const Digest& content, Seq seq,
                                     Timestamp time) {
  const auto [row, added] = rows_.emplace(key, Row{FirstWords(content), seq});
  CREDENCE_ASSERT(added);
  days_[DayOf(time)].push_back(key);
  return row->second;
}

Status OnceIndex::Restore(int64_t day, const EventKey& key, const Row& row) {
  if (day < first_day_ || !rows_.emplace(key, row).second) {
    return DataLoss("a stored event id of day " + std::to_string(day) +
                    " is there twice, or of a day that was dropped");
  }
  days_[day].push_back(key);
  return {};
}

bool OnceIndex::SameContent(const Row& row, const Digest& content) {
  return row.digest == FirstWords(content);
}

bool OnceIndex::Covers(Timestamp time) const { return DayOf(time) >= first_day_; }

void OnceIndex::DropBefore(Timestamp horizon) {
  first_day_ = std::max(first_day_, DayOf(horizon));
  while (!days_.empty() && days_.begin()->first < first_day_) {
    for (const EventKey& key : days_.begin()->second) rows_.erase(key);
    days_.erase(days_.begin());
  }
}

void OnceIndex::AppendRow(int64_t day, const EventKey& key, std::string* out) const {
  const Row& row = rows_.at(key);
  ByteWriter writer(out);
  writer.PutZigzag(day);
  for (const uint64_t word : key.words) writer.PutFixed64(word);
  for (const uint64_t word : row.digest) writer.PutFixed64(word);
  writer.PutVarint(row.seq.value());
}

}  // namespace credence::engine
