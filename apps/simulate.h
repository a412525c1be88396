#pragma once
// credence simulate: the parts that the command is made of.

#include <string>

#include "sim/market.h"

namespace credence::apps {

struct SimulateOptions {
  sim::MarketOptions market;
  uint64_t events_max = 0;  // 0: to the end
  uint64_t orders_max = 0;
  std::string out;
  std::string truth;
  bool quiet = false;
};

// "2026-01-05" (midnight in Shanghai) or a time with offset.
Result<Timestamp> ParseStart(const std::string& text);
// One line of the truth file, without line end.
std::string TruthJson(const sim::MarketEvent& event);
// What a run held, in both languages.
std::string MarketText(const sim::MarketReport& report);

}  // namespace credence::apps
