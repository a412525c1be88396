#include "src/journal/journal.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "src/base/assert.h"
#include "src/thread/thread.h"

namespace credence::journal {

namespace {
// Behind a segment's name while its file is written ahead.
constexpr std::string_view kAheadSuffix = ".ahead";
constexpr size_t kSpareFramesMax = 4;
constexpr size_t kSpareBytesMax = size_t{4} << 20;

Status DiskIsFull(const Status& why) {
  return ResourceExhausted("the disk is full: nothing new is taken until there is room (" +
                           why.message() + ")");
}

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
  if (options.first_segment > kSegmentsMax) {
    return InvalidArgument("first_segment is " + std::to_string(options.first_segment) +
                           "; expected at most " + std::to_string(kSegmentsMax));
  }
  return OkStatus();
}
}  // namespace

std::string Journal::Path(uint64_t number) const { return folder_ + "/" + SegmentName(number); }

std::string Journal::AheadPath(uint64_t number) const {
  return Path(number) + std::string(kAheadSuffix);
}

Result<std::unique_ptr<Journal>> Journal::Open(FileSystem& files, const std::string& folder,
                                               const Options& options) {
  CREDENCE_TRY(CheckOptions(options));
  CREDENCE_TRY(files.MakeFolders(folder));
  std::unique_ptr<Journal> journal(new Journal(files, folder, options));
  CREDENCE_ASSIGN(journal->lock_, files.Lock(folder + "/lock"));
  if (options.write_ahead == WriteAhead::kSegments) {
    const uint64_t zeros = std::min(kAheadStepBytes, options.segment_bytes + kDiskBlockBytes) /
                           kDiskBlockBytes * kDiskBlockBytes;
    journal->zeros_ = NewBlocks(zeros);
    std::memset(journal->zeros_.get(), 0, zeros);
  }
  CREDENCE_TRY(journal->Recover());
  if (options.write_ahead == WriteAhead::kSegments && options.own_ahead_thread) {
    journal->ahead_thread_ = std::thread([raw = journal.get()] { raw->AheadLoop(); });
  }
  return journal;
}

Journal::~Journal() {
  if (!ahead_thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ahead_stop_ = true;
  }
  ahead_wanted_.notify_one();
  ahead_thread_.join();
}

// Whoever asks for room waits for the next segment once the one in use has less than that. Until
// then this one is filled, and the next has to become ready in half of that time; the one behind
// the next has to be ready when this one is full.
bool Journal::AheadOfNeed() const {
  constexpr uint64_t kHaste = 2;
  const uint64_t segment = options_.segment_bytes;
  const uint64_t fill = next_ready_ ? segment : segment - asked_;
  const uint64_t filled = segment - std::min<uint64_t>(room_, segment);
  return ahead_bytes_ * fill >= kHaste * filled * segment;
}

// Writes ahead as soon as a prepared segment was taken. The disk serves frames first: it rests
// after each step that is not urgent. On a full disk it looks again now and then.
void Journal::AheadLoop() {
  constexpr auto kLooksAgain = std::chrono::milliseconds(200);
  constexpr auto kRests = std::chrono::milliseconds(10);
  thread::Begin("ahead", thread::Urgency::kBackground);
  for (;;) {
    const auto ready = PrepareNext();
    std::unique_lock lock(mutex_);
    if (ahead_stop_ || !stopped_.ok()) return;
    if (ready.ok() && !*ready) {
      if (!AheadOfNeed()) continue;
      ahead_wanted_.wait_for(lock, kRests, [this] { return ahead_stop_; });
      continue;
    }
    if (ready.ok()) {
      ahead_wanted_.wait(lock, [this] { return ahead_stop_ || !stopped_.ok() || ahead_taken_; });
      ahead_taken_ = false;
    } else {
      ahead_wanted_.wait_for(lock, kLooksAgain, [this] { return ahead_stop_; });
    }
    if (ahead_stop_ || !stopped_.ok()) return;
  }
}

