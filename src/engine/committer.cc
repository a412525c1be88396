#include "src/engine/committer.h"

#include "src/thread/thread.h"

namespace credence::engine {

Committer::Committer(journal::Journal* journal, bool own_thread) : journal_(journal) {
  if (!own_thread) return;
  thread_ = std::thread([this] {
    thread::Begin("journal", thread::Urgency::kPrompt);
    Loop();
  });
}

Committer::~Committer() {
  if (!thread_.joinable()) {
    CommitQueued();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

void Committer::Submit(std::shared_ptr<Batch> batch) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(batch));
  }
  if (thread_.joinable()) submitted_.notify_one();
}

void Committer::CommitQueued() {
  taken_.swap(queue_);
  Commit(taken_);
  taken_.clear();
}

Status Committer::Wait(const Batch& batch) {
  if (!thread_.joinable()) {
    if (!batch.done) CommitQueued();
  } else if (!batch.done) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return batch.done.load(); });
  }
  return batch.status;
}

void Committer::WaitAll() {
  if (!thread_.joinable()) return CommitQueued();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return queue_.empty() && !working_; });
}

void Committer::set_on_done(std::function<void()> on_done) {
  WaitAll();
  const std::lock_guard lock(mutex_);
  on_done_ = std::move(on_done);
}

void Committer::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    submitted_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    taken_.swap(queue_);
    working_ = true;
    lock.unlock();
    Commit(taken_);
    taken_.clear();
    lock.lock();
    working_ = false;
    done_.notify_all();
  }
}

void Committer::Commit(std::span<const std::shared_ptr<Batch>> batches) {
  for (const std::shared_ptr<Batch>& batch : batches) {
    Encode(*batch);
    encoded_.push_back(batch.get());
    if (batch->ends_frame || bytes_.size() > kGroupBytes || &batch == &batches.back()) {
      Flush();
      FinishEncoded();
    }
  }
}

void Committer::Encode(const Batch& batch) {
  for (const Batch::Record& record : batch.records) {
    if (!failed_.ok()) return;
    if (record.command.empty()) {
      record::EncodeEvent(record.event, &bytes_);
    } else {
      bytes_ += record.command;
    }
    ends_.push_back(bytes_.size());
    if (record.decision != nullptr) {
      record::EncodeDecision(*record.decision, &bytes_);
      ends_.push_back(bytes_.size());
    }
    last_seq_ = record.seq;
    if (bytes_.size() > kFrameRecordBytes) Flush();
  }
}

void Committer::Flush() {
  if (ends_.empty()) return;
  views_.clear();
  size_t begin = 0;
  for (const size_t end : ends_) {
    views_.push_back(std::string_view(bytes_).substr(begin, end - begin));
    begin = end;
  }
  const auto head = journal_->Append(last_seq_, views_);
  bytes_.clear();
  ends_.clear();
  if (head.ok()) {
    head_ = *head;
  } else {
    failed_ = head.status();
  }
}

void Committer::FinishEncoded() {
  {
    // Also those without records: they may speak of what a lost one held (a duplicate does).
    const std::lock_guard lock(mutex_);
    for (Batch* batch : encoded_) {
      batch->status = failed_;
      batch->head = head_;
      batch->done = true;
    }
  }
  encoded_.clear();
  done_.notify_all();
  if (on_done_) on_done_();
}

}  // namespace credence::engine
