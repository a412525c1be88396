#pragma once
// Journal: the one writer of a segmented, checksummed, hash-chained log of opaque bytes. One batch
// is one frame, one write and one sync; when Append returns ok the batch is on disk. Format and
// recovery rule: docs/formats/journal.md; limits: format.h; reading: reader.h; the Merkle tree over
// the frames: proof.h.
//
// Append is two steps, for a caller that works on the next batch while one syncs: Stage encodes and
// chains a frame in memory and touches no file; Sync writes the staged frames, each with its own
// sync, in order. So at most one frame is ever between write and sync, which is what tells a torn
// frame from a damaged one (docs/formats/journal.md). Nothing of a batch may leave the process
// before durable() has reached its frame.
//
// Failures. InvalidArgument and OutOfRange: nothing was done and the journal goes on.
// kResourceExhausted from Stage, MakeRoom and PrepareNext: the disk is full; nothing was done, and
// the same call is ok again once there is room. After any failed write, sync or change of segment
// (Sync and Append say which) the object refuses everything with kUnavailable: what is on disk is
// unknown, and only reopening finds out (the failed batch may be there, whole, or may be gone).
// status() tells the two apart. Open returns kDataLoss with "segment N offset M: …" for damage and
// changes nothing then; kUnavailable if another writer holds the journal. Not an error: an
// incomplete last frame, which is cut and reported.
//
// Threads. One thread at a time calls Stage, Append and Seal, and asks where the next frame goes.
// MakeRoom, Sync, PrepareNext, head(), durable() and status() are for any thread at any time. The
// FileSystem must then bear calls from several threads (the real one does). `files` must outlive
// the journal.

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "src/base/file.h"
#include "src/journal/block_writer.h"
#include "src/journal/format.h"
#include "src/journal/reader.h"
#include "src/journal/retired.h"

