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
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  submitted_.notify_one();
  thread_.join();
}

void Committer::Submit(std::shared_ptr<Batch> batch) {
  if (!thread_.joinable()) {
    Commit(batch.get());
    batch->done = true;
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(batch));
  }
  submitted_.notify_one();
}

Status Committer::Wait(const Batch& batch) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return batch.done; });
  return batch.status;
}

void Committer::WaitAll() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return queue_.empty(); });
}

void Committer::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    submitted_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Batch* batch = queue_.front().get();
    lock.unlock();
    Commit(batch);
    lock.lock();
    batch->done = true;
    queue_.pop_front();
    done_.notify_all();
  }
}

void Committer::Commit(Batch* batch) {
  // A batch without records may speak of what a lost one held (a duplicate does).
  batch->status = failed_;
  if (!failed_.ok()) return;
  for (const Batch::Record& record : batch->records) {
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
    if (bytes_.size() > kFrameRecordBytes || &record == &batch->records.back()) {
      failed_ = batch->status = Flush(record.seq, batch);
      if (!failed_.ok()) return;
    }
  }
}

Status Committer::Flush(Seq last_seq, Batch* batch) {
  views_.clear();
  size_t begin = 0;
  for (const size_t end : ends_) {
    views_.push_back(std::string_view(bytes_).substr(begin, end - begin));
    begin = end;
  }
  const auto head = journal_->Append(last_seq, views_);
  bytes_.clear();
  ends_.clear();
  if (!head.ok()) return head.status();
  batch->head = *head;
  return {};
}

}  // namespace credence::engine
