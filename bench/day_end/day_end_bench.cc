// The day's end in a whole engine: loans in the engine, one in thirty of them due each day and none
// of them paid, the server's writer with its journal on disk, and orders that are decided at a
// fixed rate before and meanwhile.
//
//   day_end_bench [--loans N] [--rate R] [--seconds S] [--days N] [--share US] [--folder DIR]
//
// Each day: S seconds of decisions alone, then the clock stands at the end of the day. A reply's
// time is counted from when its event was meant to be sent, until it is on disk and answered. The
// pack is examples/packs/credit-line with loans of twelve payments, thirty days apart, that take no
// limit, and with nothing reversible. Prints Markdown; exits with 1 if not every due loan was
// booked as overdue.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "src/api/gate.h"
#include "src/api/writer.h"
#include "src/base/random.h"
#include "src/journal/posix_file.h"
#include "src/pack/pack.h"

namespace credence::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr uint32_t kDays = 30;                                // between two due dates of a loan
constexpr uint64_t kBuyers = 10'000;                          // who order; each has a limit
constexpr Timestamp kFirstDay{1'704'067'200 * kNsPerSecond};  // 2024-01-01T00:00:00Z

struct Options {
  uint64_t loans = 1'000'000;
  double rate = 1'000;
  double seconds = 5;
  int days = 3;
  int64_t share_us = std::chrono::microseconds(api::kTimerShare).count();
  std::string folder = std::filesystem::temp_directory_path();
};

// Stands where it was put, and goes on from there with real time.
class ShiftedClock final : public Clock {
 public:
  void Put(Timestamp time) {
    const std::lock_guard lock(mutex_);
    time_ = time;
    at_ = Steady::now();
  }
  int64_t NowNs() override {
    const std::lock_guard lock(mutex_);
    return time_.ns + std::chrono::nanoseconds(Steady::now() - at_).count();
  }

 private:
  std::mutex mutex_;
  Timestamp time_ = kFirstDay;
  Steady::time_point at_ = Steady::now();
};

class SystemZone final : public pack::TzifSource {
 public:
  std::optional<std::string> Read(std::string_view name) override {
    std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
    if (!file) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(file), {}};
  }
};

void Replace(std::string_view what, std::string_view by, std::string* text) {
  for (size_t at = text->find(what); at != std::string::npos; at = text->find(what, at)) {
    text->replace(at, what.size(), by);
    at += by.size();
  }
}

Result<std::shared_ptr<const pack::Pack>> MakePack(FileSystem& files) {
  CREDENCE_ASSIGN(pack::FileSet set, pack::ReadFolder(files, CREDENCE_CREDIT_LINE));
  Replace(", reversible: true", "", &set["pack.yaml"]);
  Replace("    reversible: true\n", "", &set["pack.yaml"]);
  Replace("  entry.reversed: {fields: {why: string}, reverses: true}\n", "", &set["pack.yaml"]);
  Replace("      limit: credit\n", "", &set["products.yaml"]);
  Replace("periods: 3, every: 1 month, rate: 12%, basis: 30/360",
          "periods: 12, every: 30 days, rate: 12%, basis: act/360", &set["products.yaml"]);
  SystemZone zone;
  std::vector<Diagnostic> diagnostics;
  auto pack = pack::Load(std::move(set), "day-end", &zone, &diagnostics);
  if (pack != nullptr) return pack;
  return InvalidArgument(diagnostics.empty() ? "no pack" : ToString(diagnostics.front()));
}

std::string Json(std::string_view type, const std::string& id, Timestamp time,
                 const std::string& data) {
  return R"({"specversion":"1.0","id":")" + id + R"(","source":"bench","type":")" +
         std::string(type) + R"(","time":")" + time.ToString() + R"(","data":{)" + data + "}}";
}

