#pragma once
// Journal: the one writer of a segmented, checksummed, hash-chained log of opaque bytes. One batch
// is one frame, one write and one sync; when Append returns ok the batch is on disk. Format and
// recovery rule: docs/formats/journal.md; limits: format.h; reading: reader.h.
//
// On failure: InvalidArgument and OutOfRange say that nothing was done and the journal goes on.
// After any failed write, sync or change of segment the object refuses everything with
// kUnavailable: what is on disk is unknown, and only reopening finds out (the failed batch may be
// there, whole, or may be gone). Open returns kDataLoss with "segment N offset M: …" for damage and
// changes nothing then; kUnavailable if another writer holds the journal. Not an error: an
// incomplete last frame, which is cut and reported.
//
// The caller owns `files`, which must outlive the journal. One thread at a time; any thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/base/file.h"
#include "src/journal/format.h"
#include "src/journal/reader.h"

namespace credence::journal {

struct Options {
  // A new segment is begun when a frame would end beyond this size. A frame that is larger gets a
  // segment of its own. kSegmentBytesMin to kSegmentBytesMax; small segments cost two syncs each.
  uint64_t segment_bytes = kSegmentBytesDefault;
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
  uint64_t first_segment = 1;
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
  ~Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Appends one batch that holds the sequences from head().last_seq + 1 to `last_seq` (equal to
  // head().last_seq if it holds none), and syncs. At least one record. The new head.
  Result<ChainHead> Append(Seq last_seq, std::span<const std::string_view> records);

  // Appends a seal that carries `bytes` (at most kSealBytesMax), and syncs. The journal then takes
  // nothing more; a later Open appends behind the seal.
  Result<ChainHead> Seal(std::string_view bytes);

  [[nodiscard]] const ChainHead& head() const { return head_; }
  [[nodiscard]] const OpenReport& opened() const { return report_; }
  [[nodiscard]] const JournalId& journal_id() const { return segment_.journal_id; }
  // The segment that is written now, and its bytes up to the end of the last frame.
  [[nodiscard]] uint64_t segment_number() const { return segment_.number; }
  [[nodiscard]] uint64_t segment_bytes() const { return offset_; }

 private:
  Journal(FileSystem& files, std::string folder, const Options& options)
      : files_(files), folder_(std::move(folder)), options_(options) {}

  Status Recover();
  Status CheckMustHold(const ChainHead& head, bool at_end) const;
  Status RepairTail(const JournalReader& reader);
  Status StartSegment(uint64_t number, const JournalId& id);
  Result<ChainHead> AppendFrame(FrameKind kind, Seq last_seq,
                                std::span<const std::string_view> records);
  Status WriteFrame(FrameKind kind, Seq last_seq, std::span<const std::string_view> records,
                    uint64_t frame_bytes, ChainHead* head);
  [[nodiscard]] std::string Path(uint64_t number) const;

  FileSystem& files_;
  const std::string folder_;
  const Options options_;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<File> file_;
  SegmentHeader segment_;
  uint64_t offset_ = 0;  // end of the last frame
  ChainHead head_;
  OpenReport report_;
  Status stopped_;  // why nothing more is taken
  std::string frame_;
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
