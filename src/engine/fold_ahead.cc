#include "src/engine/fold_ahead.h"

#include <algorithm>

#include "src/base/digest.h"
#include "src/thread/thread.h"

namespace credence::engine {

using record::Event;

FoldAhead::FoldAhead(Core* core, bool read_entities)
    : core_(*core),
      read_entities_(read_entities),
      settled_(core->state.entities.settled()),
      thread_([this] { Work(); }) {}

FoldAhead::~FoldAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }
  Stop();
}

void FoldAhead::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Status FoldAhead::Finish() {
  if (thread_.joinable()) Stop();
  const std::lock_guard lock(mutex_);
  return failed_;
}

// One that was used before keeps its memory.
std::unique_ptr<DecodedFrame> FoldAhead::Room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kFramesMax; });
  if (spare_.empty()) return std::make_unique<DecodedFrame>();
  auto frame = std::move(spare_.back());
  spare_.pop_back();
  return frame;
}

void FoldAhead::WaitUntilIdle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !folding_; });
}

Status FoldAhead::Push(const journal::FrameView& view) {
  std::unique_ptr<DecodedFrame> frame = Room();
  frame->Copy(view);
  // What cannot be decoded is named by the fold, when all before it has been folded.
  frame->decoded = Core::Decode(frame.get());
  const bool changes_pack = std::any_of(
      frame->records.begin(), frame->records.end(),
      [](const auto& record) { return std::holds_alternative<record::Activation>(record); });
  if (!changes_pack) ReadEntities(frame.get());
  {
    const std::lock_guard lock(mutex_);
    CREDENCE_TRY(failed_);
    waiting_.push_back(std::move(frame));
  }
  changed_.notify_all();
  if (changes_pack) {
    // What comes next is of another pack, and its entities may be other rows.
    WaitUntilIdle();
    asked_.clear();
  }
  return {};
}

// The pack and what the table knows of its store change only in frames that are waited for.
void FoldAhead::ReadEntities(DecodedFrame* frame) {
  const State& state = core_.state;
  if (!read_entities_ || state.pack == nullptr) return;
  frame->ahead.settled = settled_.load(std::memory_order_acquire);
  const auto& types = state.pack->schema.event_types;
  for (const record::AnyRecord& record : frame->records) {
    const auto* event = std::get_if<Event>(&record);
    if (event == nullptr) continue;
    if (event->type >= types.size() || event->fields.size() != types[event->type].fields.size()) {
      return;  // the fold says so
    }
    state.Touched(*event, &touched_);
    for (const EntityRef& ref : touched_) {
      const uint64_t hash = Hash64(ref.key);
      // Two entities of one number: one of them is read when it is asked for.
      if (!asked_.insert(hash + ref.entity).second) continue;
      frame->ahead.rows.push_back({ref, hash, 0, std::nullopt});
    }
  }
  state.entities.ReadAhead(&frame->ahead);
}

void FoldAhead::Work() {
  thread::Begin("fold", thread::Urgency::kOrdinary);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::unique_ptr<DecodedFrame> frame = std::move(waiting_.front());
    waiting_.pop_front();
    const bool failed = !failed_.ok();
    folding_ = true;
    lock.unlock();
    changed_.notify_all();
    Status status;
    if (!failed) {
      status = core_.FoldDecoded(frame.get());
      settled_.store(core_.state.entities.settled(), std::memory_order_release);
      events_.store(core_.events_folded(), std::memory_order_relaxed);
    }
    frame->Clear();
    lock.lock();
    if (!status.ok()) {
      failed_ = status.WithContext("segment " + std::to_string(frame->frame.segment) + " offset " +
                                   std::to_string(frame->frame.offset));
    }
    folding_ = false;
    spare_.push_back(std::move(frame));
    changed_.notify_all();
  }
}

}  // namespace credence::engine
