// The picture of an open loop: time from left to right in the first three panels, then the
// distribution of latency, then what the threads work.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/bench_open_report.h"
#include "apps/svg.h"
#include "apps/terminal.h"

namespace credence::apps {

namespace {

constexpr int kWidth = 960;
constexpr int kLeft = 100;
constexpr int kRight = 40;
constexpr int kPanel = 300;  // height, with its title
constexpr int kTop = 56;
constexpr int kBottom = 36;
constexpr const char* kP50 = "#4c9a5f";
constexpr const char* kP99 = "#2f6db3";
constexpr const char* kP999 = "#b3382f";
constexpr const char* kFloor = "#999999";
constexpr const char* kFacts = "#e08a2e";
constexpr const char* kGrid = "#e3e3e3";
constexpr const char* kText = "#444";

// A decade for each step, from 1 us on.
std::string DecadeLabel(int decade_us) {
  constexpr std::array<const char*, 9> kLabels = {"1 us",   "10 us", "100 us", "1 ms", "10 ms",
                                                  "100 ms", "1 s",   "10 s",   "100 s"};
  return kLabels[static_cast<size_t>(std::clamp(decade_us, 0, 8))];
}

double LogUs(int64_t ns) { return std::log10(std::max(static_cast<double>(ns) / 1e3, 1.0)); }

class Picture {
 public:
  Picture(const OpenReport& report, const OpenOptions& options)
      : report_(report), options_(options) {}

  std::string Draw() {
    DrawHead();
    y_ = 50 + 14 * static_cast<int>(WhyItDoesNotCount(report_, options_).size());
    DrawLatencies();
    y_ += kPanel;
    DrawRate();
    y_ += kPanel;
    DrawMemory();
    y_ += kPanel;
    DrawHistogram();
    y_ += kPanel;
    const int height = y_ + DrawThreads();
    return svg_.Finish(kWidth, height);
  }

 private:
  // A point of the panel: shares of its width and height, from the lower left.
  [[nodiscard]] double X(double share) const { return kLeft + share * (kWidth - kLeft - kRight); }
  [[nodiscard]] double Y(double share) const {
    return y_ + kTop + (1 - share) * (kPanel - kTop - kBottom);
  }
  [[nodiscard]] double Second(size_t i) const {
    return (static_cast<double>(i) + 0.5) / static_cast<double>(report_.by_second.size());
  }

  void DrawHead() {
    svg_.Text(
        kLeft, 30, "start", 17, "#222",
        fmt::format("{} decisions a second, {}",
                    Grouped(static_cast<uint64_t>(report_.events_per_second())),
                    options_.rate > 0 ? fmt::format("of {} that came",
                                                    Grouped(static_cast<uint64_t>(options_.rate)))
                                      : "as fast as they were taken"));
    std::string below =
        fmt::format("{} events in {:.1f} s, {} live entities, zipf {:g}, {} checkpoints",
                    Grouped(report_.events), report_.seconds, Grouped(report_.live_entities),
                    options_.stream.zipf, Grouped(report_.checkpoints.checkpoints));
    const std::vector<std::string> why = WhyItDoesNotCount(report_, options_);
    svg_.Text(kLeft, 50, "start", 12, kText, below);
    for (size_t i = 0; i < why.size(); ++i) {
      svg_.Text(kLeft, 66 + 14.0 * static_cast<double>(i), "start", 12, kP999,
                "does not count 不计入: " + why[i]);
    }
  }

  void Title(std::string_view text,
             std::initializer_list<std::pair<const char*, const char*>> legend) {
    svg_.Text(kLeft, y_ + 44, "start", 14, "#222", text);
    double x = kWidth - kRight;
    for (auto it = legend.end(); it != legend.begin();) {
      --it;
      svg_.Text(x, y_ + 44, "end", 12, kText, it->second);
      x -= 6.4 * static_cast<double>(DisplayWidth(it->second)) + 6;
      svg_.Rect(x - 10, y_ + 34, 10, 10, it->first);
      x -= 24;
    }
  }

