// The ledger and the day's end, measured, with PostgreSQL doing the same double entry in the same
// run.
//
//   ledger_bench [--folder DIR] [--scale PERCENT] [--no-postgres]
//
// Prints Markdown. Everything it makes stands in a folder of its own below DIR (default: the
// system's folder for temporary files), which is removed at the end.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "bench/ledger/ledger_runs.h"
#include "bench/ledger/postgres.h"
#include "src/journal/posix_file.h"

namespace credence::bench {
namespace {

struct Options {
  std::string folder = std::filesystem::temp_directory_path();
  double scale = 1;
  bool postgres = true;
};

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<size_t>(share * static_cast<double>(sorted.size() - 1));
  return sorted[index];
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return At(values, 0.5);
}

std::string FirstLine(const char* path, const char* key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(key)) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string LoadAverage() {
  std::ifstream file("/proc/loadavg");
  std::string line;
  std::getline(file, line);
  return line;
}

uint64_t Scaled(const Options& options, double count) {
  return std::max<uint64_t>(1, static_cast<uint64_t>(count * options.scale));
}

// Transfers a second, and the time of one where each has its own commit.
struct Rates {
  std::vector<double> ours_batched;
  std::vector<double> ours_thousand;
  std::vector<double> ours_single;
  std::vector<double> ours_single_p50;
  std::vector<double> set_based;
  std::vector<double> row_at_a_time;
};

Status MeasureMemory(const Options& options) {
  TransferOptions transfers;
  transfers.transfers = Scaled(options, 4'000'000);
  std::vector<double> rates;
  std::printf("| transfers in memory, batches of 8,190 | a second | p50 of a batch, us | p99 |\n");
  std::printf("|---|---|---|---|\n");
  Digest digest;
  for (int run = 0; run < 3; ++run) {
    const TransferRun result = RunInMemory(transfers);
    if (result.refused != 0) return Internal("a transfer was refused");
    std::printf("| run %d: %llu transfers, 10,000 accounts | %.0f | %.0f | %.0f |\n", run + 1,
                static_cast<unsigned long long>(result.transfers), result.PerSecond(),
                At(result.batch_us, 0.5), At(result.batch_us, 0.99));
    std::fflush(stdout);
    rates.push_back(result.PerSecond());
    digest = result.state;
  }
  std::printf("\nmedian %.0f a second; digest %s\n\n", Median(rates), digest.ToHex().c_str());
  return {};
}

Status MeasureDurable(const Options& options, const std::string& folder, int run, Rates* rates) {
  journal::PosixFileSystem files;
  TransferOptions transfers;
  for (const uint32_t batch : {8'190U, 1'000U, 1U}) {
    transfers.batch = batch;
    transfers.transfers = Scaled(options, batch == 1       ? 3'000
                                          : batch == 1'000 ? 500'000
                                                           : 2'000'000);
    const std::string journal =
        folder + "/journal-" + std::to_string(run) + "-" + std::to_string(batch);
    CREDENCE_ASSIGN(const TransferRun result, RunDurably(files, journal, transfers));
    std::filesystem::remove_all(journal);
    if (result.refused != 0) return Internal("a transfer was refused");
    std::printf("| %d | ledger and journal, %u a commit | %.0f | %.0f | %.0f | %s |\n", run + 1,
                batch, result.PerSecond(), At(result.batch_us, 0.5), At(result.batch_us, 0.99),
                result.state.ToHex().substr(0, 16).c_str());
    std::fflush(stdout);
    if (batch == 8'190) rates->ours_batched.push_back(result.PerSecond());
    if (batch == 1'000) rates->ours_thousand.push_back(result.PerSecond());
    if (batch == 1) rates->ours_single.push_back(result.PerSecond());
    if (batch == 1) rates->ours_single_p50.push_back(At(result.batch_us, 0.5));
  }
  return {};
}

// One call of a procedure that gives its microseconds back: transfers a second.
Result<double> Call(Postgres* server, const std::string& call, uint64_t transfers) {
  CREDENCE_ASSIGN(const std::string said, server->Run(call));
  const double us = std::strtod(said.c_str(), nullptr);
  if (us <= 0) return Internal("PostgreSQL said '" + said + "'");
  return static_cast<double>(transfers) / us * 1e6;
}

Status MeasurePostgres(const Options& options, Postgres* server, int run, Rates* rates) {
  const uint64_t batches = Scaled(options, 200);
  const uint64_t rows = Scaled(options, 5'000);
  const uint64_t first = 1 + static_cast<uint64_t>(run) * (batches * 1'000 + rows);
  CREDENCE_ASSIGN(const double set_based, Call(server,
                                               "CALL post_batches(" + std::to_string(first) + ", " +
                                                   std::to_string(batches) + ", 1000, NULL)",
                                               batches * 1'000));
  CREDENCE_ASSIGN(const double single,
                  Call(server,
                       "CALL post_rows(" + std::to_string(first + batches * 1'000) + ", " +
                           std::to_string(rows) + ", NULL)",
                       rows));
  std::printf("| %d | PostgreSQL, set-based, 1,000 a commit | %.0f | %.0f | - | |\n", run + 1,
              set_based, 1e9 / set_based);
  std::printf("| %d | PostgreSQL, row at a time | %.0f | %.0f (mean) | - | |\n", run + 1, single,
              1e6 / single);
  std::fflush(stdout);
  rates->set_based.push_back(set_based);
  rates->row_at_a_time.push_back(single);
  return {};
}

Status PreparePostgres(const Options& options, int runs, Postgres* server) {
  const std::string sql = CREDENCE_LEDGER_SQL;
  for (const char* file : {"/schema.sql", "/set_based.sql", "/row_at_a_time.sql"}) {
    CREDENCE_TRY(server->RunFile(sql + file));
  }
  const uint64_t wanted =
      static_cast<uint64_t>(runs) * (Scaled(options, 200) * 1'000 + Scaled(options, 5'000));
  return server->Run("CALL prepare(10000, " + std::to_string(wanted) + ")").status();
}

// Debits equal credits equal the sum of transfers, or the comparison means nothing.
Status CheckPostgres(Postgres* server) {
  CREDENCE_ASSIGN(const std::string said,
                  server->Run("SELECT sum(debits_posted) = sum(credits_posted) AND "
                              "sum(debits_posted) = (SELECT sum(amount) FROM transfers) FROM "
                              "accounts"));
  return said.starts_with("t") ? Status() : Internal("PostgreSQL does not balance: " + said);
}

Status MeasureBoth(const Options& options, const std::string& folder) {
  constexpr int kRuns = 3;
  Rates rates;
  std::unique_ptr<Postgres> server;
  if (options.postgres) {
    CREDENCE_ASSIGN(server, Postgres::Start(folder + "/postgres"));
    CREDENCE_TRY(PreparePostgres(options, kRuns, server.get()));
  }
  std::printf("| run | durable transfers | a second | p50 of a commit, us | p99 | state |\n");
  std::printf("|---|---|---|---|---|---|\n");
  for (int run = 0; run < kRuns; ++run) {
    CREDENCE_TRY(MeasureDurable(options, folder, run, &rates));
    if (server != nullptr) CREDENCE_TRY(MeasurePostgres(options, server.get(), run, &rates));
  }
  std::printf("\nalone, durable: p50 %.3f ms (median of the runs)\n",
              Median(rates.ours_single_p50) / 1e3);
  if (server == nullptr) return {};
  CREDENCE_TRY(CheckPostgres(server.get()));
  const auto print = [](const char* what, const std::vector<double>& ours,
                        const std::vector<double>& theirs) {
    std::vector<double> ratios;
    for (size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
    std::printf("| %s | %.1f |\n", what, Median(ratios));
  };
  std::printf("\n| ours against PostgreSQL, medians of paired runs | times |\n|---|---|\n");
  print("8,190 a commit : set-based, 1,000 a commit", rates.ours_batched, rates.set_based);
  print("1,000 a commit : set-based, 1,000 a commit", rates.ours_thousand, rates.set_based);
  print("8,190 a commit : row at a time", rates.ours_batched, rates.row_at_a_time);
  print("one a commit : row at a time", rates.ours_single, rates.row_at_a_time);
  std::printf("\n");
  return {};
}

Status MeasureDayEnd(const Options& options) {
  DayEndOptions loans;
  loans.loans = static_cast<uint32_t>(Scaled(options, 1'000'000));
  const DayEndRun run = RunDayEnds(loans);
  if (!run.balanced) return Internal("the ledger of the day's ends does not balance");
  std::printf("| day's end over %u loans | due | transfers | seconds |\n|---|---|---|---|\n",
              loans.loans);
  for (size_t i = 0; i < run.days.size(); ++i) {
    std::printf("| day %zu | %llu | %llu | %.3f |\n", i + 1,
                static_cast<unsigned long long>(run.days[i].due),
                static_cast<unsigned long long>(run.days[i].transfers), run.days[i].seconds);
  }
  std::printf("\nopening the loans took %.1f s; digest %s\n", run.setup_seconds,
              run.state.ToHex().c_str());
  return {};
}

Status Run(const Options& options, const std::string& folder) {
  std::printf("machine: %s, %ld cores; load average before %s\n\n",
              FirstLine("/proc/cpuinfo", "model name").c_str(), sysconf(_SC_NPROCESSORS_ONLN),
              LoadAverage().c_str());
  CREDENCE_TRY(MeasureMemory(options));
  CREDENCE_TRY(MeasureBoth(options, folder));
  CREDENCE_TRY(MeasureDayEnd(options));
  std::printf("\nload average after %s\n", LoadAverage().c_str());
  return {};
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--folder" && more) {
      options.folder = argv[++i];
    } else if (word == "--scale" && more) {
      options.scale = std::strtod(argv[++i], nullptr) / 100;
    } else if (word == "--no-postgres") {
      options.postgres = false;
    } else {
      std::fprintf(stderr,
                   "usage: ledger_bench [--folder DIR] [--scale PERCENT] [--no-postgres]\n");
      return 2;
    }
  }
  std::string folder = options.folder + "/ledger_bench.XXXXXX";
  if (options.scale <= 0 || mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "ledger_bench: expected a positive scale and a folder to write to\n");
    return 2;
  }
  std::filesystem::permissions(folder, std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  // Logs of PostgreSQL's programs are opened here before the user changes.
  const Status status = Run(options, folder);
  std::filesystem::remove_all(folder);
  if (!status.ok()) std::fprintf(stderr, "ledger_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace credence::bench

int main(int argc, char** argv) { return credence::bench::Main(argc, argv); }
