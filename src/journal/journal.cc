#include "src/journal/journal.h"

#include <algorithm>

#include "src/base/assert.h"

namespace credence::journal {

namespace {
std::string ParentOf(const std::string& folder) {
  const size_t slash = folder.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : folder.substr(0, slash);
}

size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

Status CheckOptions(const Options& options) {
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > kSegmentBytesMax) {
    return InvalidArgument("segment_bytes is " + std::to_string(options.segment_bytes) +
                           "; expected " + std::to_string(kSegmentBytesMin) + " to " +
                           std::to_string(kSegmentBytesMax));
  }
  if (options.first_segment < 1 || options.first_segment > kSegmentsMax) {
    return InvalidArgument("first_segment is " + std::to_string(options.first_segment) +
                           "; expected 1 to " + std::to_string(kSegmentsMax));
  }
  return OkStatus();
}
}  // namespace

std::string Journal::Path(uint64_t number) const { return folder_ + "/" + SegmentName(number); }

Result<std::unique_ptr<Journal>> Journal::Open(FileSystem& files, const std::string& folder,
                                               const Options& options) {
  CREDENCE_TRY(CheckOptions(options));
  CREDENCE_TRY(files.MakeFolders(folder));
  std::unique_ptr<Journal> journal(new Journal(files, folder, options));
  CREDENCE_ASSIGN(journal->lock_, files.Lock(folder + "/lock"));
  CREDENCE_TRY(journal->Recover());
  return journal;
}

Status Journal::Recover() {
  ReadOptions read;
  read.first_segment = options_.first_segment;
  read.from_frame = std::max<uint64_t>(options_.verify_from_frame, 1);
  if (options_.must_hold.has_value()) {
    read.from_frame = std::min(read.from_frame, std::max<uint64_t>(options_.must_hold->frames, 1));
  }
  auto opened = JournalReader::Open(files_, folder_, read);
  if (opened.status().code() == StatusCode::kNotFound && options_.first_segment == 1) {
    CREDENCE_TRY(CheckMustHold(head_, /*at_end=*/true));
    report_.created = true;
    return StartSegment(1, options_.journal_id);
  }
  CREDENCE_TRY(opened.status());
  JournalReader& reader = **opened;
  CREDENCE_TRY(CheckMustHold(reader.start(), /*at_end=*/false));
  for (;;) {
    FrameView frame;
    CREDENCE_ASSIGN(const bool more, reader.Next(&frame));
    if (!more) break;
    CREDENCE_TRY(CheckMustHold({frame.index, frame.last_seq, frame.chain}, /*at_end=*/false));
    if (options_.on_frame && frame.index >= options_.verify_from_frame) {
      CREDENCE_TRY(options_.on_frame(frame));
    }
  }
  head_ = reader.head();
  CREDENCE_TRY(CheckMustHold(head_, /*at_end=*/true));
  if (options_.journal_id != JournalId{} && reader.segment().number != 0 &&
      options_.journal_id != reader.segment().journal_id) {
    return InvalidArgument(folder_ + " holds another journal than the one that was asked for");
  }
  return RepairTail(reader);
}

Status Journal::CheckMustHold(const ChainHead& head, bool at_end) const {
  if (!options_.must_hold.has_value()) return OkStatus();
  const ChainHead& known = *options_.must_hold;
  if (head.frames == known.frames && known.frames > 0 && !(head == known)) {
    return DataLoss(folder_ + ": frame " + std::to_string(known.frames) +
                    " is not the one that the known head names");
  }
  if (at_end && head.frames < known.frames) {
    return DataLoss(folder_ + ": the journal ends at frame " + std::to_string(head.frames) +
                    "; the known head names frame " + std::to_string(known.frames));
  }
  return OkStatus();
}

Status Journal::RepairTail(const JournalReader& reader) {
  report_.cut = reader.tail();
  if (report_.cut.kind == TailKind::kUnstartedSegment) {
    CREDENCE_TRY(files_.Remove(Path(report_.cut.segment)));
    CREDENCE_TRY(files_.SyncDirectory(folder_));
  }
  segment_ = reader.segment();
  if (segment_.number == 0) {
    report_.created = true;
    return StartSegment(1, options_.journal_id);
  }
  CREDENCE_ASSIGN(file_, files_.Open(Path(segment_.number), OpenMode::kReadWrite));
  const JournalReader::LastFrame& last = reader.last_frame();
  report_.sealed = last.sealed();
  report_.seal = reader.seal();
  const bool here = last.bytes > 0 && last.segment == segment_.number;
  offset_ = here ? last.offset + last.bytes : kSegmentHeaderBytes;
  if (report_.cut.kind == TailKind::kUnfinishedFrame) CREDENCE_TRY(file_->Truncate(offset_));
  // What was read may be in the page cache only: its writer was killed before the sync, or the sync
  // failed and the kernel took the page for clean. At most the last frame is so; writing it again
  // makes the page dirty again, and equal bytes are safe to write.
  const uint64_t from = here ? last.offset : 0;
  CREDENCE_TRY(file_->ReadAt(from, offset_ - from, &frame_));
  if (frame_.size() != offset_ - from) {
    return IoError(Path(segment_.number) + ": fewer bytes were read than the file has");
  }
  CREDENCE_TRY(file_->WriteAt(from, frame_));
  CREDENCE_TRY(file_->Sync());
  CREDENCE_TRY(files_.SyncDirectory(folder_));
  return files_.SyncDirectory(ParentOf(folder_));
}

