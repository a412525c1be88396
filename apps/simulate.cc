// credence simulate: a seeded live-stream market, to a file.

#include "apps/simulate.h"

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/load.h"
#include "apps/simulate_post.h"
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

Status WriteFile(FileSystem& disk, const std::string& path, std::string_view text) {
  CREDENCE_ASSIGN(const auto file, disk.Open(path, OpenMode::kReplace));
  return file->WriteAt(0, text);
}

// The market under the policies that are asked for, beside the same market without any.
Status Decide(const SimulateOptions& options, FileSystem& disk) {
  std::vector<MarketPolicy> policies = {MarketPolicy::kOff};
  if (options.compare) {
    policies.push_back(MarketPolicy::kRules);
    policies.push_back(MarketPolicy::kFull);
  } else if (options.policy != MarketPolicy::kOff) {
    policies.push_back(options.policy);
  }
  const int64_t begin = options.market.start.ns;
  const int64_t end = begin + options.market.days * kNsPerDay;
  std::vector<MarketRun> runs;
  for (const MarketPolicy policy : policies) {
    Progress progress("policy " + std::string(MarketPolicyName(policy)), "events",
                      static_cast<uint64_t>(end - begin), options.quiet);
    auto run =
        RunMarket(options, policy, disk, [&](Timestamp time, const sim::MarketReport& report) {
          progress.Update(static_cast<uint64_t>(time.ns - begin), report.events);
        });
    if (!run.ok()) return run.status();
    progress.Finish();
    runs.push_back(*run);
  }
  fmt::print("{}", CompareText(runs));
  if (!options.report.empty()) {
    CREDENCE_TRY(WriteFile(disk, options.report, CompareJson(options, runs)));
  }
  if (!options.svg.empty()) CREDENCE_TRY(WriteFile(disk, options.svg, CompareSvg(runs)));
  return {};
}

// The market against a server, beside the same market without a policy.
Status Post(const SimulateOptions& options, const PostOptions& post, FileSystem& disk) {
  const int64_t begin = options.market.start.ns;
  const int64_t end = begin + options.market.days * kNsPerDay;
  const bool by_events = options.events_max > 0;
  Progress progress("post", "events",
                    by_events ? options.events_max : static_cast<uint64_t>(end - begin),
                    options.quiet);
  const auto report =
      PostMarket(options, post, [&](Timestamp time, const sim::MarketReport& market) {
        progress.Update(by_events ? market.events : static_cast<uint64_t>(time.ns - begin),
                        market.events);
      });
  if (!report.ok()) return report.status();
  progress.Finish();
  SimulateOptions without = options;
  without.events_max = 0;
  without.orders_max = 0;
  without.until = report->last;
  const auto off =
      RunMarket(without, MarketPolicy::kOff, disk, [](Timestamp, const sim::MarketReport&) {});
  if (!off.ok()) return off.status();
  const std::vector<MarketRun> runs = {*off, report->run};
  fmt::print("{}\n{}", CompareText(runs), PostText(*report, post));
  if (!options.report.empty()) {
    CREDENCE_TRY(WriteFile(disk, options.report, CompareJson(options, runs)));
  }
  if (!options.svg.empty()) CREDENCE_TRY(WriteFile(disk, options.svg, CompareSvg(runs)));
  return report->failed == 0 ? Status()
                             : Unavailable(Grouped(report->failed) + " events had no good answer");
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
  app->add_option("--pack", options->pack,
                  "decide on every order with this pack, in an engine of this process; what is "
                  "decided changes what comes after");
  app->add_option("--store", options->store,
                  "with --pack: keep the engine's store in this new folder (default: memory)");
  auto policy = std::make_shared<std::string>("full");
  app->add_option("--policy", *policy,
                  "with --pack: full, rules (its rules without the score) or off; beside the same "
                  "market without a policy")
      ->check(CLI::IsMember({"off", "rules", "full"}));
  app->add_flag("--compare", options->compare, "with --pack: off, rules and full, in one table");
  app->add_option("--report", options->report, "with --pack: write the figures as JSON");
  app->add_option("--svg", options->svg, "with --pack: draw what was lost");
  auto url = std::make_shared<std::string>();
  auto post = std::make_shared<PostOptions>();
  app->add_option(
      "--post", *url,
      "send the events to a server (http://127.0.0.1:8080), each at its time whether or "
      "not the server keeps up; the market ends now unless --start says otherwise");
  app->add_option("--rate", post->rate, "with --post: events a second")
      ->check(CLI::Range(1.0, 1e6));
  app->add_option("--sale-rate", post->sale_rate,
                  "with --post: events a second in the hour of the flash sale")
      ->check(CLI::Range(1.0, 1e6));
  app->add_option("--key", post->key, "with --post: API key");
  app->add_option("--since", post->since,
                  "with --post: time the first decision from here (date +%s.%N), not from the "
                  "first event");
  app->add_option("--connections", post->connections, "with --post: kept connections")
      ->check(CLI::Range(size_t{1}, size_t{256}));
  app->add_flag("--quiet", options->quiet, "no progress");
  app->footer(
      "Examples:\n"
      "  credence simulate --seed 1 --days 30 --out run/market.ndjson --truth run/truth.ndjson\n"
      "  credence replay packs/live-commerce --events run/market.ndjson --history --keys "
      "run/market-keys\n"
      "  credence simulate --seed 1 --days 30 --pack packs/live-commerce --compare --svg "
      "run/market.svg\n"
      "  credence simulate --days 30 --post http://127.0.0.1:8080 --rate 2000 --events 60000\n"
      "  credence simulate --days 30 --post http://127.0.0.1:8080 --rate 2000 --sale-rate 6000\n"
      "The truth (scheme, hazard, loss) is in no event. 真相只写入 --truth 文件，事件中没有。");
  return [options, start, policy, url, post] {
    if (!start->empty()) {
      const auto time = ParseStart(*start);
      if (!time.ok()) return Fail("--start: " + time.status().message());
      options->market.start = *time;
    } else if (!url->empty()) {
      // It ends at the midnight before now: no event is of the future.
      constexpr int64_t kChinaNs = 8 * kNsPerHour;
      const int64_t now = Now().ns;
      const int64_t midnight = now - (now + kChinaNs) % kNsPerDay;
      options->market.start = Timestamp{midnight - options->market.days * kNsPerDay};
    }
    const Status good = sim::CheckOptions(options->market);
    if (!good.ok()) return Fail(good);
    options->policy = *policy == "off"     ? MarketPolicy::kOff
                      : *policy == "rules" ? MarketPolicy::kRules
                                           : MarketPolicy::kFull;
    if (options->compare && !options->store.empty()) {
      return Fail("--store keeps one run: leave out --compare");
    }
    journal::PosixFileSystem disk;
    if (!url->empty()) {
      const Status where = ParsePostUrl(*url, post.get());
      const Status posted = where.ok() ? Post(*options, *post, disk) : where;
      return posted.ok() ? 0 : Fail(posted);
    }
    const Status done = options->pack.empty() ? Write(*options, disk) : Decide(*options, disk);
    return done.ok() ? 0 : Fail(done);
  };
}

}  // namespace credence::apps
