#pragma once
// credence simulate: the parts that the command is made of.

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/market.h"
#include "src/base/file.h"
#include "src/pack/pack.h"

namespace credence::apps {

// What decides on the market's orders.
enum class MarketPolicy : uint8_t {
  kOff = 0,    // nothing: all goes through
  kRules = 1,  // the pack's rules, without its score
  kFull = 2,   // the pack
};
inline constexpr size_t kMarketPolicies = 3;
[[nodiscard]] std::string_view MarketPolicyName(MarketPolicy policy);

struct SimulateOptions {
  sim::MarketOptions market;
  uint64_t events_max = 0;  // 0: to the end
  uint64_t orders_max = 0;
  Timestamp until;  // of the market; 0: to the end
  std::string out;
  std::string truth;
  std::string pack;   // folder; empty: nothing decides
  std::string store;  // folder of the engine's store; empty: in memory
  MarketPolicy policy = MarketPolicy::kFull;
  bool compare = false;
  std::string report;  // JSON
  std::string svg;
  bool quiet = false;
};

// One market under one policy.
struct MarketRun {
  MarketPolicy policy = MarketPolicy::kOff;
  sim::MarketReport report;
  uint64_t decisions = 0;
  uint64_t fallbacks = 0;  // decisions that failed and took the pack's fallback
  double seconds = 0;      // of gate and engine alone
};

// Called with the time of each event.
using MarketProgress = std::function<void(Timestamp, const sim::MarketReport&)>;

// Runs the market through an engine in this process: every order and claim is decided before the
// market goes on. kInvalidArgument if the pack refuses an event.
Result<MarketRun> RunMarket(const SimulateOptions& options, MarketPolicy policy, FileSystem& disk,
                            const MarketProgress& progress);
// The pack with its score left out: order_risk is answered by the policy's decision order_rules,
// and no model is run. Null after errors, which are printed.
std::shared_ptr<const pack::Pack> LoadWithoutScore(FileSystem& disk, const std::string& folder);

// "2026-01-05" (midnight in Shanghai) or a time with offset.
Result<Timestamp> ParseStart(const std::string& text);
// One line of the truth file, without line end.
std::string TruthJson(const sim::MarketEvent& event);

// Reports, in both languages; money in whole yuan.
std::string MarketText(const sim::MarketReport& report);
std::string CompareText(const std::vector<MarketRun>& runs);
std::string CompareJson(const SimulateOptions& options, const std::vector<MarketRun>& runs);
std::string CompareSvg(const std::vector<MarketRun>& runs);

}  // namespace credence::apps