Status Journal::Recover() {
  ReadOptions read;
  read.first_segment = options_.first_segment;
  read.from_frame = std::max<uint64_t>(options_.verify_from_frame, 1);
  if (options_.must_hold.has_value()) {
    read.from_frame = std::min(read.from_frame, std::max<uint64_t>(options_.must_hold->frames, 1));
  }
  auto opened = JournalReader::Open(files_, folder_, read);
  if (opened.status().code() == StatusCode::kNotFound && options_.first_segment <= 1) {
    CREDENCE_TRY(CheckMustHold(head_, /*at_end=*/true));
    CREDENCE_TRY(RemoveAhead());
    return Create();
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
  durable_ = head_;
  CREDENCE_TRY(CheckMustHold(head_, /*at_end=*/true));
  if (options_.journal_id != JournalId{} && reader.segment().number != 0 &&
      options_.journal_id != reader.segment().journal_id) {
    return InvalidArgument(folder_ + " holds another journal than the one that was asked for");
  }
  CREDENCE_TRY(RemoveAhead());
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
  if (segment_.number == 0) return Create();
  CREDENCE_ASSIGN(file_, files_.Open(Path(segment_.number), OpenMode::kReadWrite));
  CREDENCE_ASSIGN(uint64_t size, file_->Size());
  const JournalReader::LastFrame& last = reader.last_frame();
  report_.sealed = last.sealed();
  report_.seal = reader.seal();
  const bool here = last.bytes > 0 && last.segment == segment_.number;
  offset_ = here ? last.offset + last.bytes : kSegmentHeaderBytes;
  if (report_.cut.kind == TailKind::kUnfinishedFrame) {
    if (report_.cut.offset + report_.cut.bytes < size) {
      // Zeros stand behind it: it becomes zeros too. Where the power goes in between, some of its
      // sectors are missing still.
      CREDENCE_TRY(file_->WriteAt(offset_, std::string(report_.cut.bytes, '\0')));
    } else {
      CREDENCE_TRY(file_->Truncate(offset_));
      size = offset_;
    }
  }
  // What was read may be in the page cache only: its writer was killed before the sync, or the sync
  // failed and the kernel took the page for clean. At most the last frame is so; writing it again
  // makes the page dirty again, and equal bytes are safe to write.
  const uint64_t from = here ? last.offset : 0;
  const uint64_t block = offset_ / kDiskBlockBytes * kDiskBlockBytes;
  const uint64_t first = std::min(from, block);
  std::string bytes;
  CREDENCE_TRY(file_->ReadAt(first, offset_ - first, &bytes));
  if (bytes.size() != offset_ - first) {
    return IoError(Path(segment_.number) + ": fewer bytes were read than the file has");
  }
  CREDENCE_TRY(file_->WriteAt(from, std::string_view(bytes).substr(from - first)));
  CREDENCE_TRY(file_->Sync());
  blocks_.Begin(offset_, std::string_view(bytes).substr(block - first));
  SetAheadEnd(size);
  next_[0].number = segment_.number + 1;
  CREDENCE_TRY(files_.SyncDirectory(folder_));
  CREDENCE_TRY(files_.SyncDirectory(ParentOf(folder_)));
  const Status extended = ExtendCurrent();
  // A full disk is no reason not to open: MakeRoom goes on with it.
  return extended.code() == StatusCode::kResourceExhausted ? OkStatus() : extended;
}

// What an earlier writer had prepared: how far its zeros came is not known.
Status Journal::RemoveAhead() {
  CREDENCE_ASSIGN(const auto names, files_.List(folder_));
  for (const std::string& name : names) {
    if (name.ends_with(kAheadSuffix)) CREDENCE_TRY(files_.Remove(folder_ + "/" + name));
  }
  return OkStatus();
}

Status Journal::Create() {
  report_.created = true;
  segment_ = SegmentHeader();
  segment_.number = 0;
  segment_.journal_id = options_.journal_id;
  next_[0].number = 1;
  Staged first;
  CREDENCE_TRY(BeginSegment(&first));
  CREDENCE_TRY(StartSegment(&first));
  durable_ = head_;
  return files_.SyncDirectory(ParentOf(folder_));
}

// The next frame begins a segment. Nothing is changed on failure.
Status Journal::BeginSegment(Staged* staged) {
  const uint64_t number = segment_.number + 1;
  if (number > kSegmentsMax) {
    return OutOfRange("the journal has " + std::to_string(kSegmentsMax) +
                      " segments, the most there may be; choose larger ones");
  }
  SegmentHeader header;
  header.cipher_id = options_.cipher_id;
  header.number = number;
  header.journal_id = segment_.journal_id;
  header.before = head_;
  std::string bytes = EncodeSegmentHeader(&header);
  const bool ahead = options_.write_ahead == WriteAhead::kSegments;
  if (ahead) {
    CREDENCE_ASSIGN(staged->prepared, TakePrepared(number));
  }
  SetAheadEnd(ahead ? options_.segment_bytes : 0);
  staged->file_bytes = ahead_end_;
  staged->begins = number;
  staged->segment_header = std::move(bytes);
  segment_ = header;
  SetHead(header.before);
  offset_ = kSegmentHeaderBytes;
  return OkStatus();
}

// The file gets its name with a header that is on disk, and frames only after that.
Status Journal::StartSegment(Staged* staged) {
  std::unique_ptr<File> file = std::move(staged->prepared);
  const bool prepared = file != nullptr;
  if (!prepared) {
    CREDENCE_ASSIGN(file, files_.Open(Path(staged->begins), OpenMode::kCreateNew));
  }
  blocks_.Begin(0, {});
  CREDENCE_TRY(blocks_.Append(file.get(), staged->segment_header, BlockBytes(*staged)));
  CREDENCE_TRY(file->Sync());
  if (prepared) CREDENCE_TRY(files_.Rename(AheadPath(staged->begins), Path(staged->begins)));
  CREDENCE_TRY(files_.SyncDirectory(folder_));
  file_ = std::move(file);
  return OkStatus();
}

Result<ChainHead> Journal::Stage(Seq last_seq, std::span<const std::string_view> records) {
  return StageFrame(FrameKind::kBatch, last_seq, records);
}

Result<ChainHead> Journal::Append(Seq last_seq, std::span<const std::string_view> records) {
  CREDENCE_TRY(Stage(last_seq, records).status());
  return Sync();
}

Result<ChainHead> Journal::Seal(std::string_view bytes) {
  if (bytes.size() > kSealBytesMax) {
    return OutOfRange("a seal carries " + std::to_string(bytes.size()) + " bytes; at most " +
                      std::to_string(kSealBytesMax) + " may be");
  }
  CREDENCE_TRY(StageFrame(FrameKind::kSeal, head_.last_seq, std::span(&bytes, 1)).status());
  CREDENCE_ASSIGN(const ChainHead head, Sync());
  Stop(Unavailable("the journal is sealed; open it again to append")).IgnoreError();
  if (options_.write_ahead == WriteAhead::kSegments) {
    // The seal is on disk: if the zeros stay behind it, no harm is done.
    const std::scoped_lock lock(sync_mutex_, prepare_mutex_);
    if (file_->Truncate(offset_).ok()) file_->Sync().IgnoreError();
    next_ = {};
    RemoveAhead().IgnoreError();
  }
  return head;
}

Result<ChainHead> Journal::StageFrame(FrameKind kind, Seq last_seq,
                                      std::span<const std::string_view> records) {
  auto staged = std::make_unique<Staged>();
  {
    const std::lock_guard lock(mutex_);
    CREDENCE_TRY(stopped_);
    if (staged_.size() >= kStagedFramesMax) {
      return OutOfRange(std::to_string(kStagedFramesMax) +
                        " frames wait for Sync, the most there may be");
    }
    if (!spare_.empty()) {
      staged = std::move(spare_.back());
      spare_.pop_back();
    }
  }
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
  const uint64_t frame_bytes = FrameBytes(body_bytes);
  const std::lock_guard stage(stage_mutex_);
  if (offset_ > kSegmentHeaderBytes && offset_ + frame_bytes > options_.segment_bytes) {
    CREDENCE_TRY(BeginSegment(staged.get()));
  }
  staged->offset = offset_;
  staged->file_bytes = ahead_end_;
  staged->head =
      EncodeFrame(kind, last_seq, records, head_, segment_.salt, offset_, &staged->bytes);
  CREDENCE_ASSERT(staged->bytes.size() == frame_bytes);
  offset_ += frame_bytes;
  room_ = ahead_end_ > offset_ ? ahead_end_ - offset_ : 0;
  const std::lock_guard lock(mutex_);
  head_ = staged->head;
  staged_.push_back(std::move(staged));
  return head_;
}

Result<ChainHead> Journal::Sync() {
  const std::lock_guard one_at_a_time(sync_mutex_);
  uint64_t until = 0;
  for (;;) {
    Staged* staged = nullptr;
    {
      const std::lock_guard lock(mutex_);
      CREDENCE_TRY(stopped_);
      if (until == 0) until = staged_.empty() ? durable_.frames : staged_.back()->head.frames;
      if (durable_.frames >= until) return durable_;
      staged = staged_.front().get();
    }
    const Status written = Write(staged);
    if (!written.ok()) return Stop(written);
    const std::lock_guard lock(mutex_);
    durable_ = staged->head;
    staged->begins = 0;
    // Buffers are kept for the frames to come, but not those of rare large ones.
    if (staged->bytes.capacity() <= kSpareBytesMax && spare_.size() < kSpareFramesMax) {
      spare_.push_back(std::move(staged_.front()));
    }
    staged_.pop_front();
  }
}

Status Journal::Write(Staged* staged) {
  if (staged->begins != 0) CREDENCE_TRY(StartSegment(staged));
  CREDENCE_ASSERT(blocks_.end() == staged->offset);
  CREDENCE_TRY(blocks_.Append(file_.get(), staged->bytes, BlockBytes(*staged)));
  return file_->Sync();
}

Status Journal::MakeRoom(uint64_t bytes) {
  CREDENCE_TRY(status());
  const uint64_t wanted = std::min(bytes, options_.segment_bytes - kSegmentHeaderBytes);
  if (options_.write_ahead == WriteAhead::kNone) return OkStatus();
  if (wanted > asked_) asked_ = wanted;
  // What does not fit this segment fits the next one. While a frame is made nobody waits for it
  // here.
  if (room_ >= wanted || (whole_ && next_ready_)) return OkStatus();
  const std::lock_guard stage(stage_mutex_);
  CREDENCE_TRY(ExtendCurrent());
  if (offset_ + wanted <= ahead_end_) return OkStatus();
  const std::lock_guard lock(prepare_mutex_);
  for (;;) {
    CREDENCE_ASSIGN(const bool ready, PrepareStep(1));
    if (ready) return OkStatus();
  }
}

Result<bool> Journal::PrepareNext() {
  if (options_.write_ahead == WriteAhead::kNone) return true;
  const std::lock_guard lock(prepare_mutex_);
  CREDENCE_TRY(status());
  return PrepareStep(options_.own_ahead_thread ? next_.size() : 1);
}

void Journal::SetAheadEnd(uint64_t end) {
  ahead_end_ = end;
  whole_ = end >= options_.segment_bytes;
}

// The segment that was found on opening is as long as its writer left it. Later ones are whole from
// the start, so no frame of another segment is on its way while there is something to do here.
Status Journal::ExtendCurrent() {
  if (options_.write_ahead == WriteAhead::kNone || ahead_end_ >= options_.segment_bytes) {
    return OkStatus();
  }
  const std::lock_guard lock(sync_mutex_);
  uint64_t at = std::max(ahead_end_, offset_);
  while (at < options_.segment_bytes) {
    // The first step ends with a block, so that the others are of whole ones.
    const uint64_t step =
        std::min(kAheadStepBytes - at % kDiskBlockBytes, options_.segment_bytes - at);
    Status written = WriteZeros(file_.get(), at, step);
    if (written.code() == StatusCode::kResourceExhausted) return DiskIsFull(written);
    if (written.ok()) written = file_->Sync();
    // The file holds frames: after a failed sync nothing about it is known.
    if (!written.ok()) return Stop(written);
    at += step;
    SetAheadEnd(at);
    room_ = ahead_end_ - offset_;
  }
  return OkStatus();
}

// True if the first `segments` of those ahead are ready.
Result<bool> Journal::PrepareStep(size_t segments) {
  size_t at = 0;
  while (at < segments && next_[at].ready) ++at;
  if (at == segments) return true;
  next_[at].number = next_[0].number + at;
  const Status written = WriteAheadStep(&next_[at]);
  LookAhead();
  if (written.code() == StatusCode::kResourceExhausted) return DiskIsFull(written);
  if (!written.ok()) return Stop(written);
  return at + 1 == segments && next_[at].ready;
}

void Journal::LookAhead() {
  next_ready_ = next_[0].ready;
  ahead_bytes_ = next_[0].ready ? next_[1].bytes : next_[0].bytes;
}

// How much of the file may be written in whole blocks.
uint64_t Journal::BlockBytes(const Staged& staged) const {
  return options_.past_page_cache ? staged.file_bytes : 0;
}

// At most kAheadStepBytes, and no more than a segment has.
Status Journal::WriteZeros(File* file, uint64_t offset, uint64_t bytes) {
  const std::string_view zeros(zeros_.get(), bytes);
  const bool blocks =
      options_.past_page_cache && offset % kDiskBlockBytes == 0 && bytes % kDiskBlockBytes == 0;
  return blocks ? file->WriteBlocks(offset, zeros) : file->WriteAt(offset, zeros);
}

Status Journal::WriteAheadStep(Ahead* ahead) {
  if (ahead->file == nullptr) {
    ahead->bytes = 0;
    CREDENCE_ASSIGN(ahead->file, files_.Open(AheadPath(ahead->number), OpenMode::kReplace));
  }
  const uint64_t step = std::min(kAheadStepBytes, options_.segment_bytes - ahead->bytes);
  CREDENCE_TRY(WriteZeros(ahead->file.get(), ahead->bytes, step));
  Status synced = ahead->file->Sync();
  if (!synced.ok()) {
    ahead->file.reset();  // what it holds is unknown; it is made anew
    return synced;
  }
  ahead->bytes += step;
  ahead->ready = ahead->bytes == options_.segment_bytes;
  return OkStatus();
}

Result<std::unique_ptr<File>> Journal::TakePrepared(uint64_t number) {
  const std::lock_guard lock(prepare_mutex_);
  CREDENCE_ASSERT(next_[0].number == number);
  for (;;) {
    CREDENCE_ASSIGN(const bool ready, PrepareStep(1));
    if (ready) break;
  }
  std::unique_ptr<File> file = std::move(next_[0].file);
  next_[0] = std::move(next_[1]);
  next_[0].number = number + 1;
  next_[1] = Ahead();
  LookAhead();
  const std::lock_guard moment(mutex_);
  ahead_taken_ = true;
  ahead_wanted_.notify_one();
  return file;
}

void Journal::SetHead(const ChainHead& head) {
  const std::lock_guard lock(mutex_);
  head_ = head;
}

// Nothing more is taken. Returns `why`.
Status Journal::Stop(const Status& why) {
  const std::lock_guard lock(mutex_);
  ahead_wanted_.notify_one();
  if (stopped_.ok()) {
    stopped_ =
        why.code() == StatusCode::kUnavailable
            ? why
            : Unavailable("the journal stopped and must be opened again, after: " + why.ToString());
  }
  return why;
}

Result<Retired> Journal::Retire(uint64_t before_frame, uint64_t keep_from_frame) {
  CREDENCE_TRY(status());
  return RetireSegments(files_, folder_,
                        std::min({before_frame, keep_from_frame, durable().frames}));
}

ChainHead Journal::head() const {
  const std::lock_guard lock(mutex_);
  return stopped_.ok() ? head_ : durable_;
}

ChainHead Journal::durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

Status Journal::status() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
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
