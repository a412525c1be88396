#include "src/study/tail.h"

#include <algorithm>

#include "src/base/arena.h"
#include "src/base/bytes.h"
#include "src/journal/format.h"
#include "src/record/codec.h"

namespace credence::study {

using record::DecisionRecord;

void DurableHead::Publish(uint64_t frames) {
  {
    const std::lock_guard lock(mutex_);
    if (frames <= frames_) return;
    frames_ = frames;
  }
  grown_.notify_all();
}

uint64_t DurableHead::frames() const {
  const std::lock_guard lock(mutex_);
  return frames_;
}

uint64_t DurableHead::WaitBeyond(uint64_t frames) {
  std::unique_lock lock(mutex_);
  grown_.wait(lock, [&] { return stopped_ || frames_ > frames; });
  return stopped_ ? 0 : frames_;
}

bool DurableHead::StoppedWithin(std::chrono::microseconds time) {
  std::unique_lock lock(mutex_);
  return stop_.wait_for(lock, time, [&] { return stopped_; });
}

void DurableHead::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  grown_.notify_all();
  stop_.notify_all();
}

Result<std::unique_ptr<JournalTail>> JournalTail::Open(FileSystem& files, const std::string& folder,
                                                       const TailPosition& after,
                                                       uint64_t durable) {
  const auto gone = [&after] {
    return DataLoss("the journal does not hold frame " + std::to_string(after.frame) +
                    " as it was followed");
  };
  if (after.frame > durable) return gone();
  journal::ReadOptions options;
  options.from_frame = std::max<uint64_t>(after.frame, 1);
  options.until_frame = after.frame;
  auto tail = std::make_unique<JournalTail>();
  CREDENCE_ASSIGN(tail->reader_, journal::JournalReader::Open(files, folder, options));
  tail->position_ = after;
  if (after.frame == 0) return tail;
  const uint64_t retired = tail->reader_->start().frames;
  if (retired == after.frame) {
    if (tail->reader_->start().chain != after.chain) return gone();
    return tail;
  }
  if (retired > after.frame) {
    return NotFound("the journal begins at frame " + std::to_string(retired + 1) +
                    "; frames after " + std::to_string(after.frame) + " are retired");
  }
  journal::FrameView frame;
  CREDENCE_ASSIGN(const bool found, tail->reader_->Next(&frame));
  if (!found || frame.index != after.frame || frame.chain != after.chain) return gone();
  return tail;
}

Status JournalTail::Next(uint64_t durable, TailBatch* batch) {
  batch->frames_.clear();
  batch->bodies_.clear();
  // The records point into the strings, which must not move.
  batch->bodies_.reserve(kTailFramesMax);
  reader_->set_until_frame(durable);
  uint64_t bytes = 0;
  journal::FrameView view;
  while (batch->frames_.size() < kTailFramesMax && bytes < kTailBatchBytes) {
    const auto more = reader_->Next(&view);
    if (!more.ok() && batch->frames_.empty()) return more.status();
    if (!more.ok() || !*more) break;  // what was read is given; the failure comes again
    TailFrame& frame = batch->frames_.emplace_back();
    frame.index = view.index;
    frame.segment = view.segment;
    frame.offset = view.offset;
    frame.first_seq = view.first_seq;
    frame.last_seq = view.last_seq;
    frame.chain = view.chain;
    position_ = {view.index, view.chain};
    if (view.kind != journal::FrameKind::kBatch) continue;
    const std::string& body = batch->bodies_.emplace_back(view.body);
    for (const std::string_view record : view.records) {
      const auto at = static_cast<size_t>(record.data() - view.body.data());
      frame.records.push_back(std::string_view(body).substr(at, record.size()));
    }
    bytes += body.size();
  }
  return OkStatus();
}

Result<journal::JournalId> ReadJournalId(FileSystem& files, const std::string& folder) {
  journal::ReadOptions options;
  options.until_frame = 0;
  CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files, folder, options));
  if (reader->segment().number == 0) return NotFound(folder + " holds a journal without a start");
  return reader->segment().journal_id;
}

