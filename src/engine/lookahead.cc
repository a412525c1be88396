#include "src/engine/lookahead.h"

#include "src/base/assert.h"

namespace credence::engine {

void Lookahead::Begin(const State& state, std::span<const record::Event> events) {
  state_ = &state;
  events_ = events;
  steps_ = 0;
  turn_ = 0;
  keys_.clear();
  touches_.clear();
  ends_.clear();
  while (steps_ < kStages) Step();
}

void Lookahead::Next() {
  ++turn_;
  CREDENCE_ASSERT(turn_ < events_.size());
  Step();
}

void Lookahead::Step() {
  for (size_t stage = kStages; stage-- > 1;) {
    if (steps_ < stage) continue;
    const size_t event = steps_ - stage;
    if (event < events_.size()) Warm(event, stage);
  }
  if (steps_ < events_.size()) LookAt(steps_);
  ++steps_;
}

void Lookahead::LookAt(size_t index) {
  const record::Event& event = events_[index];
  keys_.push_back(EventKey::Of(event.source, event.id));
  state_->once.Warm(keys_.back());
  const pack::Pack* const pack = state_->pack.get();
  const bool known = pack != nullptr && event.type < pack->schema.event_types.size() &&
                     event.fields.size() == pack->schema.event_types[event.type].fields.size();
  if (known) {
    state_->Touched(event, &refs_);
    for (const EntityRef& ref : refs_) {
      touches_.push_back({ref});
      state_->entities.WarmSlot(&touches_.back());
    }
  }
  ends_.push_back(touches_.size());
}

void Lookahead::Warm(size_t event, size_t stage) {
  for (EntityTable::Touch& touch : TouchesOf(event)) {
    if (stage == 1) {
      state_->entities.GuessEntry(&touch);
      continue;
    }
    if (stage == 2) state_->entities.CheckEntry(&touch);
    if (touch.entry == nullptr) continue;
    const int level = static_cast<int>(stage) - 2;
    touch.state().Warm(level);
    touch.state().WarmTexts(level, state_->pack->features, events_[event]);
  }
}

}  // namespace credence::engine
