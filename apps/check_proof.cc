// credence check-proof: what a proof says, for somebody who has the proof and a public key only.

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/key.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"
#include "src/journal/proof.h"
#include "src/record/codec.h"
#include "src/record/fact.h"

namespace credence::apps {

namespace {

struct Options {
  std::string proof;
  std::string key;
  std::string since;
};

using Rows = std::vector<std::vector<std::string>>;

void AddHead(const std::string& what, const journal::TreeHead& head, Rows* rows) {
  rows->push_back({what, fmt::format("{} frames, to sequence {}", Grouped(head.head.frames),
                                     Grouped(head.head.last_seq.value()))});
  rows->push_back({"  root 根哈希", head.root.ToHex()});
  rows->push_back({"  chain 链", head.head.chain.ToHex()});
}

// What the proven record says in itself: codes and numbers. Their texts are the pack's.
Status AddRecord(std::string_view bytes, Rows* rows) {
  Arena arena;
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena));
  const auto add = [&](const char* what, std::string value) {
    if (!value.empty()) rows->push_back({what, std::move(value)});
  };
  if (const auto* decision = std::get_if<record::DecisionRecord>(&any)) {
    add("decision 决策", decision->Id() + "  " + decision->time.ToString());
    add("  outcome 结果",
        decision->needs.empty() ? decision->outcome : "(waits for " + decision->needs + ")");
    std::string reasons;
    for (const std::string& code : decision->reasons)
      reasons += (reasons.empty() ? "" : " ") + code;
    add("  reasons 理由", reasons);
    if (decision->score) add("  score 评分", decision->score->ToString());
    if (decision->probability_of_default) {
      add("  default 违约概率", decision->probability_of_default->ToString());
    }
    add("  pack 配置包", decision->pack.ToHex());
  } else if (const auto* event = std::get_if<record::Event>(&any)) {
    add("event 事件", fmt::format("sequence {}  {}", event->seq.value(), event->time.ToString()));
    add("  source 来源", std::string(event->source));
    add("  id", std::string(event->id));
    add("  digest 内容摘要", event->digest.ToHex());
  } else if (const auto* timers = std::get_if<record::Timers>(&any)) {
    add("timers 定时",
        std::to_string(timers->items.size()) + " fired at " + timers->stamp.ToString());
  } else {
    add("record 记录", "an operator's command; " + std::to_string(bytes.size()) + " bytes");
  }
  return OkStatus();
}

Status CheckRecord(const std::string& text, const journal::PublicKey& key, Rows* rows) {
  CREDENCE_ASSIGN(const auto proof, journal::ParseInclusion(text));
  CREDENCE_ASSIGN(const auto proven, journal::CheckInclusion(proof, key));
  rows->push_back({"proven 已证", "this record is in the journal whose head was signed"});
  CREDENCE_TRY(AddRecord(proven.records[proof.record], rows));
  rows->push_back({"frame 批次", fmt::format("{}, sequences {} to {}, {} records",
                                             Grouped(proof.frame), proven.first_seq.value(),
                                             proven.last_seq.value(), proven.records.size())});
  AddHead("signed head 已签首部", proven.head, rows);
  return OkStatus();
}

Status CheckGrowth(const std::string& text, const journal::PublicKey& key, const std::string& since,
                   Rows* rows) {
  CREDENCE_ASSIGN(const auto proof, journal::ParseConsistency(text));
  CREDENCE_ASSIGN(const auto proven, journal::CheckConsistency(proof, key));
  if (!since.empty()) {
    CREDENCE_ASSIGN(const journal::TreeHead own, journal::OpenHead(since, key));
    if (!(own == proven.older)) {
      return InvalidArgument(
          "the proof does not begin at the head that was given: it speaks of frame " +
          std::to_string(proven.older.head.frames) + ", the head of frame " +
          std::to_string(own.head.frames));
    }
  }
  rows->push_back({"proven 已证", "the journal has only grown: nothing before was changed"});
  AddHead("older head 旧首部", proven.older, rows);
  AddHead("newer head 新首部", proven.newer, rows);
  return OkStatus();
}

Status CheckText(FileSystem& files, const Options& options, Rows* rows) {
  CREDENCE_ASSIGN(const journal::PublicKey key, ReadPublicKey(files, options.key));
  CREDENCE_ASSIGN(const std::string text, ReadGiven(files, options.proof, journal::kProofBytesMax));
  std::string since;
  if (!options.since.empty()) {
    CREDENCE_ASSIGN(since, ReadGiven(files, options.since, journal::kHeadBytesMax));
  }
  rows->push_back({"signed by 签名者", key.name});
  const auto kind = journal::KindOfProof(text);
  if (kind == journal::ProofKind::kConsistency) return CheckGrowth(text, key, since, rows);
  if (!since.empty()) return InvalidArgument("--since goes with a proof of consistency");
  if (kind == journal::ProofKind::kInclusion) return CheckRecord(text, key, rows);
  CREDENCE_ASSIGN(const journal::TreeHead head, journal::OpenHead(text, key));
  rows->push_back({"proven 已证", "the head was signed with this key"});
  AddHead("signed head 已签首部", head, rows);
  return OkStatus();
}

int CheckProof(const Options& options) {
  journal::PosixFileSystem files;
  Rows rows;
  const Status checked = CheckText(files, options, &rows);
  if (!checked.ok()) {
    Fail(checked.message());
    fmt::print("NOT PROVEN 查验未通过\n");
    return 1;
  }
  fmt::print("{}PROVEN 查验通过\n", Table(rows));
  return 0;
}

}  // namespace

Action AddCheckProof(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("proof", options->proof,
                  "file that credence prove wrote: a proof or a signed head; - for standard input")
      ->required();
  app->add_option("--key", options->key, "the signer's public key: a file, or the text itself")
      ->required();
  app->add_option("--since", options->since,
                  "with a proof of growth: it must begin at this signed head, which you kept");
  app->footer(
      "Needs no store, no network and no trust in whoever handed the proof over: only the signer's "
      "public key.\nExit code 0 if the proof holds, 1 if not.\n"
      "只需证明文件与签名者公钥，无需访问系统。\nExamples:\n"
      "  credence check-proof 42.proof --key head.key.pub\n"
      "  credence check-proof week.proof --key head.key.pub --since monday.head");
  return [options] { return CheckProof(*options); };
}

}  // namespace credence::apps
