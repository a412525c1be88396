#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands.h"

int main(int argc, char** argv) {
  using credence::apps::Action;
  CLI::App app(
      "Credence: real-time credit decisions from event streams, with reasons and proof\n"
      "信诺：来自事件流的实时信用决策，附理由与证明");
  app.name("credence");
  app.require_subcommand(1);
  app.set_version_flag("--version", "credence 0.1.0");
  app.footer(
      "Examples:\n"
      "  credence pack check packs/bank-account-loan\n"
      "  credence replay packs/bank-account-loan --events loans.ndjson --history --store run/bank\n"
      "  credence verify run/bank\n"
      "  credence inspect run/bank --decision D-000000000042\n"
      "Every command has its own --help with examples.");
  std::vector<std::pair<CLI::App*, Action>> actions;
  const auto add = [&](const char* name, const char* what, Action (*make)(CLI::App*)) {
    CLI::App* command = app.add_subcommand(name, what);
    actions.emplace_back(command, make(command));
  };
  add("serve", "take events and decide over HTTP (启动服务)", credence::apps::AddServe);
  add("replay", "run a file of events through a pack and decide (回放事件)",
      credence::apps::AddReplay);
  add("decide", "say what would be decided on one event; leaves no trace (试算)",
      credence::apps::AddDecide);
  add("verify", "prove that a store gives the same state and decisions (核验)",
      credence::apps::AddVerify);
  add("inspect", "show what journal, state and one decision hold (查看)",
      credence::apps::AddInspect);
  add("key", "keys that sign a store's heads, and keys of the API (密钥)", credence::apps::AddKey);
  add("project", "bring a store's read model (SQLite) up to date, or remake it (读模型)",
      credence::apps::AddProject);
  add("prove", "prove a decision, or that a journal has only grown, to a third party (出具证明)",
      credence::apps::AddProve);
  add("check-proof", "check such a proof; needs no store (查验证明)",
      credence::apps::AddCheckProof);
  add("backup", "copy a store, also while it is written (备份)", credence::apps::AddBackup);
  add("restore", "make a store from a backup (恢复)", credence::apps::AddRestore);
  add("retire", "remove the front of a store's journal, outside every horizon (归档)",
      credence::apps::AddRetire);
  add("pack", "check a pack and show what it holds (配置包)", credence::apps::AddPack);
  add("feel", "evaluate a FEEL expression (表达式)", credence::apps::AddFeel);
  add("dmn", "evaluate, check and test DMN policies (决策表)", credence::apps::AddDmn);
  add("schedule", "the schedule of a loan product, and what it truly costs (还款计划)",
      credence::apps::AddSchedule);
  add("ledger", "accounts and statements of a store (账本)", credence::apps::AddLedger);
  add("simulate", "a seeded live-stream market with its fraud (模拟直播市场)",
      credence::apps::AddSimulate);
  add("bench", "measure how fast this machine decides (基准测试)", credence::apps::AddBench);
  CLI11_PARSE(app, argc, argv);
  for (const auto& [command, action] : actions) {
    if (command->parsed()) return action();
  }
  return 2;
}
