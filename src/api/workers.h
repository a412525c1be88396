#pragma once
// Workers: a few threads for requests that take longer than an io thread may be held up: reading
// packs, asking the read model. A bounded queue; what does not fit is refused.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace credence::api {

class Workers {
 public:
  Workers(size_t threads, size_t queue_max);
  ~Workers();  // Stop
  // False if the queue is full or the workers are stopping. Any thread.
  bool Run(std::function<void()> work);
  // Does what was taken, then ends. Once.
  void Stop();

 private:
  void Loop();
  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace credence::api
