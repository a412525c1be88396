#include "src/journal/reader.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/journal/retired.h"

namespace credence::journal {

namespace {
constexpr uint64_t kWindowBytes = uint64_t{256} << 10;

std::string Path(const std::string& folder, uint64_t number) {
  return folder + "/" + SegmentName(number);
}
}  // namespace

Result<std::unique_ptr<JournalReader>> JournalReader::Open(FileSystem& files,
                                                           const std::string& folder,
                                                           const ReadOptions& options) {
  std::unique_ptr<JournalReader> reader(new JournalReader(files, folder, options));
  CREDENCE_TRY(reader->LearnRetired());
  CREDENCE_TRY(reader->ListSegments());
  CREDENCE_TRY(reader->FindStart());
  return reader;
}

void JournalReader::set_until_frame(uint64_t frame) {
  if (frame > options_.until_frame) window_.clear();
  options_.until_frame = frame;
}

Status JournalReader::LearnRetired() {
  if (options_.first_segment != 0) return OkStatus();
  CREDENCE_ASSIGN(const Retired retired, ReadRetired(files_, folder_));
  options_.first_segment = retired.first_segment;
  retired_ = retired.before;
  return OkStatus();
}

Status JournalReader::ListSegments() {
  CREDENCE_ASSIGN(const auto names, files_.List(folder_));
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (!name.ends_with(".journal")) continue;
    if (!ParseSegmentName(name, &number)) {
      return DataLoss(folder_ + "/" + name + " is not the name of a segment; expected " +
                      SegmentName(1) + " to " + SegmentName(kSegmentsMax));
    }
    segments_.push_back(number);
  }
  std::sort(segments_.begin(), segments_.end());
  if (segments_.empty() && options_.first_segment == 1) {
    return NotFound(folder_ + " holds no journal");
  }
  uint64_t expected = options_.first_segment;
  for (const uint64_t number : segments_) {
    if (number < expected) continue;  // retired, its removal not finished
    if (number > expected) return DamageAt(expected, 0, "the segment is missing");
    ++expected;
  }
  std::erase_if(segments_, [this](uint64_t number) { return number < options_.first_segment; });
  if (segments_.empty()) return DamageAt(expected, 0, "the segment is missing");
  return OkStatus();
}

Status JournalReader::FindStart() {
  // From the newest back to the first segment that starts before what is asked for.
  for (size_t i = segments_.size(); i-- > 0;) {
    bool started = false;
    CREDENCE_TRY(OpenSegment(segments_[i], &started));
    if (!started) {
      if (i > 0) continue;
      if (segments_[i] > 1) return DamageAt(segments_[i], 0, "the segment header is missing");
      break;  // a journal whose creation did not finish
    }
    const bool frame_before = segment_.before.frames < std::max<uint64_t>(options_.from_frame, 1);
    const bool seq_before =
        options_.from_seq == Seq() || segment_.before.last_seq < options_.from_seq;
    if (i > 0 && !(frame_before && seq_before)) continue;
    head_ = segment_.before;
    start_ = head_;
    return OkStatus();
  }
  segment_.number = 0;
  file_ = nullptr;
  return OkStatus();
}