  void SecondsAxis() {
    const size_t count = report_.by_second.size();
    const auto step = static_cast<size_t>(std::max(1.0, TickStep(static_cast<double>(count))));
    for (size_t i = 0; i <= count; i += step) {
      const double x = X(static_cast<double>(i) / static_cast<double>(std::max<size_t>(count, 1)));
      svg_.Text(x, Y(0) + 16, "middle", 11, kText, fmt::format("{} s", i));
    }
    svg_.Line(X(0), Y(0), X(1), Y(0), "#888");
  }

  // A line where a second had one or more checkpoints.
  void CheckpointMarks() {
    uint64_t before = 0;
    for (size_t i = 0; i < report_.by_second.size(); ++i) {
      if (i > 0 && report_.by_second[i].checkpoints > before) {
        svg_.Line(X(Second(i)), Y(0), X(Second(i)), Y(1), "#d9c7e0");
      }
      before = report_.by_second[i].checkpoints;
    }
  }

  void DrawLatencies() {
    Title("from due to durable, each second 每秒延迟",
          {{kP50, "p50"}, {kP99, "p99"}, {kP999, "p99.9"}, {"#d9c7e0", "checkpoint 检查点"}});
    double top = 3;  // decades above 1 us
    for (const OpenSecond& second : report_.by_second) {
      top = std::max(top, std::ceil(LogUs(second.durable.p999_ns)));
    }
    for (int decade = 0; decade <= static_cast<int>(top); ++decade) {
      const double y = Y(decade / top);
      svg_.Line(X(0), y, X(1), y, kGrid);
      svg_.Text(kLeft - 8, y + 4, "end", 11, kText, DecadeLabel(decade));
    }
    CheckpointMarks();
    const auto line = [&](int64_t SecondTimes::*which, const char* colour) {
      std::string points;
      for (size_t i = 0; i < report_.by_second.size(); ++i) {
        AddPoint(X(Second(i)), Y(LogUs(report_.by_second[i].durable.*which) / top), &points);
      }
      svg_.Polyline(points, colour, 1.5);
    };
    line(&SecondTimes::p50_ns, kP50);
    line(&SecondTimes::p99_ns, kP99);
    line(&SecondTimes::p999_ns, kP999);
    SecondsAxis();
  }

  void DrawRate() {
    Title("decisions, each second 每秒决策数", {{kP99, "decided 决策"}});
    DrawBySecond(kP99,
                 [](const OpenSecond& second) { return static_cast<double>(second.decided); });
  }

  // Flat where the cache is bounded and all windows have begun to expire.
  void DrawMemory() {
    Title("resident memory, MB 驻留内存", {{kFacts, "resident 驻留"}});
    DrawBySecond(kFacts, [](const OpenSecond& second) {
      return static_cast<double>(second.resident_bytes) / 1e6;
    });
  }

  // A line from 0 up.
  template <class Number>
  void DrawBySecond(const char* colour, Number number) {
    double most = 1;
    for (const OpenSecond& second : report_.by_second) most = std::max(most, number(second));
    const double step = TickStep(most);
    const double top = std::ceil(most / step) * step;
    for (int i = 0; i * step <= top * 1.0001; ++i) {
      const double y = Y(i * step / top);
      svg_.Line(X(0), y, X(1), y, kGrid);
      svg_.Text(kLeft - 8, y + 4, "end", 11, kText, TickLabel(i * step));
    }
    CheckpointMarks();
    std::string points;
    for (size_t i = 0; i < report_.by_second.size(); ++i) {
      AddPoint(X(Second(i)), Y(number(report_.by_second[i]) / top), &points);
    }
    svg_.Polyline(points, colour, 1.5);
    SecondsAxis();
  }

