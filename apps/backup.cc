// credence backup, credence restore: a copy of a store that is whole at one frame, and back.

#include "src/study/backup.h"

#include <fmt/format.h>

#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

void Print(const study::BackupReport& report) {
  fmt::print("{}",
             Table({{"frames 批次", Grouped(report.head.frames)},
                    {"last sequence 末序号", Grouped(report.head.last_seq.value())},
                    {"chain head 链首", report.head.chain.ToHex()},
                    {"state hash 状态哈希", report.state_hash ? report.state_hash->ToHex() : "-"},
                    {"checkpoint 检查点", report.checkpoint_frame > 0
                                              ? "at frame " + Grouped(report.checkpoint_frame)
                                              : "none"},
                    {"copied 已复制", fmt::format("{} segments, {} artefacts, {}", report.segments,
                                                  report.artefacts, Bytes(report.bytes))}}));
}

int Done(const Result<study::BackupReport>& report, const char* what) {
  if (!report.ok()) return Fail(report.status());
  Print(*report);
  if (report->checkpoint_in_use) {
    fmt::print(
        "the checkpoint was left out, since a writer has the store: what is restored takes longer "
        "to "
        "start\n写入进程正在使用检查点，未予复制；恢复后首次启动较慢\n");
  }
  fmt::print("{}\n", what);
  return 0;
}

}  // namespace

Action AddBackup(CLI::App* app) {
  auto store = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  app->add_option("store", *store, "folder of the store")->required();
  app->add_option("to", *to, "new or empty folder for the copy")->required();
  app->footer(
      "Another process may be writing the store: the copy holds every batch but the one that may "
      "be "
      "on its way, and no checkpoint.\nWith no writer the checkpoint is copied too. The copy is "
      "read and folded before it is called a backup. Keys of personal "
      "fields "
      "are not part of a store: keep them apart.\n"
      "备份期间可继续写入；完成后即时核验。\nExample:\n"
      "  credence backup run/bank safe/bank-monday");
  return [store, to] {
    journal::PosixFileSystem files;
    study::BackupOptions options;
    options.stores = BackingIn;
    return Done(study::Backup(files, *store, *to, options), "BACKED UP 备份完成");
  };
}

Action AddRestore(CLI::App* app) {
  auto from = std::make_shared<std::string>();
  auto store = std::make_shared<std::string>();
  app->add_option("from", *from, "folder of the backup")->required();
  app->add_option("store", *store, "folder of the store to be made; it must not be there")
      ->required();
  app->footer(
      "The backup is checked against its own record: chain head and state hash. Nothing is "
      "overwritten.\n恢复前核对链首与状态哈希，绝不覆盖已有数据。\nExample:\n"
      "  credence restore safe/bank-monday run/bank");
  return [from, store] {
    journal::PosixFileSystem files;
    return Done(study::Restore(files, *from, *store, BackingIn), "RESTORED 恢复完成");
  };
}

}  // namespace credence::apps
