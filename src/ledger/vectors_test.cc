// Public two-phase transfer vectors (TigerBeetle's state machine tests, Apache-2.0) as rows of
// words, run against Ledger. A folder of other files in the same format:
// CREDENCE_LEDGER_VECTORS=DIR.
//
// Mapping. A ledger number is a currency (1 CNY, 2 USD, 3 EUR, 9 JPY and so on, 0 none). "-n" is
// the greatest amount less n, where theirs is 2^128 - 1 and ours kAmountMax. Statuses have the same
// names but for:
//   ledger -> currency, int_max -> max, user_data -> user, account_id -> account,
//   debit_account_already_closed -> debit_account_closed (credit alike),
//   exists_with_different_debit_account_id -> exists_with_different_debit_account (credit alike).
// Without a word of ours: timestamps chosen by the caller (imported, timestamp_must_be_zero),
// reserved fields, and an account with balances from the start. Such a row is counted as
// unsupported and left out.
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "src/ledger/ledger.h"

namespace credence::ledger {
namespace {

using Row = std::vector<std::string>;

struct Tally {
  int passed = 0;
  int failed = 0;
  int unsupported = 0;
};

std::string VectorFolder() {
  if (const char* folder = std::getenv("CREDENCE_LEDGER_VECTORS")) return folder;
  if (const char* shared = std::getenv("CREDENCE_SHARED")) {
    return std::string(shared) + "/data/vectors/ledger";
  }
  return std::string(CREDENCE_SOURCE_DIR) + "/../shared/data/vectors/ledger";
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string OurWord(std::string status) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"transfer_must_have_the_same_ledger_as_accounts",
            "transfer_must_have_the_currency_of_its_accounts"},
           {"ledger_must_not_be_zero", "currency_must_not_be_none"},
           {"_already_closed", "_closed"},
           {"ledger", "currency"},
           {"int_max", "max"},
           {"user_data", "user"},
           {"debit_account_id", "debit_account"},
           {"credit_account_id", "credit_account"}}) {
    status = Replaced(status, from, to);
  }
  return status;
}

// Plays the rows of one test.
class Player {
 public:
  explicit Player(Tally* tally) : tally_(tally) {}

  // A row with a verb that is not known is unsupported, one that cannot be read has failed.
  void Play(const Row& row, const std::string& where) {
    where_ = where;
    static const std::map<std::string, size_t> kCells{{"account", 21},
                                                      {"transfer", 24},
                                                      {"commit", 2},
                                                      {"setup", 6},
                                                      {"tick", 3},
                                                      {"lookup_account", 3},
                                                      {"lookup_transfer", 3},
                                                      {"get_account_transfers", 12},
                                                      {"get_account_balances", 12},
                                                      {"get_account_transfers_result", 2},
                                                      {"get_account_balances_result", 6}};
    const auto cells = kCells.find(row.empty() ? "" : row[0]);
    if (cells == kCells.end()) {
      std::printf("unsupported: %s: %s\n", where.c_str(), row.empty() ? "no verb" : row[0].c_str());
      ++tally_->unsupported;
      return;
    }
    if (row.size() < cells->second) {
      return Check(
          false, std::to_string(row.size()) + " cells, expected " + std::to_string(cells->second));
    }
    try {
      PlayRow(row);
    } catch (const std::exception& error) {
      Check(false, std::string("a cell that cannot be read: ") + error.what());
    }
  }

 private:
  void PlayRow(const Row& row) {
    const std::string& verb = row[0];
    if (verb == "account") return AddAccount(row);
    if (verb == "transfer") return AddTransfer(row);
    if (verb == "commit") return Commit(row[1]);
    if (verb == "setup") return Setup(row);
    if (verb == "tick") return Tick(row);
    if (verb == "lookup_account") return LookUpAccount(row);
    if (verb == "lookup_transfer") return LookUpTransfer(row);
    if (verb == "get_account_transfers" || verb == "get_account_balances") return Ask(row);
    if (verb == "get_account_transfers_result" || verb == "get_account_balances_result") {
      wanted_.push_back(row);
    }
  }

  static UInt128 Id(const std::string& text) {
    if (text == "_") return 0;
    if (text == "-0") return kIdMax;
    return static_cast<UInt128>(std::stoull(text.substr(1)));
  }
  static uint64_t Number(const std::string& text) {
    if (text == "_") return 0;
    return std::stoull(std::isdigit(static_cast<unsigned char>(text[0])) != 0 ? text
                                                                              : text.substr(1));
  }
  static int64_t Amount(const std::string& text) {
    if (text == "_") return 0;
    if (text[0] == '-') return kAmountMax - std::stoll(text.substr(1));
    return std::stoll(text);
  }
  static Currency CurrencyOf(const std::string& text) {
    const uint64_t number = Number(text);
    if (number == 0) return {};
    constexpr std::array<const char*, 10> kCodes{"",    "CNY", "USD", "EUR", "GBP",
                                                 "CHF", "SEK", "DKK", "NOK", "JPY"};
    return Currency::FromCode(kCodes.at(number)).value();
  }

