#pragma once
// Lookahead: what the events of a batch will touch, found and asked of the memory some events
// before their turn. Each wait for memory would be a cache miss of its own; so while one event is
// decided, the lines of the next ones are on their way, one link of the chain of pointers further
// with each event that passes.
//
// It changes nothing: an entity that it did not find (an event before made it) is looked for when
// its turn comes.

#include <cstddef>
#include <span>
#include <vector>

#include "src/engine/entity_table.h"
#include "src/engine/once_index.h"
#include "src/engine/state.h"
#include "src/record/event.h"

namespace credence::engine {

class Lookahead {
 public:
  // The first event's turn. All of them, and the state, stay until the next Begin; no entity leaves
  // memory meanwhile, and the pack stays.
  void Begin(const State& state, std::span<const record::Event> events);
  // The turn of the event after.
  void Next();

  // Of the event whose turn it is. Of one whose type or fields the pack does not have there are no
  // touches; else they are in order of the entity's index.
  [[nodiscard]] const EventKey& key() const { return keys_[turn_]; }
  [[nodiscard]] std::span<EntityTable::Touch> touches() { return TouchesOf(turn_); }
  // Of those that Begin was given.
  [[nodiscard]] size_t turn() const { return turn_; }
  [[nodiscard]] size_t events() const { return events_.size(); }

 private:
  // Slots, entries, states, and the levels of EntityState::Warm.
  static constexpr size_t kStages = 2 + feature::EntityState::kWarmLevels;

  // Every event that is looked at comes one stage further.
  void Step();
  void LookAt(size_t event);
  void Warm(size_t event, size_t stage);
  [[nodiscard]] std::span<EntityTable::Touch> TouchesOf(size_t event) {
    const size_t begin = event == 0 ? 0 : ends_[event - 1];
    return std::span(touches_).subspan(begin, ends_[event] - begin);
  }

  const State* state_ = nullptr;
  std::span<const record::Event> events_;
  size_t steps_ = 0;
  size_t turn_ = 0;
  // Of the events that were looked at.
  std::vector<EventKey> keys_;
  std::vector<EntityTable::Touch> touches_;
  std::vector<size_t> ends_;
  std::vector<EntityRef> refs_;  // of one event
};

}  // namespace credence::engine