Status Journal::StartSegment(uint64_t number, const JournalId& id) {
  if (number > kSegmentsMax) {
    return ResourceExhausted("the journal has " + std::to_string(kSegmentsMax) +
                             " segments, the most there may be; choose larger ones");
  }
  SegmentHeader header;
  header.cipher_id = options_.cipher_id;
  header.number = number;
  header.journal_id = id;
  header.before = head_;
  const std::string bytes = EncodeSegmentHeader(&header);
  CREDENCE_ASSIGN(auto file, files_.Open(Path(number), OpenMode::kCreateNew));
  CREDENCE_TRY(file->WriteAt(0, bytes));
  CREDENCE_TRY(file->Sync());
  CREDENCE_TRY(files_.SyncDirectory(folder_));
  if (number == 1) CREDENCE_TRY(files_.SyncDirectory(ParentOf(folder_)));
  file_ = std::move(file);
  segment_ = header;
  head_ = header.before;
  offset_ = kSegmentHeaderBytes;
  return OkStatus();
}

Result<ChainHead> Journal::Append(Seq last_seq, std::span<const std::string_view> records) {
  return AppendFrame(FrameKind::kBatch, last_seq, records);
}

Result<ChainHead> Journal::Seal(std::string_view bytes) {
  if (bytes.size() > kSealBytesMax) {
    return OutOfRange("a seal carries " + std::to_string(bytes.size()) + " bytes; at most " +
                      std::to_string(kSealBytesMax) + " may be");
  }
  CREDENCE_ASSIGN(const ChainHead head,
                  AppendFrame(FrameKind::kSeal, head_.last_seq, std::span(&bytes, 1)));
  stopped_ = Unavailable("the journal is sealed; open it again to append");
  return head;
}

Result<ChainHead> Journal::AppendFrame(FrameKind kind, Seq last_seq,
                                       std::span<const std::string_view> records) {
  CREDENCE_TRY(stopped_);
  if (records.empty() || records.size() > kRecordsPerFrameMax) {
    return InvalidArgument("a batch has " + std::to_string(records.size()) +
                           " records; expected 1 to " + std::to_string(kRecordsPerFrameMax));
  }
  if (last_seq < head_.last_seq) {
    return InvalidArgument("the batch ends at sequence " + std::to_string(last_seq.value()) +
                           "; the journal is at " + std::to_string(head_.last_seq.value()));
  }
  uint64_t body_bytes = 0;
  for (const std::string_view record : records) {
    body_bytes += VarintBytes(record.size()) + record.size();
  }
  if (body_bytes > kFrameBodyBytesMax) {
    return OutOfRange("a batch has " + std::to_string(body_bytes) + " bytes; at most " +
                      std::to_string(kFrameBodyBytesMax) + " fit a frame");
  }
  ChainHead head;
  const Status written = WriteFrame(kind, last_seq, records, FrameBytes(body_bytes), &head);
  if (!written.ok()) {
    stopped_ =
        Unavailable("the journal stopped and must be opened again, after: " + written.ToString());
    return written;
  }
  head_ = head;
  return head;
}

Status Journal::WriteFrame(FrameKind kind, Seq last_seq, std::span<const std::string_view> records,
                           uint64_t frame_bytes, ChainHead* head) {
  if (offset_ > kSegmentHeaderBytes && offset_ + frame_bytes > options_.segment_bytes) {
    CREDENCE_TRY(StartSegment(segment_.number + 1, segment_.journal_id));
  }
  *head = EncodeFrame(kind, last_seq, records, head_, segment_.salt, offset_, &frame_);
  CREDENCE_ASSERT(frame_.size() == frame_bytes);
  CREDENCE_TRY(file_->WriteAt(offset_, frame_));
  CREDENCE_TRY(file_->Sync());
  offset_ += frame_bytes;
  return OkStatus();
}

Result<Inspection> Inspect(FileSystem& files, const std::string& folder,
                           const ReadOptions& options) {
  CREDENCE_ASSIGN(const auto reader, JournalReader::Open(files, folder, options));
  Inspection result;
  for (;;) {
    FrameView frame;
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    ++result.frames;
    result.frame_bytes += frame.bytes;
    if (frame.kind == FrameKind::kSeal) {
      ++result.seals;
      continue;
    }
    result.records += frame.records.size();
    for (const std::string_view record : frame.records) result.record_bytes += record.size();
  }
  result.journal_id = reader->segment().journal_id;
  result.cipher_id = reader->segment().cipher_id;
  result.segments = reader->segments().size();
  result.head = reader->head();
  result.sealed = reader->last_frame().sealed();
  result.seal = reader->seal();
  result.tail = reader->tail();
  return result;
}

}  // namespace credence::journal
