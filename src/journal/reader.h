#pragma once
// JournalReader: streams the frames of a journal in order, verifying each, and never writes.
//
// All well: Next returns true and a frame; false at the end, after which tail() says how the
// journal ends. On damage Next (or Open) returns kDataLoss with "segment N offset M: …" and every
// later Next the same. Not an error: an unfinished last frame or an unstarted last segment (a crash
// leaves them; the writer cuts them on its next open), and zeros after the last frame (a segment
// written ahead). A file that turns out shorter than it said is kIoError, never an end: a short
// read must not cut anything.
//
// Reading beside a live writer of the same process: give until_frame a durable frame and raise it
// with set_until_frame; Next may be called again after it returned false. A journal that another
// process is writing cannot be read to its very end: half a frame in the page cache may look like
// damage. One thread at a time. Memory: one frame, at most kFrameBytesMax, or 256 KiB.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/journal/format.h"

namespace credence::journal {

struct ReadOptions {
  // The first frame to be returned; earlier ones of its segment are verified in passing. Beyond the
  // end: none are returned, but the last segment is verified. 0 and 1 mean all.
  uint64_t from_frame = 1;
  // Frames whose last sequence is before this one are not returned. 0 means all.
  Seq from_seq;
  // The last frame to be returned.
  uint64_t until_frame = UINT64_MAX;
  // The number that the oldest segment must have. 0: what the journal itself says of its retired
  // segments (retired.h), or 1.
  uint64_t first_segment = 0;
};

enum class TailKind : uint8_t {
  kClean,             // the last frame is whole; nothing but zeros after it
  kUnfinishedFrame,   // an incomplete frame stands at the end; it was never acknowledged
  kUnstartedSegment,  // the last segment's file has no whole header and holds nothing else
};

struct Tail {
  TailKind kind = TailKind::kClean;
  uint64_t segment = 0;  // where the next frame would stand; 0 if there is no started segment
  uint64_t offset = 0;
  uint64_t bytes =
      0;  // of the unfinished frame or unstarted segment, as far as they lie in the file
};

class JournalReader {
 public:
  // kNotFound if the folder holds no segment at all. `files` must outlive the reader.
  static Result<std::unique_ptr<JournalReader>> Open(FileSystem& files, const std::string& folder,
                                                     const ReadOptions& options = {});

  // true: `*frame` is the next one. false: the end, or until_frame was reached.
  Result<bool> Next(FrameView* frame);
  void set_until_frame(uint64_t frame) {
    // What was read where the end was then shows zeros in place of the frames that came since.
    if (frame > options_.until_frame) window_.clear();
    options_.until_frame = frame;
  }

  // The head after the last frame that was verified (returned or passed over).
  [[nodiscard]] const ChainHead& head() const { return head_; }
  // The head before the first frame that is verified: where this reading starts.
  [[nodiscard]] const ChainHead& start() const { return start_; }
  // Meaningful once Next has returned false with until_frame not reached.
  [[nodiscard]] const Tail& tail() const { return tail_; }
  // The segment being read; number 0 if the journal holds only an unstarted one.
  [[nodiscard]] const SegmentHeader& segment() const { return segment_; }
  // Numbers of the segment files, rising.
  [[nodiscard]] const std::vector<uint64_t>& segments() const { return segments_; }
  // The kind and whole bytes of the last verified frame, and where it stands; bytes empty before
  // the first.
  struct LastFrame {
    FrameKind kind = FrameKind::kBatch;
    uint64_t segment = 0;
    uint64_t offset = 0;
    uint64_t bytes = 0;
    bool sealed() const { return bytes > 0 && kind == FrameKind::kSeal; }
  };
  [[nodiscard]] const LastFrame& last_frame() const { return last_; }
  // The bytes of the seal, if the last verified frame is one.
  [[nodiscard]] const std::string& seal() const { return seal_; }

 private:
  enum class Step : uint8_t { kFrame, kEnd, kUnfinished };

  JournalReader(FileSystem& files, std::string folder, const ReadOptions& options)
      : files_(files), folder_(std::move(folder)), options_(options) {}

  Status LearnRetired();
  Status ListSegments();
  Status FindStart();
  // Opens segment `number` and reads its header; `*started` is false if it has none and nothing
  // else.
  Status OpenSegment(uint64_t number, bool* started);
  // Moves to the next segment; false if there is none that has been started.
  Result<bool> Advance();
  Result<Step> ReadFrame(FrameView* frame);
  Result<Step> TryReadFrame(FrameView* frame);
  Result<Step> WithoutHeader();
  Status CheckHeader(const FrameHeader& header) const;
  Status ParseFrame(const FrameHeader& header, std::string_view bytes, FrameView* frame) const;
  Result<Step> UnlessTorn(const FrameHeader& header, std::string_view bytes, Status damage);
  Result<bool> NextInner(FrameView* frame);
  // `size` bytes at `offset` of the current file, which must lie inside size_.
  Result<std::string_view> Load(uint64_t offset, uint64_t size);
  // The offset after the last byte in [from, size_) that is not zero; `from` if all are.
  Result<uint64_t> EndOfBytes(uint64_t from);
  Result<Step> Unfinished(uint64_t end);
  [[nodiscard]] bool HasSegmentAfter(uint64_t number) const;

  FileSystem& files_;
  std::string folder_;
  ReadOptions options_;
  ChainHead retired_;  // the head before the first segment, where the journal says it
  std::vector<uint64_t> segments_;
  Status failed_;

  std::unique_ptr<File> file_;
  SegmentHeader segment_;
  uint64_t size_ = 0;    // of the file, when last asked
  uint64_t offset_ = 0;  // of the next frame
  ChainHead head_;
  ChainHead start_;
  LastFrame last_;
  std::string seal_;
  Tail tail_;

  std::string window_;  // bytes of the file from window_offset_
  uint64_t window_offset_ = 0;
};

}  // namespace credence::journal