Status JournalReader::OpenSegment(uint64_t number, bool* started) {
  *started = false;
  CREDENCE_ASSIGN(auto file, files_.Open(Path(folder_, number), OpenMode::kRead));
  CREDENCE_ASSIGN(const uint64_t size, file->Size());
  if (size > kSegmentFileBytesMax) {
    return DamageAt(number, 0,
                    "the file has " + std::to_string(size) + " bytes; at most " +
                        std::to_string(kSegmentFileBytesMax) + " are written");
  }
  file_ = std::move(file);
  size_ = size;
  window_.clear();
  window_offset_ = 0;
  CREDENCE_ASSIGN(const std::string_view bytes, Load(0, std::min(size, kSegmentHeaderBytes)));
  const bool is_last = !HasSegmentAfter(number);
  if (bytes.size() < kSegmentHeaderBytes || IsZero(bytes)) {
    if (!is_last) return DamageAt(number, 0, "the segment header is missing");
    CREDENCE_ASSIGN(const uint64_t end, EndOfBytes(bytes.size()));
    // Frames follow only a synced header, so bytes behind a missing one were once acknowledged.
    if (end > kSegmentHeaderBytes) return DamageAt(number, 0, "the segment header is missing");
    tail_ = {TailKind::kUnstartedSegment, number, 0, size};
    return OkStatus();
  }
  SegmentHeader header;
  const Status decoded = DecodeSegmentHeader(bytes, &header);
  if (decoded.code() == StatusCode::kDataLoss) return DamageAt(number, 0, decoded.message());
  CREDENCE_TRY(decoded);
  if (header.number != number) {
    return DamageAt(number, 0,
                    "the file holds segment " + std::to_string(header.number) + " of a journal");
  }
  if (number == options_.first_segment && retired_.frames != 0 && header.before != retired_) {
    return DamageAt(number, 0, "the segment does not continue the frames that were retired");
  }
  segment_ = header;
  offset_ = kSegmentHeaderBytes;
  *started = true;
  return OkStatus();
}

bool JournalReader::HasSegmentAfter(uint64_t number) const { return number < segments_.back(); }

