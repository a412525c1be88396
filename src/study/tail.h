#pragma once
// Following a journal behind its writer, and reading one record of it by where it stands.
//
// DurableHead is how the writer says what is on disk, and how a follower waits for it without
// spinning. JournalTail reads the frames up to there, across segments and also in segments that are
// written ahead (zeros after the last frame); it never writes and never reads beyond what it is
// told to be durable. In the writer's process that is what makes it safe: half a frame is never
// looked at. A journal that nobody writes is followed to its end with kWholeJournal.
//
// Threads. DurableHead: any thread. JournalTail: one thread at a time, any but the writer's too.
// The functions: any thread; `files` must bear it (the real one does).

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/file.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/journal/reader.h"
#include "src/record/fact.h"
#include "src/study/verify.h"

namespace credence::study {

class DurableHead {
 public:
  // `frames` frames are on disk. What is less than before is passed over.
  void Publish(uint64_t frames);
  [[nodiscard]] uint64_t frames() const;
  // Waits until more than `frames` are durable, and returns how many; 0 once Stop was called.
  uint64_t WaitBeyond(uint64_t frames);
  // Waits so long, or until Stop was called: true then. For a follower that is to go slowly.
  bool StoppedWithin(std::chrono::microseconds time);
  void Stop();

 private:
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::condition_variable stop_;  // of those who go slowly: growth does not wake them
  uint64_t frames_ = 0;
  bool stopped_ = false;
};

inline constexpr uint64_t kWholeJournal = UINT64_MAX;
inline constexpr size_t kTailFramesMax = 2'048;                 // of one batch
inline constexpr uint64_t kTailBatchBytes = uint64_t{4} << 20;  // a batch ends where it passes this

// A frame of a batch; its records point into the batch.
struct TailFrame {
  uint64_t index = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
  Seq first_seq;
  Seq last_seq;  // before first_seq: a seal, without records
  Digest chain;
  std::vector<std::string_view> records;
};

// Frames that were read at one go. Reused from call to call.
class TailBatch {
 public:
  [[nodiscard]] const std::vector<TailFrame>& frames() const { return frames_; }

 private:
  friend class JournalTail;
  std::vector<TailFrame> frames_;
  std::vector<std::string> bodies_;
};

// Where a follower stands: the last frame that it has taken. `frame` 0: none.
struct TailPosition {
  uint64_t frame = 0;
  Digest chain;  // after it
};

class JournalTail {
 public:
  // `folder` holds the segments; `durable` frames are on disk. kDataLoss if the journal does not
  // hold the frame that `after` names (another history, or a shorter one). kNotFound if frames
  // after it are retired, or there is no journal. A follower that begins from nothing begins with
  // the oldest frame that is held.
  static Result<std::unique_ptr<JournalTail>> Open(FileSystem& files, const std::string& folder,
                                                   const TailPosition& after, uint64_t durable);

  // The next frames up to the frame `durable`; none if there are none. kDataLoss on damage.
  Status Next(uint64_t durable, TailBatch* batch);
  [[nodiscard]] const TailPosition& position() const { return position_; }
  // Frames before the oldest that was held when it was opened, of a follower that began from
  // nothing.
  [[nodiscard]] uint64_t retired_frames() const { return reader_->start().frames; }

 private:
  std::unique_ptr<journal::JournalReader> reader_;
  TailPosition position_;
};

// The identity of the journal in `folder`.
Result<journal::JournalId> ReadJournalId(FileSystem& files, const std::string& folder);

// Where a frame stands.
struct FramePlace {
  uint64_t frame = 0;
  uint64_t segment = 0;
  uint64_t offset = 0;
};

// The records with sequence `seq` of the frame that stands there, whole and checked (its checksum;
// the chain only by `credence verify`): an event, a decision, both, or a command. kNotFound if the
// segment is retired or the frame holds no such sequence; kDataLoss if another frame stands there
// or it is damaged.
Result<std::vector<std::string>> ReadRecords(FileSystem& files, const std::string& folder,
                                             const FramePlace& place, Seq seq);

// Gives the pack with this digest; a server keeps the packs that it has loaded.
using PackSource = std::function<Result<std::shared_ptr<const pack::Pack>>(const Digest& digest)>;

struct StoredDecision {
  FoundDecision found;  // with the explanation, made again from the record's slots
  std::string event;    // the record of the event that asked, for record::DecodeEvent
};

// The decision `seq` and the event that asked, each at its place (the same one but for a decision
// that was parked and resumed).
Result<StoredDecision> ReadDecision(FileSystem& files, const std::string& folder, Seq seq,
                                    const FramePlace& place, const FramePlace& event_place,
                                    const PackSource& packs);

}  // namespace credence::study
