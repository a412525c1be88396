// The market against an engine in this process.

#include <chrono>

#include "apps/load.h"
#include "apps/simulate.h"
#include "apps/terminal.h"
#include "src/api/gate.h"
#include "src/base/memory_file.h"
#include "src/engine/engine.h"

namespace credence::apps {

namespace {

// Gate and engine for one pack, and what they say of a batch.
class Decider {
 public:
  Status Open(std::shared_ptr<const pack::Pack> pack, FileSystem& disk, const std::string& store,
              Timestamp start) {
    pack_ = std::move(pack);
    FileSystem& files = store.empty() ? static_cast<FileSystem&>(memory_) : disk;
    const std::string folder = store.empty() ? "store" : store;
    CREDENCE_ASSIGN(protection_, api::Protection::Open(files, folder + "-keys"));
    CREDENCE_ASSIGN(engine_, engine::Engine::Open(files, folder, {}));
    if (engine_->pack() != nullptr) {
      return AlreadyExists("the store " + folder + " is not new: a market begins from nothing");
    }
    CREDENCE_TRY(engine_->Activate(pack_, "credence simulate", "", Timestamp{start.ns - 1}));
    gate_ = std::make_unique<api::Gate>(pack_->schema, protection_.get());
    return {};
  }

  Status Add(const sim::MarketEvent& event) {
    record::Event parsed;
    api::Problem problem;
    if (!gate_->Parse(event.json, &arena_, &parsed, &problem)) {
      return InvalidArgument("the pack refuses " + std::string(event.id) + ": " + problem.code +
                             (problem.field.empty() ? "" : " at " + problem.field) + ": " +
                             problem.expected);
    }
    batch_.push_back(parsed);
    return {};
  }
  [[nodiscard]] size_t waiting() const { return batch_.size(); }

  // Decides what waits; tells the market.
  Status Flush(sim::Market* market, MarketRun* run) {
    if (batch_.empty()) return {};
    CREDENCE_TRY(protection_->Flush());
    CREDENCE_ASSIGN(const auto outcomes,
                    engine_->Process(batch_, engine::Arrival::kHistory, Now()));
    for (size_t i = 0; i < outcomes.size(); ++i) {
      const engine::Outcome& outcome = outcomes[i];
      if (outcome.kind == engine::Outcome::Kind::kRefused) {
        return InvalidArgument("the engine refuses " + std::string(batch_[i].id) + ": " +
                               std::string(engine::RefusalName(outcome.refusal)) + " at " +
                               outcome.field + ": " + outcome.expected);
      }
      if (outcome.decision == nullptr) continue;
      ++run->decisions;
      if (outcome.decision->path == record::DecisionPath::kFallback) ++run->fallbacks;
      const auto verdict = sim::ParseVerdict(outcome.decision->outcome);
      if (!verdict) {
        return InvalidArgument("the pack decided '" + outcome.decision->outcome +
                               "', which the market does not know");
      }
      market->Tell(batch_[i].id, *verdict);
    }
    batch_.clear();
    arena_.Reset();
    return {};
  }
  Status Close() { return engine_->Close(); }

 private:
  std::shared_ptr<const pack::Pack> pack_;
  MemoryFileSystem memory_;
  std::unique_ptr<api::Protection> protection_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<api::Gate> gate_;
  Arena arena_;
  std::vector<record::Event> batch_;
};

// Drops or changes lines of the block of one decision in pack.yaml. False where it is not written
// as expected.
bool LeaveScoreOut(std::string* yaml) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    const size_t at = yaml->find(from);
    if (at == std::string::npos || yaml->find(from, at + 1) != std::string::npos) return false;
    yaml->replace(at, from.size(), to);
    return true;
  };
  return replace("    policy: order_risk\n", "    policy: order_rules\n") &&
         replace("    models: [order_score]\n", "") && replace("    model_reasons: 3\n", "");
}

}  // namespace

std::string_view MarketPolicyName(MarketPolicy policy) {
  constexpr std::string_view kNames[kMarketPolicies] = {"off", "rules", "full"};
  return kNames[static_cast<size_t>(policy)];
}

std::shared_ptr<const pack::Pack> LoadWithoutScore(FileSystem& disk, const std::string& folder) {
  auto content = pack::ReadFolder(disk, folder);
  if (!content.ok()) {
    Fail("cannot read the pack " + folder + ": " + content.status().message());
    return nullptr;
  }
  if (!LeaveScoreOut(&(*content)["pack.yaml"])) {
    Fail(folder +
         "/pack.yaml: expected the decision order_risk with the lines 'policy: order_risk', "
         "'models: [order_score]' and 'model_reasons: 3', to leave the score out");
    return nullptr;
  }
  // The worked cases are those of the whole policy.
  std::erase_if(*content, [](const auto& file) { return file.first.starts_with("cases/"); });
  SystemZones zones(disk);
  std::vector<Diagnostic> diagnostics;
  auto pack = pack::Load(std::move(*content), folder, &zones, &diagnostics);
  if (pack == nullptr) Print(diagnostics);
  return pack;
}

Result<MarketRun> RunMarket(const SimulateOptions& options, MarketPolicy policy, FileSystem& disk,
                            const MarketProgress& progress) {
  MarketRun run;
  run.policy = policy;
  sim::Market market(options.market);
  Decider decider;
  if (policy != MarketPolicy::kOff) {
    auto pack = policy == MarketPolicy::kFull ? LoadPack(disk, options.pack)
                                              : LoadWithoutScore(disk, options.pack);
    if (pack == nullptr) return InvalidArgument("the pack " + options.pack + " has errors");
    CREDENCE_TRY(decider.Open(std::move(pack), disk, options.store, options.market.start));
  }
  using Clock = std::chrono::steady_clock;
  Clock::duration spent{};
  sim::MarketEvent event;
  while (market.Next(&event)) {
    if (options.until.ns > 0 && event.time > options.until) break;
    progress(event.time, market.report());
    if (policy != MarketPolicy::kOff) {
      const auto begun = Clock::now();
      CREDENCE_TRY(decider.Add(event));
      // An order is decided before anything comes after it.
      if (event.asks != sim::Asks::kNothing || decider.waiting() == engine::kBatchEventsMax) {
        CREDENCE_TRY(decider.Flush(&market, &run));
      }
      spent += Clock::now() - begun;
    }
    if (options.events_max > 0 && market.report().events >= options.events_max) break;
    if (options.orders_max > 0 && market.report().orders >= options.orders_max) break;
  }
  if (policy != MarketPolicy::kOff) {
    CREDENCE_TRY(decider.Flush(&market, &run));
    CREDENCE_TRY(decider.Close());
  }
  run.seconds = std::chrono::duration<double>(spent).count();
  run.report = market.report();
  return run;
}

}  // namespace credence::apps