Result<std::string_view> JournalReader::Load(uint64_t offset, uint64_t size) {
  CREDENCE_ASSERT(offset + size <= size_);
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    const uint64_t wanted = std::min(std::max(size, kWindowBytes), size_ - offset);
    window_offset_ = offset;
    const Status read = file_->ReadAt(offset, wanted, &window_);
    if (!read.ok() || window_.size() != wanted) {
      window_.clear();
      CREDENCE_TRY(read);
      return IoError(SegmentName(segment_.number) + ": fewer bytes were read at offset " +
                     std::to_string(offset) + " than the file has");
    }
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

Result<uint64_t> JournalReader::EndOfBytes(uint64_t from) {
  uint64_t end = from;
  for (uint64_t at = from; at < size_; at += kWindowBytes) {
    const uint64_t chunk = std::min(kWindowBytes, size_ - at);
    CREDENCE_ASSIGN(const std::string_view bytes, Load(at, chunk));
    if (IsZero(bytes)) continue;
    end = at + bytes.find_last_not_of('\0') + 1;
  }
  return end;
}

Result<bool> JournalReader::Next(FrameView* frame) {
  CREDENCE_TRY(failed_);
  auto result = NextInner(frame);
  // An I/O error may pass; damage does not.
  if (!result.ok() && result.status().code() == StatusCode::kDataLoss) failed_ = result.status();
  return result;
}

Result<bool> JournalReader::NextInner(FrameView* frame) {
  if (file_ == nullptr) return false;
  for (;;) {
    if (head_.frames >= options_.until_frame) return false;
    CREDENCE_ASSIGN(const Step step, ReadFrame(frame));
    if (step == Step::kFrame) {
      if (frame->index < options_.from_frame || frame->last_seq < options_.from_seq) continue;
      return true;
    }
    if (step == Step::kUnfinished) return false;
    CREDENCE_ASSIGN(const bool more, Advance());
    if (!more) return false;
  }
}

Result<bool> JournalReader::Advance() {
  const uint64_t here = segment_.number;
  tail_ = {TailKind::kClean, here, offset_, 0};
  if (!HasSegmentAfter(here)) {
    window_.clear();  // the file may have grown when Next is called again
    if (!files_.Exists(Path(folder_, here + 1))) return false;
    segments_.push_back(here + 1);
  }
  const SegmentHeader before = segment_;
  const uint64_t end = offset_;
  bool started = false;
  std::unique_ptr<File> file = std::move(file_);
  const uint64_t size = size_;
  CREDENCE_TRY(OpenSegment(here + 1, &started));
  if (!started) {
    // Stay at the end of this one: the writer may start the next later.
    file_ = std::move(file);
    size_ = size;
    window_.clear();
    segments_.pop_back();
    return false;
  }
  if (segment_.journal_id != before.journal_id) {
    return DamageAt(here + 1, 0, "the segment belongs to another journal");
  }
  if (segment_.before.frames > head_.frames) {
    return DamageAt(here, end,
                    "frames " + std::to_string(head_.frames + 1) + " to " +
                        std::to_string(segment_.before.frames) + " are missing");
  }
  if (!(segment_.before == head_)) {
    return DamageAt(here + 1, 0, "the segment does not continue the chain of the one before");
  }
  return true;
}

Result<JournalReader::Step> JournalReader::ReadFrame(FrameView* frame) {
  const bool fresh = window_.empty();
  auto step = TryReadFrame(frame);
  if (fresh || (step.ok() && *step == Step::kFrame)) return step;
  // What was read before a live writer went on may show the end, or half a frame.
  window_.clear();
  return TryReadFrame(frame);
}

Result<JournalReader::Step> JournalReader::TryReadFrame(FrameView* frame) {
  if (window_.empty()) {
    CREDENCE_ASSIGN(size_, file_->Size());
    if (size_ < offset_) return DamageAt(segment_.number, offset_, "the file became shorter");
  }
  if (size_ - offset_ < kFrameHeaderBytes) return WithoutHeader();
  CREDENCE_ASSIGN(const std::string_view start, Load(offset_, kFrameHeaderBytes));
  FrameHeader header;
  if (!DecodeFrameHeader(start, segment_.salt, offset_, &header)) return WithoutHeader();
  CREDENCE_TRY(CheckHeader(header));
  const uint64_t frame_bytes = FrameBytes(header.body_bytes);
  const uint64_t present = std::min(frame_bytes, size_ - offset_);
  CREDENCE_ASSIGN(const std::string_view bytes, Load(offset_, present));
  const Status parsed = ParseFrame(header, bytes, frame);
  if (!parsed.ok()) return UnlessTorn(header, bytes, parsed);

  last_ = {header.kind, segment_.number, offset_, frame_bytes};
  seal_ = header.kind == FrameKind::kSeal && !frame->records.empty()
              ? std::string(frame->records.front())
              : std::string();
  head_ = {header.index, header.last_seq, frame->chain};
  offset_ += frame_bytes;
  return Step::kFrame;
}

Status JournalReader::CheckHeader(const FrameHeader& header) const {
  // The checksum holds, so these bytes are what some writer meant: never a torn frame.
  const uint64_t number = segment_.number;
  if (header.kind != FrameKind::kBatch && header.kind != FrameKind::kSeal) {
    return DamageAt(number, offset_, "the frame has an unknown kind");
  }
  if (header.index != head_.frames + 1) {
    return DamageAt(number, offset_,
                    "frame " + std::to_string(header.index) + " stands where frame " +
                        std::to_string(head_.frames + 1) + " belongs");
  }
  if (header.first_seq != head_.last_seq.Next() ||
      header.last_seq.value() < head_.last_seq.value()) {
    return DamageAt(number, offset_, "the sequences of the frame do not continue those before");
  }
  if (header.body_bytes > kFrameBodyBytesMax || header.records > kRecordsPerFrameMax) {
    return DamageAt(number, offset_, "the frame is larger than any that is written");
  }
  return OkStatus();
}

Status JournalReader::ParseFrame(const FrameHeader& header, std::string_view bytes,
                                 FrameView* frame) const {
  const auto damage = [this](std::string_view what) {
    return DamageAt(segment_.number, offset_, what);
  };
  const uint64_t frame_bytes = FrameBytes(header.body_bytes);
  if (bytes.size() < frame_bytes) return damage("the frame is cut short");
  const std::string_view body = bytes.substr(kFrameHeaderBytes, header.body_bytes);
  const std::string_view chain = bytes.substr(frame_bytes - Digest::kBytes);
  if (Hash64(body) != header.body_hash) return damage("the frame is damaged (checksum)");
  const uint64_t padding = kFrameHeaderBytes + header.body_bytes;
  if (!IsZero(bytes.substr(padding, frame_bytes - Digest::kBytes - padding))) {
    return damage("the frame is damaged (padding)");
  }
  if (CountZeroSectors(bytes, offset_) != header.zero_sectors) {
    return damage("the frame is damaged (zero sectors)");
  }
  frame->chained = bytes.substr(0, kFrameChainedBytes);
  frame->chain = ChainAfter(head_.chain, frame->chained, body);
  if (frame->chain.view() != chain) return damage("the hash chain is broken");
  frame->records.clear();
  ByteReader reader(body);
  for (uint32_t i = 0; i < header.records; ++i) frame->records.push_back(reader.GetBytes());
  if (!reader.ok() || !reader.AtEnd()) return damage("the records do not fill the frame");
  frame->kind = header.kind;
  frame->index = header.index;
  frame->first_seq = header.first_seq;
  frame->last_seq = header.last_seq;
  frame->body = body;
  frame->segment = segment_.number;
  frame->offset = offset_;
  frame->bytes = frame_bytes;
  return OkStatus();
}

Result<JournalReader::Step> JournalReader::UnlessTorn(const FrameHeader& header,
                                                      std::string_view bytes, Status damage) {
  // A frame is torn if at least one of its sectors never arrived: bytes beyond the file's end, or a
  // sector of zeros where the frame has none. Its sync then never succeeded and nobody was told of
  // it. If every sector arrived, the frame may have been acknowledged: that is damage, even at the
  // very end.
  const uint64_t frame_bytes = FrameBytes(header.body_bytes);
  bool torn = bytes.size() < frame_bytes;
  if (!torn) {
    const uint64_t last =
        std::max(offset_, (offset_ + frame_bytes - 1) / kSectorBytes * kSectorBytes);
    torn = CountZeroSectors(bytes, offset_) > header.zero_sectors ||
           IsZero(bytes.substr(last - offset_));
  }
  if (!torn || HasSegmentAfter(segment_.number)) return damage;
  const uint64_t end = offset_ + bytes.size();
  CREDENCE_ASSIGN(const uint64_t bytes_end, EndOfBytes(end));
  if (bytes_end > end) return damage;  // something was written after this frame had been synced
  return Unfinished(end);
}

Result<JournalReader::Step> JournalReader::WithoutHeader() {
  // No frame header stands at offset_. Its first sector either never arrived (zeros or missing: the
  // end, or a frame of which only later sectors arrived), or it did and is damaged.
  const uint64_t number = segment_.number;
  const uint64_t sector_end = std::min((offset_ / kSectorBytes + 1) * kSectorBytes, size_);
  CREDENCE_ASSIGN(const std::string_view first, Load(offset_, sector_end - offset_));
  const bool cut = size_ - offset_ < kFrameHeaderBytes;
  const bool first_zero = IsZero(first);
  if (!first_zero && !cut) return DamageAt(number, offset_, "the frame header is damaged");
  CREDENCE_ASSIGN(const uint64_t end, EndOfBytes(offset_));
  if (end == offset_) return Step::kEnd;
  if (HasSegmentAfter(number)) {
    return DamageAt(number, offset_, "a frame is damaged; a later segment stands behind it");
  }
  if (end - offset_ > kFrameBytesMax) {
    return DamageAt(number, offset_,
                    "a frame is missing; the bytes behind it are more than a frame");
  }
  // A whole frame header behind the gap was written after the frame that belongs here had been
  // synced.
  for (uint64_t at = offset_ + kAlignment; at + kFrameHeaderBytes <= end; at += kAlignment) {
    CREDENCE_ASSIGN(const std::string_view bytes, Load(at, kFrameHeaderBytes));
    FrameHeader header;
    if (DecodeFrameHeader(bytes, segment_.salt, at, &header)) {
      return DamageAt(number, offset_,
                      "a frame is missing; frame " + std::to_string(header.index) +
                          " stands behind it at offset " + std::to_string(at));
    }
  }
  return Unfinished(std::min(size_, (end + kSectorBytes - 1) / kSectorBytes * kSectorBytes));
}

Result<JournalReader::Step> JournalReader::Unfinished(uint64_t end) {
  tail_ = {TailKind::kUnfinishedFrame, segment_.number, offset_, end - offset_};
  window_.clear();
  return Step::kUnfinished;
}

}  // namespace credence::journal
