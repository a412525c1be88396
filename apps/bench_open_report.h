#pragma once
// How a run of the open loop is told: as text, as JSON with everything that the text says, and as a
// picture; and whether it counts.

#include <string>
#include <vector>

#include "apps/bench_open.h"

namespace credence::apps {

// A shorter run says nothing about checkpoints, compaction and memory.
inline constexpr double kOpenSecondsMin = 60;

// Why a run does not count: it took less than kOpenSecondsMin, it took no checkpoint, or, at a
// fixed rate, the generator was later at p99 than a tenth of the bar. Sentences; none if it counts.
[[nodiscard]] std::vector<std::string> WhyItDoesNotCount(const OpenReport& report,
                                                         const OpenOptions& options);
// The last of them alone.
[[nodiscard]] bool GeneratorWasLate(const OpenReport& report, const OpenOptions& options);

[[nodiscard]] std::string OpenText(const OpenReport& report, const OpenOptions& options);
// Latencies in microseconds; histograms as [upper end in ns, count] of each bucket that is not
// empty.
[[nodiscard]] std::string OpenJson(const OpenReport& report, const OpenOptions& options);
// Latency percentiles and decisions second by second, with the checkpoints; the histograms; what
// each thread works for a decision, beside the floor where one is measured.
[[nodiscard]] std::string OpenSvg(const OpenReport& report, const OpenOptions& options);

}  // namespace credence::apps
