// credence simulate: a seeded live-stream market, to a file.

#include "apps/simulate.h"

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/base/file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

// Text to a file, a megabyte at a time.
class LineWriter {
 public:
  static Result<std::unique_ptr<LineWriter>> Open(FileSystem& files, const std::string& path) {
    auto writer = std::make_unique<LineWriter>();
    CREDENCE_ASSIGN(writer->file_, files.Open(path, OpenMode::kReplace));
    return writer;
  }
  Status Add(std::string_view line) {
    text_ += line;
    text_ += '\n';
    return text_.size() < (size_t{1} << 20) ? Status() : Flush();
  }
  Status Flush() {
    CREDENCE_TRY(file_->WriteAt(offset_, text_));
    offset_ += text_.size();
    text_.clear();
    return {};
  }
  [[nodiscard]] uint64_t bytes() const { return offset_ + text_.size(); }

 private:
  std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
  std::string text_;
};

std::string Yuan(int64_t minor) { return Grouped(static_cast<uint64_t>(minor / 100)); }

Status Write(const SimulateOptions& options, FileSystem& disk) {
  std::unique_ptr<LineWriter> out;
  std::unique_ptr<LineWriter> truth;
  if (!options.out.empty()) {
    CREDENCE_ASSIGN(out, LineWriter::Open(disk, options.out));
  }
  if (!options.truth.empty()) {
    CREDENCE_ASSIGN(truth, LineWriter::Open(disk, options.truth));
  }
  sim::Market market(options.market);
  sim::MarketEvent event;
  const int64_t begin = options.market.start.ns;
  Progress progress("simulate", "events", static_cast<uint64_t>(market.end().ns - begin),
                    options.quiet);
  const sim::MarketReport& report = market.report();
  while (market.Next(&event)) {
    if (out != nullptr) CREDENCE_TRY(out->Add(event.json));
    if (truth != nullptr && event.asks == sim::Asks::kOrder) {
      CREDENCE_TRY(truth->Add(TruthJson(event)));
    }
    progress.Update(static_cast<uint64_t>(event.time.ns - begin), report.events);
    if (options.events_max > 0 && report.events >= options.events_max) break;
    if (options.orders_max > 0 && report.orders >= options.orders_max) break;
  }
  if (out != nullptr) CREDENCE_TRY(out->Flush());
  if (truth != nullptr) CREDENCE_TRY(truth->Flush());
  progress.Finish();
  fmt::print("{}", MarketText(report));
  fmt::print("{} events, {} buyers 人, {} adaptations of gangs 团伙应变, {:.1f} s\n",
             Grouped(report.events), Grouped(market.buyers()), Grouped(report.adaptations),
             progress.seconds());
  if (out != nullptr) {
    fmt::print("written to {} ({})\n", options.out, Bytes(out->bytes()));
  }
  return {};
}

}  // namespace

Result<Timestamp> ParseStart(const std::string& text) {
  if (text.size() == 10) return Timestamp::Parse(text + "T00:00:00+08:00");
  return Timestamp::Parse(text);
}

std::string TruthJson(const sim::MarketEvent& event) {
  const sim::OrderTruth& truth = event.truth;
  return fmt::format(
      R"({{"order":"{}","scheme":"{}","gang":{},"hazard_ppm":{},"loss_minor":{},"lost":{}}})",
      event.id, sim::SchemeName(truth.scheme), truth.gang, truth.hazard_ppm, truth.loss_minor,
      truth.lost);
}

std::string MarketText(const sim::MarketReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"scheme", "手法", "orders 订单", "share 占比", "amount 金额", "at stake 风险额"}};
  for (size_t i = 0; i < sim::kSchemes; ++i) {
    const sim::SchemeReport& scheme = report.schemes[i];
    rows.push_back(
        {std::string(sim::SchemeName(static_cast<sim::Scheme>(i))),
         std::string(sim::SchemeNameChinese(static_cast<sim::Scheme>(i))), Grouped(scheme.orders),
         fmt::format("{:.2f} %", report.orders == 0 ? 0.0
                                                    : 100.0 * static_cast<double>(scheme.orders) /
                                                          static_cast<double>(report.orders)),
         Yuan(scheme.amount), Yuan(scheme.at_stake)});
  }
  return Aligned(rows, 2) + fmt::format("\n{} orders 订单, sales 销售额 CNY {}\n",
                                        Grouped(report.orders), Yuan(report.sales));
}

Action AddSimulate(CLI::App* app) {
  auto options = std::make_shared<SimulateOptions>();
  auto start = std::make_shared<std::string>();
  app->add_option("--seed", options->market.seed, "the same seed gives the same bytes");
  app->add_option("--days", options->market.days, "days of the market")->check(CLI::Range(1, 400));
  app->add_option("--orders-per-day", options->market.orders_per_day,
                  "of honest buyers, about; there are 8 buyers for each")
      ->check(CLI::Range(20, 1'000'000));
  app->add_option("--start", *start, "first day (2026-01-05) or time with offset");
  app->add_option("--flash-sale", options->market.flash_sale_day,
                  "day of the star host's flash sale, from 0; -1: two thirds through");
  app->add_option("--events", options->events_max, "stop after so many events");
  app->add_option("--orders", options->orders_max, "stop after so many orders");
  app->add_option("--out", options->out, "write the events here, one CloudEvent a line");
  app->add_option("--truth", options->truth,
                  "write the truth about each order here, one JSON object a line");
  app->add_flag("--quiet", options->quiet, "no progress");
  app->footer(
      "Examples:\n"
      "  credence simulate --seed 1 --days 30 --out run/market.ndjson --truth run/truth.ndjson\n"
      "  credence replay packs/live-commerce --events run/market.ndjson --history --keys "
      "run/market-keys\n"
      "The truth (scheme, hazard, loss) is in no event. 真相只写入 --truth 文件，事件中没有。");
  return [options, start] {
    if (!start->empty()) {
      const auto time = ParseStart(*start);
      if (!time.ok()) return Fail("--start: " + time.status().message());
      options->market.start = *time;
    }
    const Status good = sim::CheckOptions(options->market);
    if (!good.ok()) return Fail(good);
    journal::PosixFileSystem disk;
    const Status done = Write(*options, disk);
    return done.ok() ? 0 : Fail(done);
  };
}

}  // namespace credence::apps
