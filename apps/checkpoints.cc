#include "apps/checkpoints.h"

#include <fmt/format.h>

#include <cstdio>

#include "src/store/rocks_store.h"

namespace credence::apps {

std::shared_ptr<store::Backing> CheckpointsOf(const std::string& folder) {
  return BackingIn(folder + "/checkpoint");
}

std::shared_ptr<store::Backing> BackingIn(const std::string& folder) {
  return store::RocksAt(folder, engine::TableNames());
}

void AddCheckpointOptions(CLI::App* app, CheckpointUse use, engine::CheckpointOptions* options) {
  app->add_option("--cache-bytes", options->cache_bytes,
                  "memory for entities; the others are read from the checkpoint when they are "
                  "asked for (default 0: all stay in memory) 实体缓存字节数")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  if (use == CheckpointUse::kReads) return;
  app->add_option("--checkpoint-events", options->every_events,
                  "a checkpoint after so many events; 0: none 每多少事件做一次检查点")
      ->capture_default_str();
}

void WarnOfDamage(const std::string& damage) {
  if (damage.empty()) return;
  fmt::print(stderr,
             "credence: the checkpoint is damaged and is not used; the state is made from the "
             "journal ({})\n          检查点已损坏，不予使用；状态由日志重建\n",
             damage);
}

}  // namespace credence::apps
