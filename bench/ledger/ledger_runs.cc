#include "bench/ledger/ledger_runs.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "src/base/assert.h"
#include "src/base/random.h"
#include "src/journal/journal.h"
#include "src/ledger/command_codec.h"
#include "src/ledger/posting.h"
#include "src/lending/loan_book.h"

namespace credence::bench {

using ledger::AccountId;
using ledger::AccountSpec;
using ledger::AccountStatus;
using ledger::Ledger;
using ledger::TransferId;
using ledger::TransferSpec;
using ledger::TransferStatus;

namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Currency Yuan() { return *Currency::FromCode("CNY"); }

AccountSpec MakeAccount(uint64_t id, uint16_t code) {
  AccountSpec spec;
  spec.id = AccountId(id);
  spec.currency = Yuan();
  spec.code = code;
  return spec;
}

Ledger MakeLedger(uint32_t accounts) {
  Ledger ledger;
  for (uint32_t i = 1; i <= accounts; ++i) {
    CREDENCE_ASSERT(ledger.CreateAccount(1, MakeAccount(i, 1)) == AccountStatus::kCreated);
  }
  return ledger;
}

// Batches of the run, one after the other; made outside the time that is measured.
class Stream {
 public:
  explicit Stream(const TransferOptions& options) : options_(options), random_(options.seed) {}