  void Check(bool ok, const std::string& what) {
    ++(ok ? tally_->passed : tally_->failed);
    if (!ok) std::printf("failed: %s: %s\n", where_.c_str(), what.c_str());
    EXPECT_TRUE(ok) << where_ << ": " << what;
  }

  // account id dp dpo cp cpo u128 u64 u32 reserved ledger code LNK D<C C<D HIST IMP CLSD reserved
  // timestamp result
  void AddAccount(const Row& row) {
    const std::string& want = row.back();
    const bool balances = want.find("pending_must_be_zero") != std::string::npos ||
                          want.find("posted_must_be_zero") != std::string::npos;
    if (want == "timestamp_must_be_zero" || want == "reserved_field" || want == "reserved_flag" ||
        balances || row[16] != "_" || want.starts_with("imported")) {
      ++tally_->unsupported;
      return;
    }
    AccountSpec spec;
    spec.id = AccountId(Id(row[1]));
    spec.user_128 = Number(row[6]);
    spec.user_64 = Number(row[7]);
    spec.user_32 = static_cast<uint32_t>(Number(row[8]));
    spec.currency = CurrencyOf(row[10]);
    spec.code = static_cast<uint16_t>(Number(row[11]));
    using namespace account_flag;  // NOLINT(google-build-using-namespace)
    const std::array<uint16_t, 6> flags{
        kLinked, kDebitsMustNotExceedCredits, kCreditsMustNotExceedDebits, kHistory, 0, kClosed};
    for (size_t i = 0; i < flags.size(); ++i) {
      if (row[12 + i] != "_") spec.flags = static_cast<uint16_t>(spec.flags | flags[i]);
    }
    accounts_.push_back(spec);
    account_want_.push_back(OurWord(want));
  }

  // transfer id debit credit amount pending u128 u64 u32 timeout ledger code
  //          LNK PEN POS VOI BDR BCR IMP CDR CCR reserved timestamp result
  void AddTransfer(const Row& row) {
    const std::string& want = row.back();
    if (want == "timestamp_must_be_zero" || want == "reserved_flag" ||
        want.starts_with("imported") || row[18] != "_") {
      ++tally_->unsupported;
      return;
    }
    TransferSpec spec;
    spec.id = TransferId(Id(row[1]));
    spec.debit_account = AccountId(Id(row[2]));
    spec.credit_account = AccountId(Id(row[3]));
    spec.amount = Amount(row[4]);
    spec.pending_id = TransferId(Id(row[5]));
    spec.user_128 = Number(row[6]);
    spec.user_64 = Number(row[7]);
    spec.user_32 = static_cast<uint32_t>(Number(row[8]));
    spec.timeout_s = static_cast<uint32_t>(Number(row[9]));
    spec.currency = CurrencyOf(row[10]);
    spec.code = static_cast<uint16_t>(Number(row[11]));
    // A reserved timeout of 999 seconds stands for "beyond the end of time" from three seconds
    // before it.
    spec.flags = 0;
    using namespace transfer_flag;  // NOLINT(google-build-using-namespace)
    const std::array<std::pair<const char*, uint16_t>, 8> flags{{{"LNK", kLinked},
                                                                 {"PEN", kPending},
                                                                 {"POS", kPost},
                                                                 {"VOI", kVoid},
                                                                 {"BDR", kBalancingDebit},
                                                                 {"BCR", kBalancingCredit},
                                                                 {"CDR", kClosingDebit},
                                                                 {"CCR", kClosingCredit}}};
    for (size_t i = 12; i <= 20; ++i) {
      for (const auto& [word, flag] : flags) {
        if (row[i] == word) spec.flags = static_cast<uint16_t>(spec.flags | flag);
      }
    }
    transfers_.push_back(spec);
    transfer_want_.push_back(OurWord(want));
  }