// All loans and limits, as history.
Status Fill(const Options& options, engine::Engine* engine) {
  api::Gate gate(engine->pack()->schema, nullptr);
  Arena arena;
  std::vector<record::Event> batch;
  Random random(42);
  const auto flush = [&]() -> Status {
    CREDENCE_ASSIGN(const auto outcomes,
                    engine->Process(batch, engine::Arrival::kHistory, Timestamp{}));
    for (const engine::Outcome& outcome : outcomes) {
      const auto& money = outcome.decision ? outcome.money_of_decision : outcome.money;
      if (!money || !money->refused.empty()) return Internal("an event did not do what it should");
    }
    batch.clear();
    arena.Reset();
    return {};
  };
  const auto add = [&](const std::string& json) -> Status {
    api::Problem problem;
    if (!gate.Parse(json, &arena, &batch.emplace_back(), &problem)) {
      return Internal(problem.field + ": " + problem.expected);
    }
    return batch.size() == engine::kBatchEventsMax ? flush() : OkStatus();
  };
  for (uint64_t i = 0; i < kBuyers; ++i) {
    const std::string n = std::to_string(i);
    CREDENCE_TRY(add(Json("limit.asked", "a" + n, kFirstDay,
                          R"("buyer_id":"b)" + n + R"(","income":"50000.00")")));
  }
  for (uint64_t i = 0; i < options.loans; ++i) {
    const std::string n = std::to_string(i);
    const auto day = static_cast<int64_t>(i * kDays / options.loans);
    const Timestamp time{kFirstDay.ns + day * kNsPerDay + kNsPerHour};
    const std::string amount = std::to_string(1'000 + random.Below(100'000)) + ".00";
    CREDENCE_TRY(add(Json(
        "loan.disbursed", "l" + n, time,
        R"("buyer_id":"c)" + n + R"(","loan_id":"L)" + n + R"(","amount":")" + amount + "\"")));
  }
  return flush();
}

struct Reply {
  Steady::time_point intended;
  double ms = 0;
};

class Audience final : public api::Writer::Audience {
 public:
  void Done(api::Job* job, const engine::Outcome& outcome) override {
    const auto now = Steady::now();
    if (outcome.kind != engine::Outcome::Kind::kDecided) ++wrong_;
    replies_.push_back(
        {job->reply.received,
         std::chrono::duration<double, std::milli>(now - job->reply.received).count()});
  }
  void Refused(api::Job* /*job*/, const api::Problem& /*problem*/) override { ++wrong_; }
  // Of the writer's thread, or after it.
  [[nodiscard]] const std::vector<Reply>& replies() const { return replies_; }
  [[nodiscard]] uint64_t wrong() const { return wrong_; }

 private:
  std::vector<Reply> replies_;
  uint64_t wrong_ = 0;
};

// Sends orders at their times until it is told to stop.
class Sender {
 public:
  Sender(const Options& options, api::SharedGate* gate, api::Writer* writer)
      : options_(options), gate_(*gate), writer_(*writer), thread_([this] { Run(); }) {}
  ~Sender() { Stop(); }
  void Stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] uint64_t refused() const { return refused_; }

 private:
  void Run() {
    Random random(7);
    const auto begin = Steady::now();
    for (uint64_t sent = 0; !stop_.load(std::memory_order_relaxed); ++sent) {
      const auto due = begin + std::chrono::nanoseconds(static_cast<int64_t>(
                                   1e9 / options_.rate * static_cast<double>(sent)));
      std::this_thread::sleep_until(due);
      const std::string n = std::to_string(sent);
      api::Job* job = writer_.NewJob();
      job->text = Json("order.placed", "o" + n, writer_.Now(),
                       R"("buyer_id":"b)" + std::to_string(random.Below(kBuyers)) +
                           R"(","order_id":"O)" + n + R"(","amount":"1.00")");
      job->reply.received = due;
      api::Problem problem;
      if (!gate_.Read(job, &problem) || !writer_.Take(&job, 1)) {
        writer_.Forget(job);
        ++refused_;
      }
    }
  }

  const Options& options_;
  api::SharedGate& gate_;
  api::Writer& writer_;
  std::atomic<bool> stop_{false};
  uint64_t refused_ = 0;
  std::thread thread_;
};

