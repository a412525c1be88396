// credence prove: signed heads and proofs for a third party.

#include "src/study/prove.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "apps/commands.h"
#include "apps/key.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"
#include "src/record/fact.h"

namespace credence::apps {

namespace {

struct Options {
  std::string store;
  std::string key;
  std::string decision;
  uint64_t seq = 0;
  std::string since;
  bool head = false;
  std::string out;
  std::string anchor;
};

// Hands a signed head to an outside command on its standard input.
Status Anchor(const std::string& command, const std::string& head) {
  std::signal(SIGPIPE, SIG_IGN);  // a command that does not read is told by its exit code
  std::FILE* pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) return IoError("cannot start the anchor command: " + command);
  const bool written = std::fwrite(head.data(), 1, head.size(), pipe) == head.size();
  const int status = ::pclose(pipe);
  if (status != 0 || !written) {
    return IoError("the anchor command failed (exit status " + std::to_string(status) +
                   "): " + command);
  }
  return OkStatus();
}

Result<std::string> Make(FileSystem& files, const Options& options, const journal::SecretKey& key) {
  if (!options.decision.empty()) {
    const auto seq = record::DecisionRecord::SeqFromId(options.decision);
    if (!seq) {
      return InvalidArgument("'" + options.decision +
                             "' is no decision id: expected D- and twelve digits");
    }
    return study::ProveRecord(files, options.store, study::ProveWhat::kDecision, *seq, key);
  }
  if (options.seq != 0) {
    return study::ProveRecord(files, options.store, study::ProveWhat::kRecord, Seq(options.seq),
                              key);
  }
  if (!options.since.empty()) {
    CREDENCE_ASSIGN(const std::string older,
                    ReadGiven(files, options.since, journal::kHeadBytesMax));
    return study::ProveGrowth(files, options.store, older, key);
  }
  return study::ProveHead(files, options.store, key);
}

// The head that a text of Make ends with: behind the last empty line before a note.
Result<std::string> HeadOf(const std::string& text) {
  const auto kind = journal::KindOfProof(text);
  if (!kind) return text;
  if (*kind == journal::ProofKind::kInclusion) {
    CREDENCE_ASSIGN(const auto proof, journal::ParseInclusion(text));
    return proof.head;
  }
  CREDENCE_ASSIGN(const auto proof, journal::ParseConsistency(text));
  return proof.newer;
}

int Prove(const Options& options) {
  journal::PosixFileSystem files;
  const int asked = (options.decision.empty() ? 0 : 1) + (options.seq != 0 ? 1 : 0) +
                    (options.since.empty() ? 0 : 1) + (options.head ? 1 : 0);
  if (asked != 1) return Fail("give one of --decision, --seq, --since and --head");
  const auto key = ReadSecretKey(files, options.key);
  if (!key.ok()) return Fail(key.status());
  const auto text = Make(files, options, *key);
  if (!text.ok()) return Fail(text.status());
  if (!options.anchor.empty()) {
    const auto head = HeadOf(*text);
    const Status anchored = head.ok() ? Anchor(options.anchor, *head) : head.status();
    if (!anchored.ok()) return Fail(anchored);
  }
  if (options.out.empty()) {
    fmt::print("{}", *text);
    return 0;
  }
  const Status written = ReplaceFile(files, options.out, *text);
  if (!written.ok()) return Fail(written);
  fmt::print("{}: {} bytes. Check it: credence check-proof {} --key {}.pub\n", options.out,
             Grouped(text->size()), options.out, options.key);
  return 0;
}

}  // namespace

Action AddProve(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("store", options->store, "folder of the store")->required();
  app->add_option("--key", options->key, "file of the secret key (credence key new)")->required();
  app->add_option("--decision", options->decision, "prove that this decision is in the journal");
  app->add_option("--seq", options->seq, "prove that the record of this sequence is in it");
  app->add_option("--since", options->since,
                  "prove that the journal only grew since this signed head (a file)");
  app->add_flag("--head", options->head, "only sign the head as it is now");
  app->add_option("--out", options->out, "write to this file (default: standard output)");
  app->add_option("--anchor", options->anchor,
                  "hand the signed head to this shell command, on its standard input");
  app->footer(
      "Reads only; the store may be one that is being written. docs/PROOFS.md explains what a "
      "proof "
      "says and what it cannot say.\n"
      "证明某条决策在日志之中，或日志自某时起只增未改；第三方用公钥即可查验。\nExamples:\n"
      "  credence prove run/bank --key run/head.key --head --out monday.head\n"
      "  credence prove run/bank --key run/head.key --decision D-000000000042 --out 42.proof\n"
      "  credence prove run/bank --key run/head.key --since monday.head --out week.proof\n"
      "  credence prove run/bank --key run/head.key --head --anchor 'mail -s head "
      "auditor@example.org'");
  return [options] { return Prove(*options); };
}

}  // namespace credence::apps
