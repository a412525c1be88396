#pragma once
// Projector: keeps a store's read model (projection/read_model.h) behind its journal: opens the
// one, follows the other (study/tail.h), gives the names of the store's packs. What `credence
// project` runs to the journal's end, and what a server runs beside its writer.
//
// A read model that does not fit the journal is begun anew. Where the journal's beginning is
// retired, the model begins with what is held.
//
// Threads. CatchUp: one thread, before Start or instead of it. Start gives the work to a thread of
// low priority (Linux: nice 10), which ends when the head is stopped. The rest: any thread.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "src/base/file.h"
#include "src/base/status.h"
#include "src/projection/read_model.h"
#include "src/study/tail.h"

namespace credence::api {

// The read model of the store in `store`: <store>/read-model.sqlite.
[[nodiscard]] std::string ReadModelPath(const std::string& store);

struct ProjectorOptions {
  // Begin from nothing.
  bool remake = false;
  // Look through the whole file first (see projection::Options::check).
  bool check = false;
  // Live: at least so long between two transactions, so that many small frames make one of them.
  std::chrono::milliseconds interval{50};
  // After a failure that may pass (a full disk) it is tried again after this.
  std::chrono::milliseconds retry{1'000};
};

class Projector {
 public:
  // `store` holds journal/ and artefacts/; `durable` frames of the journal are on disk
  // (study::kWholeJournal where nobody writes). `files` outlives the projector. kNotFound if there
  // is no journal; kUnavailable if another process folds into the file.
  static Result<std::unique_ptr<Projector>> Open(FileSystem& files, const std::string& store,
                                                 uint64_t durable,
                                                 const ProjectorOptions& options = {});
  ~Projector();

  // Folds up to the frame `durable`. `on_progress` gets the last sequence after each batch.
  Status CatchUp(uint64_t durable, const std::function<void(uint64_t seq)>& on_progress = {});
  // Follows `head`, which outlives the projector or its Finish. Once.
  void Start(study::DurableHead* head);
  // After head->Stop(): waits for the thread, and closes the file in order. The first failure that
  // did not pass, of following or of closing.
  Status Finish();

  // What was folded.
  [[nodiscard]] projection::AsOf folded() const;
  // Waits until the sequence was folded, at most so long; whether it was.
  bool WaitFor(Seq seq, std::chrono::milliseconds time);
  // Ok, or why it stands still: a failure that is tried again, or the one that ended it.
  [[nodiscard]] Status status() const;
  // Why the model was begun anew; empty if it was not, or was not there.
  [[nodiscard]] std::string remade() const;
  [[nodiscard]] uint64_t BytesOnDisk() const {
    return projection::ReadModelBytes(ReadModelPath(store_));
  }

 private:
  Projector(FileSystem& files, std::string store, const ProjectorOptions& options)
      : files_(files), store_(std::move(store)), options_(options) {}
  Status OpenBoth(uint64_t durable, bool remake);
  Status FoldNext(uint64_t durable, bool* more);
  void Loop();
  void Rest();
  void Note(const Status& status);

  FileSystem& files_;
  const std::string store_;
  const ProjectorOptions options_;
  std::unique_ptr<projection::ReadModel> model_;
  std::unique_ptr<study::JournalTail> tail_;
  study::TailBatch batch_;
  study::DurableHead* head_ = nullptr;
  std::chrono::steady_clock::time_point resumed_;  // when it last rested

  std::atomic<int> awaited_ = 0;  // by so many in WaitFor
  mutable std::mutex mutex_;
  std::condition_variable advanced_;
  projection::AsOf folded_;
  Status status_;
  std::string remade_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace credence::api
