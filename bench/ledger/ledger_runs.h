#pragma once
// What ledger_bench measures, apart from its clock's printing: transfers in memory, transfers
// through the journal, and the day's end of many loans. Every run gives a digest of what it did,
// equal for equal options on every machine; the time that it took is beside it and in no digest.

#include <string>
#include <vector>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/ledger/ledger.h"

namespace credence::bench {

struct TransferRun {
  uint64_t transfers = 0;
  uint64_t refused = 0;
  double seconds = 0;            // of the commands, and of the appends where there is a journal
  std::vector<double> batch_us;  // sorted
  uint64_t journal_bytes = 0;
  Digest state;  // of the ledger afterwards
  [[nodiscard]] double PerSecond() const { return static_cast<double>(transfers) / seconds; }
};

struct TransferOptions {
  uint32_t accounts = 10'000;
  uint64_t transfers = 0;
  uint32_t batch = 8'190;
  uint64_t seed = 42;
};

// Posted transfers between random accounts, in batches.
TransferRun RunInMemory(const TransferOptions& options);
// The same; each batch is one frame of a journal in `folder` (made anew) with one sync before its
// statuses count as given. Afterwards the journal is read back into a second ledger, which must be
// equal (kDataLoss).
Result<TransferRun> RunDurably(FileSystem& files, const std::string& folder,
                               const TransferOptions& options);

struct DayEndOptions {
  uint32_t loans = 1'000'000;
  uint32_t days = 30;  // between two due dates of a loan: one of `days` loans falls due each day
  uint32_t days_run = 3;
};
struct DayEndRun {
  double setup_seconds = 0;  // opening all loans and their accounts
  struct Day {
    uint64_t due = 0;
    uint64_t transfers = 0;
    double seconds = 0;
  };
  std::vector<Day> days;
  Digest state;  // of ledger and loans
  bool balanced = false;
};
// Opens loans of twelve payments, then runs day's ends: for each loan that falls due, in the order
// (due, id), the loan is folded, its instalment is posted by a template (interest earned, principal
// due) and the loan goes to its next due date.
DayEndRun RunDayEnds(const DayEndOptions& options);

}  // namespace credence::bench