namespace {

// `size` bytes at `offset`, no fewer.
Result<std::string> ReadExactly(File& file, const FramePlace& place, uint64_t offset, size_t size) {
  std::string bytes;
  CREDENCE_TRY(file.ReadAt(offset, size, &bytes));
  if (bytes.size() != size) return journal::DamageAt(place.segment, offset, "the file ends there");
  return bytes;
}

// The body of the frame at `place`.
Result<std::string> ReadBody(FileSystem& files, const std::string& folder, const FramePlace& place,
                             journal::FrameHeader* header) {
  auto file = files.Open(folder + "/" + journal::SegmentName(place.segment), OpenMode::kRead);
  if (file.status().code() == StatusCode::kNotFound) {
    return NotFound("segment " + std::to_string(place.segment) + " of the journal is retired");
  }
  CREDENCE_TRY(file.status());
  CREDENCE_ASSIGN(const std::string start,
                  ReadExactly(**file, place, 0, journal::kSegmentHeaderBytes));
  journal::SegmentHeader segment;
  CREDENCE_TRY(journal::DecodeSegmentHeader(start, &segment));
  CREDENCE_ASSIGN(const std::string head,
                  ReadExactly(**file, place, place.offset, journal::kFrameHeaderBytes));
  if (!journal::DecodeFrameHeader(head, segment.salt, place.offset, header) ||
      header->index != place.frame || header->kind != journal::FrameKind::kBatch ||
      header->body_bytes > journal::kFrameBodyBytesMax) {
    return journal::DamageAt(place.segment, place.offset,
                             "expected frame " + std::to_string(place.frame));
  }
  CREDENCE_ASSIGN(
      std::string body,
      ReadExactly(**file, place, place.offset + journal::kFrameHeaderBytes, header->body_bytes));
  if (Hash64(body) != header->body_hash) {
    return journal::DamageAt(place.segment, place.offset, "the frame is damaged (checksum)");
  }
  return body;
}

}  // namespace

Result<std::vector<std::string>> ReadRecords(FileSystem& files, const std::string& folder,
                                             const FramePlace& place, Seq seq) {
  journal::FrameHeader header;
  CREDENCE_ASSIGN(const std::string body, ReadBody(files, folder, place, &header));
  std::vector<std::string> found;
  ByteReader reader(body);
  for (uint32_t i = 0; i < header.records && reader.ok(); ++i) {
    const std::string_view bytes = reader.GetBytes();
    // Every kind of record has its sequence as field 1.
    if (!bytes.empty() && record::RecordReader(bytes).Unsigned(1) == seq.value()) {
      found.emplace_back(bytes);
    }
  }
  if (!reader.ok()) {
    return journal::DamageAt(place.segment, place.offset, "the records do not fill the frame");
  }
  if (found.empty()) {
    return NotFound("frame " + std::to_string(place.frame) + " holds no sequence " +
                    std::to_string(seq.value()));
  }
  return found;
}

Result<StoredDecision> ReadDecision(FileSystem& files, const std::string& folder, Seq seq,
                                    const FramePlace& place, const FramePlace& event_place,
                                    const PackSource& packs) {
  const auto is = [](const std::string& bytes, record::RecordKind kind) {
    return bytes[0] == static_cast<char>(kind);
  };
  StoredDecision stored;
  CREDENCE_ASSIGN(std::vector<std::string> records, ReadRecords(files, folder, place, seq));
  const auto decision = std::find_if(records.begin(), records.end(), [&](const std::string& r) {
    return is(r, record::RecordKind::kDecision);
  });
  if (decision == records.end()) {
    return NotFound("the journal holds no decision " + DecisionRecord::IdFor(seq));
  }
  CREDENCE_ASSIGN(stored.found.record, record::DecodeDecision(*decision));
  if (const Seq asked = stored.found.record.parked_seq; asked != Seq()) {
    CREDENCE_ASSIGN(records, ReadRecords(files, folder, event_place, asked));
  }
  for (std::string& bytes : records) {
    if (is(bytes, record::RecordKind::kEvent)) stored.event = std::move(bytes);
  }
  Arena arena;
  CREDENCE_ASSIGN(const record::Event event, record::DecodeEvent(stored.event, &arena));
  stored.found.event_id = event.id;
  stored.found.event_source = event.source;
  stored.found.stamp = event.stamp;
  CREDENCE_ASSIGN(stored.found.pack, packs(stored.found.record.pack));
  CREDENCE_TRY(Explain(&stored.found));
  return stored;
}

}  // namespace credence::study