  std::vector<TransferSpec> Next() {
    const uint64_t size = std::min<uint64_t>(options_.batch, options_.transfers - made_);
    std::vector<TransferSpec> batch(size);
    for (TransferSpec& transfer : batch) {
      const uint64_t debit = random_.Below(options_.accounts);
      const uint64_t other = random_.Below(options_.accounts - 1);
      transfer.id = TransferId(ledger::kCallerIdBit | ++made_);
      transfer.debit_account = AccountId(1 + debit);
      transfer.credit_account = AccountId(1 + (debit + 1 + other) % options_.accounts);
      transfer.amount = static_cast<int64_t>(1 + random_.Below(10'000));
      transfer.currency = Yuan();
      transfer.code = 1;
    }
    return batch;
  }
  [[nodiscard]] uint64_t made() const { return made_; }

 private:
  TransferOptions options_;
  Random random_;
  uint64_t made_ = 0;
};

// Any length: a command to the ledger holds at most Ledger::kBatchMax.
uint64_t Create(Ledger* ledger, int64_t now, const std::vector<TransferSpec>& batch) {
  std::vector<TransferStatus> statuses(batch.size());
  ledger->CreateTransfers(now, batch, statuses);
  return static_cast<uint64_t>(std::count_if(statuses.begin(), statuses.end(), [](auto status) {
    return status != TransferStatus::kCreated;
  }));
}

}  // namespace

TransferRun RunInMemory(const TransferOptions& options) {
  CREDENCE_ASSERT(options.accounts >= 2 && options.batch <= Ledger::kBatchMax);
  Ledger ledger = MakeLedger(options.accounts);
  Stream stream(options);
  TransferRun run;
  int64_t now = 1;
  while (stream.made() < options.transfers) {
    const std::vector<TransferSpec> batch = stream.Next();
    const auto start = Clock::now();
    run.refused += Create(&ledger, ++now, batch);
    const double seconds = SecondsSince(start);
    run.seconds += seconds;
    run.batch_us.push_back(seconds * 1e6);
  }
  run.transfers = stream.made();
  std::sort(run.batch_us.begin(), run.batch_us.end());
  run.state = ledger.StateDigest();
  return run;
}

Result<TransferRun> RunDurably(FileSystem& files, const std::string& folder,
                               const TransferOptions& options) {
  CREDENCE_ASSERT(options.accounts >= 2 && options.batch <= Ledger::kBatchMax);
  CREDENCE_TRY(MakeFoldersDurably(files, folder));
  Ledger ledger = MakeLedger(options.accounts);
  Stream stream(options);
  TransferRun run;
  {
    CREDENCE_ASSIGN(const auto journal, journal::Journal::Open(files, folder));
    std::string record;
    uint64_t seq = 0;
    while (stream.made() < options.transfers) {
      const std::vector<TransferSpec> batch = stream.Next();
      const auto start = Clock::now();
      const auto now = static_cast<int64_t>(++seq + 1);
      record.clear();
      ledger::EncodeTransfers(now, batch, &record);
      const std::string_view view = record;
      const auto head = journal->Append(Seq(seq), {&view, 1});
      if (!head.ok()) return head.status();
      run.refused += Create(&ledger, now, batch);
      const double seconds = SecondsSince(start);
      run.seconds += seconds;
      run.batch_us.push_back(seconds * 1e6);
      run.journal_bytes += record.size();
    }
  }
  run.transfers = stream.made();
  std::sort(run.batch_us.begin(), run.batch_us.end());
  run.state = ledger.StateDigest();

  Ledger again = MakeLedger(options.accounts);
  journal::Options reading;
  reading.on_frame = [&](const journal::FrameView& frame) -> Status {
    for (const std::string_view stored : frame.records) {
      CREDENCE_ASSIGN(const ledger::TransferBatch batch, ledger::DecodeTransfers(stored));
      Create(&again, batch.now_ns, batch.transfers);
    }
    return {};
  };
  CREDENCE_ASSIGN(const auto reopened, journal::Journal::Open(files, folder, reading));
  if (again.StateDigest() != run.state) {
    return DataLoss("the ledger that the journal gives is not the one that wrote it");
  }
  return run;
}

namespace {

constexpr uint64_t kFunding = 1;
constexpr uint64_t kInterestIncome = 2;
constexpr uint64_t kDue = 3;
constexpr uint64_t kFirstLoan = 1000;

ledger::PostingBook MakePostings() {
  using ledger::Side;
  std::vector<Diagnostic> diagnostics;
  ledger::PostingTemplate lend{"disbursement",
                               1,
                               {{Side::kDebit, "receivable", {"principal"}, 0},
                                {Side::kCredit, "funding", {"principal"}, 0}}};
  ledger::PostingTemplate due{"instalment_due",
                              2,
                              {{Side::kDebit, "due", {"principal", "interest"}, 0},
                               {Side::kCredit, "receivable", {"principal"}, 0},
                               {Side::kCredit, "interest_income", {"interest"}, 0}}};
  auto book = ledger::PostingBook::Compile({{"receivable", 10, Side::kDebit, 0},
                                            {"funding", 11, Side::kCredit, 0},
                                            {"interest_income", 12, Side::kCredit, 0},
                                            {"due", 13, Side::kDebit, 0}},
                                           {lend, due}, &diagnostics);
  CREDENCE_ASSERT(diagnostics.empty());
  return book;
}

std::shared_ptr<const lending::BookedProduct> MakeProduct(uint32_t days) {
  auto product = std::make_shared<lending::BookedProduct>();
  product->name = "twelve payments";
  product->digest = Sha256(product->name);
  lending::Terms& terms = product->product.terms;
  terms.periods = 12;
  terms.every = static_cast<int32_t>(days);
  terms.unit = lending::PeriodUnit::kDays;
  terms.annual_rate = Decimal::FromScaled(144, -3);
  terms.basis = lending::InterestBasis::kAct365;
  return product;
}

class DayEnds {
 public:
  explicit DayEnds(const DayEndOptions& options) : options_(options), postings_(MakePostings()) {}