struct Window {
  Steady::time_point from;
  Steady::time_point to;
};

struct Day {
  Window quiet;
  Window end;
  uint64_t fired = 0;
};

// Of the replies to what was to be sent in the windows.
std::vector<double> In(const std::vector<Reply>& replies, const std::vector<Window>& windows) {
  std::vector<double> list;
  for (const Reply& reply : replies) {
    for (const Window& window : windows) {
      if (reply.intended >= window.from && reply.intended < window.to) list.push_back(reply.ms);
    }
  }
  std::sort(list.begin(), list.end());
  return list;
}

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(
      std::clamp<double>(rank - 1, 0, static_cast<double>(sorted.size() - 1)))];
}

// Loans that were made on the first `days` days.
uint64_t LoansOf(const Options& options, uint64_t days) {
  return (options.loans * days + kDays - 1) / kDays;
}

// One day: quiet, then its end. Until what was due at it has fired.
Day RunDay(const Options& options, int number, const pack::Pack& pack, ShiftedClock* clock,
           api::ServerMetrics* metrics) {
  const Date day = engine::LocalDay(pack, kFirstDay).PlusDays(kDays + number);
  const Timestamp end = engine::StartOfDay(pack, day.PlusDays(1));
  const auto wait =
      std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(options.seconds));
  const auto first = static_cast<uint64_t>(number);
  const uint64_t wanted = LoansOf(options, first + 1) - LoansOf(options, first);
  clock->Put(Timestamp{end.ns - 12 * kNsPerHour});
  std::this_thread::sleep_for(wait / 4);
  Day run;
  const uint64_t before = metrics->timers.load();
  run.quiet.from = Steady::now();
  std::this_thread::sleep_for(wait);
  run.quiet.to = Steady::now();
  clock->Put(end);
  run.end.from = Steady::now();
  while ((run.fired = metrics->timers.load() - before) < wanted &&
         Steady::now() - run.end.from < std::chrono::seconds(120)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  run.end.to = Steady::now();
  return run;
}

std::string LoadAverage() {
  std::ifstream file("/proc/loadavg");
  std::string line;
  std::getline(file, line);
  return line;
}

void Print(const Options& options, const std::vector<Day>& days, const Audience& audience) {
  std::printf("| day's end over %llu loans | fired | seconds |\n|---|---|---|\n",
              static_cast<unsigned long long>(options.loans));
  std::vector<Window> quiet;
  std::vector<Window> ends;
  for (size_t i = 0; i < days.size(); ++i) {
    const Day& day = days[i];
    std::printf("| day %zu | %llu | %.3f |\n", i + 1, static_cast<unsigned long long>(day.fired),
                std::chrono::duration<double>(day.end.to - day.end.from).count());
    quiet.push_back(day.quiet);
    ends.push_back(day.end);
  }
  std::printf(
      "\n| reply, ms, at %.0f decisions a second | replies | p50 | p99 | max |\n"
      "|---|---|---|---|---|\n",
      options.rate);
  const auto row = [&](const char* name, const std::vector<Window>& windows) {
    const std::vector<double> ms = In(audience.replies(), windows);
    std::printf("| %s | %zu | %.3f | %.3f | %.3f |\n", name, ms.size(), At(ms, 0.5), At(ms, 0.99),
                ms.empty() ? 0 : ms.back());
    return At(ms, 0.99);
  };
  const double alone = row("decisions alone", quiet);
  const double beside = row("during a day's end", ends);
  std::printf("\np99 during a day's end: %.2f times that alone\n", beside / std::max(alone, 1e-9));
}