namespace credence::journal {

// How much of a segment's file is there before its first frame.
enum class WriteAhead : uint8_t {
  kNone,  // the file grows with each frame; a full disk then stops the journal
  // All of it, as zeros: a sync changes no metadata, and a full disk is met where nothing is at
  // stake. Doubles the bytes written. Zeros and frames go past the page cache where the file system
  // has a way (block_writer.h).
  kSegments,
};

// Frames that may be staged and not yet synced; Stage refuses more with OutOfRange.
inline constexpr size_t kStagedFramesMax = 64;
// PrepareNext writes and syncs so much at a time.
inline constexpr uint64_t kAheadStepBytes = uint64_t{256} << 10;

struct Options {
  // A new segment is begun when a frame would end beyond this size. A frame that is larger gets a
  // segment of its own. kSegmentBytesMin to kSegmentBytesMax; small segments cost two syncs each.
  uint64_t segment_bytes = kSegmentBytesDefault;
  // With kSegments the files have segment_bytes from the start, and no more on being sealed.
  WriteAhead write_ahead = WriteAhead::kNone;
  // With kSegments: a thread of the journal's own calls PrepareNext, which then prepares two
  // segments, so that one is ready while the other is written.
  bool own_ahead_thread = false;
  // With kSegments: frames and zeros are written past the page cache, where the file system allows
  // it. Not where somebody reads each frame soon: from the disk, beside the syncs, answers would
  // wait for that.
  bool past_page_cache = true;
  // Names a new journal. When an existing one is opened: checked, unless it is all zero.
  JournalId journal_id{};
  // Written into the header of each new segment.
  CipherId cipher_id = CipherId::kNone;
  // Whole segments before the one that holds this frame are trusted and not read. 1 reads
  // everything; a caller with a checkpoint gives the frame after it.
  uint64_t verify_from_frame = 1;
  // A head that is known from elsewhere (a checkpoint, a signed head): kDataLoss unless the journal
  // holds it. This is what notices that whole frames are gone from the end.
  std::optional<ChainHead> must_hold;
  // See ReadOptions.
  uint64_t first_segment = 0;
  // Called during Open for each frame from verify_from_frame on, in order. A failure ends Open with
  // it.
  std::function<Status(const FrameView&)> on_frame;
};

struct OpenReport {
  bool created = false;
  bool sealed = false;  // the last frame is a seal: the last writer left in order
  std::string seal;     // its bytes
  Tail cut;             // what was cut; kClean if nothing was
};

class Journal {
 public:
  static Result<std::unique_ptr<Journal>> Open(FileSystem& files, const std::string& folder,
                                               const Options& options = {});
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Takes one batch that holds the sequences from head().last_seq + 1 to `last_seq` (equal to
  // head().last_seq if it holds none). At least one record; they are copied. The new head.
  Result<ChainHead> Stage(Seq last_seq, std::span<const std::string_view> records);
  // Writes and syncs every frame that was staged before the call. The durable head, which holds
  // them all. Calls from several threads wait for each other.
  Result<ChainHead> Sync();
  // Stage and Sync.
  Result<ChainHead> Append(Seq last_seq, std::span<const std::string_view> records);

  // Appends a seal that carries `bytes` (at most kSealBytesMax), and syncs. The journal then takes
  // nothing more; a later Open appends behind the seal.
  Result<ChainHead> Seal(std::string_view bytes);

  // With WriteAhead::kSegments: ok if frames of together `bytes` (more than a segment counts as a
  // segment) need no more room on the disk, which is made here if nobody prepared it. Ask before
  // the work on a batch, so that no work is done that cannot be written down. Otherwise ok.
  // Frames that come later from other threads take their room first.
  Status MakeRoom(uint64_t bytes);
  // With WriteAhead::kSegments: one step (kAheadStepBytes, synced) of writing the next segment
  // ahead; true when all that is prepared is ready, or nothing is written ahead. For a background
  // thread (see Options::own_ahead_thread): without it the whole is done when a frame needs the
  // segment.
  Result<bool> PrepareNext();

  // Removes whole segments that hold no frame from min(before_frame, keep_from_frame) on: what a
  // checkpoint has taken in (before_frame is the first frame that it lacks), but nothing inside the
  // horizon that must stay readable. Never the last segment. What remains is recorded first
  // (retired.h), so that a crash in between does no harm. Any thread; one at a time.
  Result<Retired> Retire(uint64_t before_frame, uint64_t keep_from_frame);

  // The head after the last frame that was staged; after a failure, the durable one.
  [[nodiscard]] ChainHead head() const;
  // The head after the last frame whose sync succeeded.
  [[nodiscard]] ChainHead durable() const;
  // Ok, or why nothing more is taken until the journal is opened again.
  [[nodiscard]] Status status() const;
  [[nodiscard]] const OpenReport& opened() const { return report_; }
  [[nodiscard]] const JournalId& journal_id() const { return segment_.journal_id; }
  // The segment that the next frame goes to, and its bytes up to the end of the last one staged.
  [[nodiscard]] uint64_t segment_number() const { return segment_.number; }
  [[nodiscard]] uint64_t segment_bytes() const { return offset_; }

 private:
  // A frame on its way to the disk, and the segment that it begins, if it does.
  struct Staged {
    std::string bytes;
    uint64_t offset = 0;
    ChainHead head;
    uint64_t file_bytes = 0;  // that the segment's file has at least, before this frame
    uint64_t begins = 0;      // number of the segment; 0: it follows the frame before
    std::string segment_header;
    std::unique_ptr<File> prepared;  // written ahead
  };
  // A segment's file that is being written ahead.
  struct Ahead {
    uint64_t number = 0;
    std::unique_ptr<File> file;
    uint64_t bytes = 0;  // written and synced
    bool ready = false;
  };

  Journal(FileSystem& files, std::string folder, const Options& options)
      : files_(files), folder_(std::move(folder)), options_(options) {}

  Status Recover();
  Status CheckMustHold(const ChainHead& head, bool at_end) const;
  Status RepairTail(const JournalReader& reader);
  Status RemoveAhead();
  Status Create();
  Result<ChainHead> StageFrame(FrameKind kind, Seq last_seq,
                               std::span<const std::string_view> records);
  Status BeginSegment(Staged* staged);
  Status Write(Staged* staged);
  Status StartSegment(Staged* staged);
  Status ExtendCurrent();
  void SetAheadEnd(uint64_t end);
  Result<bool> PrepareStep(size_t segments);
  void LookAhead();
  Status WriteAheadStep(Ahead* ahead);
  [[nodiscard]] uint64_t BlockBytes(const Staged& staged) const;
  Status WriteZeros(File* file, uint64_t offset, uint64_t bytes);
  Result<std::unique_ptr<File>> TakePrepared(uint64_t number);
  Status Stop(const Status& why);
  void SetHead(const ChainHead& head);
  void AheadLoop();
  [[nodiscard]] bool AheadOfNeed() const;
  [[nodiscard]] std::string Path(uint64_t number) const;
  [[nodiscard]] std::string AheadPath(uint64_t number) const;

  FileSystem& files_;
  const std::string folder_;
  const Options options_;
  std::unique_ptr<FileLock> lock_;
  OpenReport report_;
  Blocks zeros_;  // kAheadStepBytes, or as many as a segment has

  // Whoever holds stage_mutex_ may change where the next frame will stand.
  std::mutex stage_mutex_;
  SegmentHeader segment_;
  uint64_t offset_ = 0;     // end of the last staged frame
  uint64_t ahead_end_ = 0;  // bytes of this segment's file that are there already
  // For a look in passing: what is between the two, and whether the file is all there.
  std::atomic<uint64_t> room_ = 0;
  std::atomic<bool> whole_ = false;

  // Whoever holds sync_mutex_ may touch the file.
  std::mutex sync_mutex_;
  std::unique_ptr<File> file_;
  BlockWriter blocks_;  // of file_

  // Whoever holds prepare_mutex_ may touch the segments that are written ahead: the next one and,
  // with a thread for it, the one behind it.
  std::mutex prepare_mutex_;
  std::array<Ahead, 2> next_;
  // For a look in passing: what is written of the first that is not ready, whether that is the next
  // one, and the most that MakeRoom was asked for.
  std::atomic<uint64_t> ahead_bytes_ = 0;
  std::atomic<bool> next_ready_ = false;
  std::atomic<uint64_t> asked_ = 0;

  mutable std::mutex mutex_;  // of what follows; held for a moment only
  std::deque<std::unique_ptr<Staged>> staged_;
  std::vector<std::unique_ptr<Staged>> spare_;  // for their buffers
  ChainHead head_;                              // changed with stage_mutex_ held too
  ChainHead durable_;
  Status stopped_;

  // The thread that writes ahead.
  std::condition_variable ahead_wanted_;
  bool ahead_taken_ = false;
  bool ahead_stop_ = false;
  std::thread ahead_thread_;
};

// What a journal holds, read from its first frame to its last without writing.
struct Inspection {
  JournalId journal_id{};
  CipherId cipher_id = CipherId::kNone;
  uint64_t segments = 0;
  uint64_t frames = 0;  // batches and seals
  uint64_t seals = 0;
  uint64_t records = 0;
  uint64_t record_bytes = 0;
  uint64_t frame_bytes = 0;  // with headers and padding
  ChainHead head;
  bool sealed = false;
  std::string seal;
  Tail tail;
};
Result<Inspection> Inspect(FileSystem& files, const std::string& folder,
                           const ReadOptions& options = {});

}  // namespace credence::journal