  void DrawHistogram() {
    Title("how long they took 延迟分布", {{kFacts, "due to facts 至决策"},
                                          {kP99, "due to durable 至落盘"},
                                          {kFloor, "write and fdatasync 写盘下限"}});
    constexpr int kDecades = 8;  // 1 us to 100 s
    constexpr int kBars = 10;    // a decade
    const std::array<std::pair<const Histogram*, const char*>, 3> kinds = {
        {{&report_.floor, kFloor}, {&report_.facts, kFacts}, {&report_.durable, kP99}}};
    double top = 0;
    std::array<std::array<double, kDecades * kBars>, 3> shares{};
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
      const auto count = static_cast<double>(std::max<uint64_t>(kinds[kind].first->count(), 1));
      kinds[kind].first->ForEach([&](int64_t upper_end_ns, uint64_t times) {
        const int bar =
            std::min(static_cast<int>(LogUs(upper_end_ns) * kBars), kDecades * kBars - 1);
        double& share = shares[kind][static_cast<size_t>(bar)];
        share += static_cast<double>(times) / count;
        top = std::max(top, share);
      });
    }
    if (top <= 0) top = 1;
    const double step = TickStep(top * 100);
    for (int i = 0; i * step <= top * 100; ++i) {
      const double y = Y(i * step / (top * 100));
      svg_.Line(X(0), y, X(1), y, kGrid);
      svg_.Text(kLeft - 8, y + 4, "end", 11, kText, fmt::format("{:g} %", i * step));
    }
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
      std::string points;
      for (size_t bar = 0; bar < shares[kind].size(); ++bar) {
        const double y = Y(shares[kind][bar] / top);
        const auto edges = static_cast<double>(shares[kind].size());
        AddPoint(X(static_cast<double>(bar) / edges), y, &points);
        AddPoint(X(static_cast<double>(bar + 1) / edges), y, &points);
      }
      svg_.Polyline(points, kinds[kind].second, 1.5);
    }
    for (int decade = 0; decade <= kDecades; ++decade) {
      svg_.Text(X(static_cast<double>(decade) / kDecades), Y(0) + 16, "middle", 11, kText,
                DecadeLabel(decade));
    }
    svg_.Line(X(0), Y(0), X(1), Y(0), "#888");
  }

  // Returns the height it took.
  int DrawThreads() {
    Title("CPU a decision, by thread 每笔决策处理器时间",
          {{kP99, "CPU 处理器"}, {kFloor, "one sync a batch 每批一次同步"}});
    const auto events = static_cast<double>(std::max<uint64_t>(report_.events, 1));
    const double floor_us = static_cast<double>(report_.floor.AtShare(0.5)) / 1e3 *
                            static_cast<double>(report_.batches) / events;
    std::vector<std::pair<std::string, double>> bars;
    for (const ThreadTime& thread : report_.threads) {
      const double us = thread.seconds * 1e6 / events;
      if (us >= 0.05) bars.emplace_back(thread.name, us);
    }
    std::stable_sort(bars.begin(), bars.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    bars.emplace_back("sync, waiting 同步等待", floor_us);
    double top = 1;
    for (const auto& [name, us] : bars) top = std::max(top, us);
    double y = y_ + kTop + 8;
    for (size_t i = 0; i < bars.size(); ++i) {
      const auto& [name, us] = bars[i];
      svg_.Text(kLeft + 70, y + 12, "end", 12, kText, name);
      const double width = us / top * (kWidth - kLeft - kRight - 170);
      svg_.Rect(kLeft + 80, y, width, 16, i + 1 == bars.size() ? kFloor : kP99);
      svg_.Text(kLeft + 86 + width, y + 12, "start", 12, kText, fmt::format("{:.2f} us", us));
      y += 24;
    }
    return static_cast<int>(y) - y_ + 20;
  }

  const OpenReport& report_;
  const OpenOptions& options_;
  Svg svg_;
  int y_ = 0;
};

}  // namespace

std::string OpenSvg(const OpenReport& report, const OpenOptions& options) {
  return Picture(report, options).Draw();
}

}  // namespace credence::apps