  void Commit(const std::string& what) {
    if (what == "create_accounts") {
      std::vector<AccountStatus> got(accounts_.size());
      ledger_.CreateAccounts(now_ns_, accounts_, got);
      for (size_t i = 0; i < got.size(); ++i) {
        Check(AccountStatusName(got[i]) == account_want_[i],
              "account got " + std::string(AccountStatusName(got[i])) + ", want " +
                  account_want_[i] + " at " + std::to_string(i));
      }
      accounts_.clear();
      account_want_.clear();
    } else if (what == "create_transfers") {
      std::vector<TransferStatus> got(transfers_.size());
      ledger_.CreateTransfers(now_ns_, transfers_, got);
      for (size_t i = 0; i < got.size(); ++i) {
        Check(TransferStatusName(got[i]) == transfer_want_[i],
              "transfer got " + std::string(TransferStatusName(got[i])) + ", want " +
                  transfer_want_[i] + " at " + std::to_string(i));
      }
      transfers_.clear();
      transfer_want_.clear();
    } else if (what == "get_account_transfers" || what == "get_account_balances") {
      CheckAnswer(what == "get_account_balances");
    }
    ++now_ns_;
  }

  // setup account debits_pending debits_posted credits_pending credits_posted: made by transfers
  // with a helper.
  void Setup(const Row& row) {
    const Account* account = ledger_.FindAccount(AccountId(Id(row[1])));
    if (account == nullptr) return Check(false, "no account " + row[1]);
    AccountSpec helper;
    helper.id = AccountId(1'000'000 + next_helper_++);
    helper.currency = account->spec.currency;
    helper.code = 1;
    ASSERT_EQ(ledger_.CreateAccount(now_ns_, helper), AccountStatus::kCreated);
    const auto move = [&](int64_t amount, bool debit, bool pending) {
      if (amount == 0) return;
      TransferSpec spec;
      spec.id = TransferId(2'000'000 + next_helper_++);
      spec.debit_account = debit ? AccountId(Id(row[1])) : helper.id;
      spec.credit_account = debit ? helper.id : AccountId(Id(row[1]));
      spec.amount = amount;
      spec.currency = helper.currency;
      spec.code = 1;
      spec.flags = pending ? transfer_flag::kPending : uint16_t{0};
      ASSERT_EQ(ledger_.CreateTransfer(now_ns_, spec), TransferStatus::kCreated) << where_;
    };
    const bool credits_first = (ledger_.FindAccount(AccountId(Id(row[1])))->spec.flags &
                                account_flag::kDebitsMustNotExceedCredits) != 0;
    for (const bool debit : credits_first ? std::array{false, true} : std::array{true, false}) {
      const size_t at = debit ? 2 : 4;
      move(Amount(row[at + 1]), debit, false);
      move(Amount(row[at]), debit, true);
    }
  }

  void Tick(const Row& row) {
    const int64_t unit = row[2] == "seconds" ? 1'000'000'000 : 1;
    const int64_t count = std::stoll(row[1]);
    if (count < 0) {
      now_ns_ = INT64_MAX + count * unit;
    } else {
      now_ns_ += count * unit;
    }
  }

  void LookUpAccount(const Row& row) {
    const AccountId id(Id(row[1]));
    const Account* account = ledger_.FindAccount(id);
    if (row.size() < 7) return Check(account == nullptr, "account " + row[1] + " exists");
    if (account == nullptr) return Check(false, "account " + row[1] + " does not exist");
    const Balances want{Amount(row[2]), Amount(row[3]), Amount(row[4]), Amount(row[5])};
    const Balances got = ledger_.BalancesNow(id, now_ns_);
    Check(got == want, "account " + row[1] + " has " + std::to_string(got.debits_pending) + " " +
                           std::to_string(got.debits_posted) + " " +
                           std::to_string(got.credits_pending) + " " +
                           std::to_string(got.credits_posted));
    Check(ledger_.BalancesAt(id, now_ns_) == want, "account " + row[1] + " as of now");
    Check(ledger_.IsClosedAt(id, now_ns_) == (row[6] == "CLSD"), "account " + row[1] + " closed");
  }

  void LookUpTransfer(const Row& row) {
    if (row[2] == "timestamp") {
      ++tally_->unsupported;
      return;
    }
    const Transfer* transfer = ledger_.FindTransfer(TransferId(Id(row[1])));
    if (row.size() < 4) return Check(false, "3 cells, expected 4");
    if (row[2] == "exists") {
      return Check((transfer != nullptr) == (row[3] == "true"), "transfer " + row[1] + " exists");
    }
    Check(transfer != nullptr && row[2] == "amount" && transfer->spec.amount == Amount(row[3]),
          "transfer " + row[1] + " " + row[2]);
  }

