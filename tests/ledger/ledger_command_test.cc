// What `credence ledger` prints of a small store is a file of tests/golden/ledger.
// CREDENCE_UPDATE_GOLDEN=1 writes those files anew: read the difference.

#include <gtest/gtest.h>

#include <cstdlib>

#include "apps/ledger.h"
#include "src/engine/money_testing.h"

namespace credence::apps {
namespace {

using engine::At;
using engine::kFolder;

constexpr int64_t kDay = 24 * kNsPerHour;

class LedgerCommand : public engine::MoneyTest {
 protected:
  void SetUp() override {
    MoneyTest::SetUp();
    Send(engine::Asked("a1", At(1), "b1", 200'000));
    Send(engine::Lent("l1", At(2), "b1", "L1", 300'000));
    Send(engine::Ordered("o1", At(kDay), "b1", "O1", 100'000));
    Send(engine::Shipped("s1", At(2 * kDay), "O1", 60'000));
    Send(engine::OfLoan("repayment.received", "r1", At(31 * kDay), "L1", 102'007));
    Send(engine::Lent("l2", At(32 * kDay), "b1", "L,2", 50'000));
    Send(engine::OfLoan("loan.settled", "z1", At(40 * kDay), "L1"));
  }

  std::string Seen(const LedgerOptions& options) {
    std::string out;
    std::string err;
    const int code = RunLedger(files_, options, &out, &err);
    return out + err + "exit " + std::to_string(code) + "\n";
  }
  static LedgerOptions Accounts() {
    LedgerOptions options;
    options.store = kFolder;
    return options;
  }
  static LedgerOptions Statement(const std::string& role, const std::string& key = "") {
    LedgerOptions options = Accounts();
    options.what = LedgerOptions::What::kStatement;
    options.role = role;
    options.key = key;
    return options;
  }
};

void ExpectGolden(const std::string& name, const std::string& actual) {
  journal::PosixFileSystem disk;
  const std::string folder = std::string(CREDENCE_SOURCE_DIR) + "/tests/golden/ledger";
  if (std::getenv("CREDENCE_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(disk.MakeFolders(folder).ok());
    auto file = disk.Open(folder + "/" + name, OpenMode::kReplace);
    ASSERT_TRUE(file.ok() && (*file)->WriteAt(0, actual).ok());
  }
  const auto expected = ReadWholeFile(disk, folder + "/" + name, 1 << 20);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  EXPECT_EQ(actual, *expected) << "CREDENCE_UPDATE_GOLDEN=1 writes " << name << " anew";
}

TEST_F(LedgerCommand, AccountsInEveryForm) {
  LedgerOptions options = Accounts();
  std::string seen = Seen(options);
  options.language = LedgerOptions::Language::kChinese;
  options.role = "receivable";
  seen += Seen(options);
  options.role.clear();
  options.to = "2024-03-31";
  options.language = LedgerOptions::Language::kEnglish;
  seen += Seen(options);
  options.format = LedgerOptions::Format::kCsv;
  seen += Seen(options);
  options.format = LedgerOptions::Format::kJson;
  seen += Seen(options);
  ExpectGolden("accounts.txt", seen);
}

TEST_F(LedgerCommand, StatementsInEveryForm) {
  LedgerOptions options = Statement("receivable", "L1");
  std::string seen = Seen(options);
  options = Statement("cash");
  options.from = "2024-03-02";
  options.to = "2024-04-02";
  seen += Seen(options);
  options.language = LedgerOptions::Language::kChinese;
  seen += Seen(options);
  options.format = LedgerOptions::Format::kCsv;
  seen += Seen(options);
  options.format = LedgerOptions::Format::kJson;
  seen += Seen(options);
  ExpectGolden("statement.txt", seen);
}

TEST_F(LedgerCommand, AStatementOfThePastDoesNotChange) {
  LedgerOptions options = Statement("cash");
  options.to = "2024-04-02";
  const std::string before = Seen(options);
  Send(engine::Lent("l3", At(50 * kDay), "b1", "L3", 10'000));
  EXPECT_EQ(Seen(options), before);
}

TEST_F(LedgerCommand, WrongOptionsAreNamed) {
  std::string seen = Seen(Statement("reseivable", "L1"));
  seen += Seen(Statement("receivable", "L9"));
  LedgerOptions options = Statement("cash");
  options.from = "yesterday";
  seen += Seen(options);
  options.from = "9999-12-31";
  seen += Seen(options);
  options.from = "2024-05-01";
  options.to = "2024-04-01";
  seen += Seen(options);
  options.store = "nowhere";
  seen += Seen(options);
  ExpectGolden("wrong.txt", seen);
}

}  // namespace
}  // namespace credence::apps