// Every loan whose due date is over is booked as overdue, and debits equal credits.
Status Check(const Options& options, const engine::Engine& engine) {
  const engine::MoneyState& money = engine.state().money;
  uint64_t overdue = 0;
  Int128 difference = 0;
  for (const auto& account : money.Accounts()) {
    const auto b = money.ledger().BalancesNow(account.id, engine.state().last_stamp.ns);
    difference += b.debits_posted - b.credits_posted;
    overdue += account.role == "overdue" && b.debits_posted > b.credits_posted ? 1 : 0;
  }
  const uint64_t wanted = LoansOf(options, static_cast<uint64_t>(options.days));
  std::printf("\n%llu loans stand in the books as overdue\n",
              static_cast<unsigned long long>(overdue));
  if (overdue != wanted) return Internal("expected " + std::to_string(wanted) + " overdue loans");
  return difference == 0 ? OkStatus() : Internal("debits and credits differ");
}

Status Run(const Options& options, const std::string& folder) {
  std::printf("load average before %s\n\n", LoadAverage().c_str());
  journal::PosixFileSystem files;
  CREDENCE_ASSIGN(const auto pack, MakePack(files));
  engine::Options opening;
  opening.own_journal_thread = true;
  opening.known_packs = {pack};
  opening.journal.write_ahead = journal::WriteAhead::kSegments;
  CREDENCE_ASSIGN(auto engine, engine::Engine::Open(files, folder + "/store", opening));
  CREDENCE_TRY(engine->Activate(pack, "bench", "", Timestamp{kFirstDay.ns - 1}));
  const auto begun = Steady::now();
  CREDENCE_TRY(Fill(options, engine.get()));
  std::printf("loans and limits made in %.1f s\n\n",
              std::chrono::duration<double>(Steady::now() - begun).count());
  const engine::Engine* made = engine.get();
  ShiftedClock clock;
  clock.Put(Timestamp{kFirstDay.ns + (kDays + 1) * kNsPerDay - 20 * kNsPerHour});
  api::SharedGate gate(nullptr);
  gate.SetPack(pack);
  Audience audience;
  api::ServerMetrics metrics;
  api::Writer::Options writing;
  writing.timer_share = std::chrono::microseconds(options.share_us);
  api::Writer writer(std::move(engine), &gate, &audience, &metrics, &clock, writing);
  std::vector<Day> days;
  {
    Sender sender(options, &gate, &writer);
    for (int day = 0; day < options.days; ++day) {
      days.push_back(RunDay(options, day, *pack, &clock, &metrics));
    }
    sender.Stop();
    if (sender.refused() > 0) return Internal("the writer did not take all events");
  }
  CREDENCE_TRY(writer.Stop());
  if (audience.wrong() > 0) return Internal("not every order was decided");
  Print(options, days, audience);
  CREDENCE_TRY(Check(options, *made));
  std::printf("\nload average after %s\n", LoadAverage().c_str());
  return {};
}

int Main(int argc, char** argv) {
  Options options;
  bool good = true;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i];
    if (i + 1 == argc) {
      good = false;
    } else if (word == "--loans") {
      options.loans = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (word == "--rate") {
      options.rate = std::strtod(argv[i + 1], nullptr);
    } else if (word == "--seconds") {
      options.seconds = std::strtod(argv[i + 1], nullptr);
    } else if (word == "--days") {
      options.days = std::atoi(argv[i + 1]);
    } else if (word == "--share") {
      options.share_us = std::atoi(argv[i + 1]);
    } else if (word == "--folder") {
      options.folder = argv[i + 1];
    } else {
      good = false;
    }
  }
  std::string folder = options.folder + "/day_end_bench.XXXXXX";
  good = good && options.loans >= kDays && options.rate > 0 && options.seconds > 0 &&
         options.days >= 1 && options.days <= static_cast<int>(kDays) && options.share_us > 0;
  if (!good || mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr,
                 "usage: day_end_bench [--loans N] [--rate R] [--seconds S] [--days 1..30] "
                 "[--share US] [--folder DIR]; expected positive numbers and a folder to write "
                 "to\n");
    return 2;
  }
  const Status status = Run(options, folder);
  std::filesystem::remove_all(folder);
  if (!status.ok()) std::fprintf(stderr, "day_end_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace credence::bench

int main(int argc, char** argv) { return credence::bench::Main(argc, argv); }
