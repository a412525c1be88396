#pragma once
// What an EntityState is made of; only entity_state.cc and entity_codec.cc look inside.

#include <memory>
#include <new>
#include <span>

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

// The logs follow in the same block of memory, in the order of EntityPlan::logs.
struct EntityState::Rep {
  static std::unique_ptr<Rep> Make(const EntityPlan& plan, const Tuning& tuning) {
    std::unique_ptr<Rep> rep(new (Logs{plan.logs.size()}) Rep());
    for (const LogPlan& log : plan.logs) new (rep->NextLog()) LogState(log, tuning);
    return rep;
  }
  static std::unique_ptr<Rep> Copy(const Rep& other) {
    std::unique_ptr<Rep> rep(new (Logs{other.log_count}) Rep());
    rep->now = other.now;
    rep->reader = other.reader;
    rep->last_update = other.last_update;
    rep->last_time = other.last_time;
    rep->newest = other.newest;
    rep->stamp = other.stamp;
    rep->texts = other.texts;
    for (const LogState& log : other.logs()) new (rep->NextLog()) LogState(log);
    return rep;
  }
  Rep(const Rep&) = delete;
  Rep& operator=(const Rep&) = delete;
  ~Rep() { std::destroy_n(logs().data(), log_count); }
  static void operator delete(void* block) { ::operator delete(block); }

  [[nodiscard]] std::span<LogState> logs() {
    return {reinterpret_cast<LogState*>(this + 1), log_count};
  }
  [[nodiscard]] std::span<const LogState> logs() const {
    return {reinterpret_cast<const LogState*>(this + 1), log_count};
  }

  // The newest time that the entity has come to. An event's own time, but not beyond its stamp: one
  // clock that runs ahead must not make all others late.
  int64_t now = INT64_MIN;
  uint64_t reader = 0;            // sequence of the update that set or confirmed `now`
  uint64_t last_update = 0;       // sequence
  int64_t last_time = INT64_MIN;  // of the last update, where this state saw it
  uint64_t newest = 0;            // sequence of the last update or reversal
  int64_t stamp = INT64_MIN;
  Dictionary texts;
  size_t log_count = 0;

 private:
  struct Logs {
    size_t count;
  };
  Rep() = default;
  static void* operator new(size_t size, Logs logs) {
    return ::operator new(size + logs.count * sizeof(LogState));
  }
  static void operator delete(void* block, Logs /*logs*/) { ::operator delete(block); }
  void* NextLog() { return reinterpret_cast<LogState*>(this + 1) + log_count++; }
};

}  // namespace credence::feature