  // get_… account u128 u64 u32 code first last limit DR CR REV
  void Ask(const Row& row) {
    filter_ = {};
    filter_.account = AccountId(Id(row[1]));
    if (row[2] != "_") filter_.user_128 = Number(row[2]);
    if (row[3] != "_") filter_.user_64 = Number(row[3]);
    if (row[4] != "_") filter_.user_32 = static_cast<uint32_t>(Number(row[4]));
    if (row[5] != "_") filter_.code = static_cast<uint16_t>(Number(row[5]));
    filter_.first = TransferId(Id(row[6]));
    filter_.last = TransferId(Id(row[7]));
    filter_.limit = static_cast<uint32_t>(Number(row[8]));
    filter_.debits = row[9] == "DR";
    filter_.credits = row[10] == "CR";
    filter_.newest_first = row[11] == "REV";
    wanted_.clear();
  }

  void CheckAnswer(bool balances) {
    std::vector<BalanceRow> got;
    if (balances) {
      got = ledger_.BalanceHistory(filter_);
    } else {
      for (const Transfer* transfer : ledger_.Transfers(filter_)) {
        got.push_back({transfer->spec.id, transfer->time_ns, {}});
      }
    }
    Check(got.size() == wanted_.size(), "the answer has " + std::to_string(got.size()) + " rows");
    for (size_t i = 0; i < std::min(got.size(), wanted_.size()); ++i) {
      const Row& want = wanted_[i];
      bool same = got[i].transfer == TransferId(Id(want[1]));
      if (balances) {
        same = same && got[i].balances == Balances{Amount(want[2]), Amount(want[3]),
                                                   Amount(want[4]), Amount(want[5])};
      }
      Check(same, "row " + std::to_string(i) + " of the answer");
    }
  }

  Tally* tally_;
  std::string where_;
  Ledger ledger_;
  int64_t now_ns_ = 1;
  uint64_t next_helper_ = 1;
  std::vector<AccountSpec> accounts_;
  std::vector<std::string> account_want_;
  std::vector<TransferSpec> transfers_;
  std::vector<std::string> transfer_want_;
  HistoryFilter filter_;
  std::vector<Row> wanted_;
};

// {"test": name, "checks": [[[word …] …] …]}
bool IsTest(const rapidjson::Value& test) {
  if (!test.IsObject() || !test.HasMember("test") || !test["test"].IsString()) return false;
  if (!test.HasMember("checks") || !test["checks"].IsArray()) return false;
  for (const auto& check : test["checks"].GetArray()) {
    if (!check.IsArray()) return false;
    for (const auto& row : check.GetArray()) {
      if (!row.IsArray()) return false;
      for (const auto& word : row.GetArray()) {
        if (!word.IsString()) return false;
      }
    }
  }
  return true;
}

TEST(LedgerVectors, EveryRowWithWordsOfOursGivesItsStatus) {
  const std::string folder = VectorFolder();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no test vectors at " << folder;
  Tally tally;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    const Tally before = tally;
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    rapidjson::Document json;
    json.Parse(text.str().c_str());
    const auto fails = [&](const std::string& why) {
      std::printf("failed: %s: %s\n", path.filename().c_str(), why.c_str());
      ADD_FAILURE() << path << ": " << why;
      ++tally.failed;
    };
    if (json.HasParseError()) {
      fails("no JSON from byte " + std::to_string(json.GetErrorOffset()) + " on");
      json.SetArray();
    }
    if (!json.IsArray()) {
      std::printf("%s: another kind of file, not read\n", path.filename().c_str());
      continue;
    }
    for (rapidjson::SizeType number = 0; number < json.Size(); ++number) {
      const auto& test = json[number];
      if (!IsTest(test)) {
        fails("entry " + std::to_string(number) + ": expected test and checks, rows of words");
        continue;
      }
      const std::string name = path.filename().string() + ": " + test["test"].GetString();
      for (const auto& check : test["checks"].GetArray()) {
        Player player(&tally);
        size_t line = 0;
        std::vector<Row> rows;
        bool imports = false;
        for (const auto& words : check.GetArray()) {
          rows.emplace_back();
          for (const auto& word : words.GetArray()) rows.back().emplace_back(word.GetString());
          imports = imports ||
                    std::find(rows.back().begin(), rows.back().end(), "IMP") != rows.back().end();
        }
        if (imports) {  // what follows depends on the rows that we have no words for
          tally.unsupported += static_cast<int>(rows.size());
          continue;
        }
        for (const Row& row : rows) player.Play(row, name + " row " + std::to_string(line++));
      }
    }
    std::printf("%s: %d passed, %d failed, %d unsupported\n", path.filename().c_str(),
                tally.passed - before.passed, tally.failed - before.failed,
                tally.unsupported - before.unsupported);
  }
  EXPECT_GT(tally.passed, 0);
  EXPECT_EQ(tally.failed, 0);
}

}  // namespace
}  // namespace credence::ledger