  void Open() {
    for (const uint64_t id : {kFunding, kInterestIncome, kDue}) {
      CREDENCE_ASSERT(ledger_.CreateAccount(1, MakeAccount(id, static_cast<uint16_t>(10 + id))) ==
                      AccountStatus::kCreated);
    }
    const auto product = MakeProduct(options_.days);
    const Date first = *Date::FromCivil(2024, 1, 1);
    Random random(42);
    for (uint32_t i = 0; i < options_.loans; ++i) {
      const auto amount = static_cast<int64_t>(100'000 + random.Below(10'000'000));
      const uint64_t id = kFirstLoan + i;
      const Date start = first.PlusDays(i % options_.days);
      CREDENCE_ASSERT(loans_.Open(lending::LoanId(id), product, start, amount, 1).ok());
      CREDENCE_ASSERT(ledger_.CreateAccount(static_cast<int64_t>(seq_), MakeAccount(id, 10)) ==
                      AccountStatus::kCreated);
      CREDENCE_ASSERT(Post("disbursement", id, amount, 0));
    }
  }

  DayEndRun::Day Run(uint32_t number) {
    DayEndRun::Day day;
    const Date today = FirstDue().PlusDays(number);
    const auto start = Clock::now();
    const size_t transfers = ledger_.transfer_count();
    constexpr size_t kStep = 256;  // as timers fire in the engine
    while (true) {
      const auto due = loans_.DueBy(today, kStep);
      for (const auto& entry : due) {
        const auto loan = loans_.Read(entry.loan, today);
        int64_t principal = 0;
        int64_t interest = 0;
        for (const lending::Period& period : loan->plan().periods()) {
          if (period.due != entry.day) continue;
          principal = period.principal;
          interest = period.interest;
        }
        CREDENCE_ASSERT(Post("instalment_due", entry.loan.value(), principal, interest));
        loans_.Turn(entry.loan, entry.day);
      }
      day.due += due.size();
      if (due.size() < kStep) break;
    }
    day.seconds = SecondsSince(start);
    day.transfers = ledger_.transfer_count() - transfers;
    return day;
  }

  [[nodiscard]] Digest State() const {
    MultisetHash hash;
    const Digest ledger = ledger_.StateDigest();
    hash.Add(ledger.view());
    loans_.VisitRows([&](std::string_view key, std::string_view value) {
      hash.Add(std::string(key) + std::string(value));
    });
    return hash.digest();
  }

  [[nodiscard]] bool Balanced() const {
    Int128 debits = 0;
    Int128 credits = 0;
    for (const ledger::Account& account : ledger_.accounts()) {
      debits += account.balances.debits_posted;
      credits += account.balances.credits_posted;
    }
    return debits == credits;
  }

 private:
  [[nodiscard]] Date FirstDue() const {
    return Date::FromCivil(2024, 1, 1)->PlusDays(options_.days);
  }

  bool Post(std::string_view name, uint64_t loan, int64_t principal, int64_t interest) {
    ledger::PostingRequest request;
    request.name = name;
    request.amounts["principal"] = principal;
    if (interest > 0) request.amounts["interest"] = interest;
    request.currencies[0] = Yuan();
    request.account = [loan](std::string_view role, Currency) {
      if (role == "receivable") return AccountId(loan);
      if (role == "funding") return AccountId(kFunding);
      return AccountId(role == "due" ? kDue : kInterestIncome);
    };
    request.seq = Seq(++seq_);
    request.user_64 = loan;
    const auto transfers = postings_.Post(request);
    return transfers.ok() && Create(&ledger_, static_cast<int64_t>(seq_), *transfers) == 0;
  }

  DayEndOptions options_;
  ledger::PostingBook postings_;
  Ledger ledger_;
  lending::LoanBook loans_;
  uint64_t seq_ = 1;
};

}  // namespace

DayEndRun RunDayEnds(const DayEndOptions& options) {
  DayEndRun run;
  DayEnds ends(options);
  const auto start = Clock::now();
  ends.Open();
  run.setup_seconds = SecondsSince(start);
  for (uint32_t day = 0; day < options.days_run; ++day) run.days.push_back(ends.Run(day));
  run.state = ends.State();
  run.balanced = ends.Balanced();
  return run;
}

}  // namespace credence::bench
