#pragma once
// What an EntityState is made of; only entity_state.cc and entity_codec.cc look inside.

#include <memory>
#include <vector>

#include "src/feature/cursors.h"
#include "src/feature/dictionary.h"
#include "src/feature/entity_state.h"
#include "src/feature/row_log.h"

namespace credence::feature {

struct LogState {
  LogState(const LogPlan& plan, const Tuning& tuning) : row_log(plan, tuning) {}
  LogState(const LogState& other)
      : row_log(other.row_log),
        horizon(other.horizon),
        cursors(other.cursors ? std::make_unique<Cursors>(*other.cursors) : nullptr) {}
  LogState(LogState&&) = default;
  LogState& operator=(const LogState&) = delete;
  LogState& operator=(LogState&&) = delete;

  RowLog row_log;
  int64_t horizon = INT64_MIN;  // rows with time <= horizon do not exist, whether freed yet or not
  std::unique_ptr<Cursors> cursors;
};

struct EntityState::Rep {
  Rep() = default;
  Rep(const Rep&) = default;

  // The newest time that the entity has come to. An event's own time, but not beyond its stamp: one
  // clock that runs ahead must not make all others late.
  int64_t now = INT64_MIN;
  uint64_t reader = 0;       // sequence of the update that set or confirmed `now`
  uint64_t last_update = 0;  // sequence
  uint64_t newest = 0;       // sequence of the last update or reversal
  int64_t stamp = INT64_MIN;
  Dictionary texts;
  std::vector<LogState> logs;
};

}  // namespace credence::feature
