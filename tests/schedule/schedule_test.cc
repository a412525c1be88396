// What `credence schedule` prints of the products in examples/products is a file of
// tests/golden/schedule. CREDENCE_UPDATE_GOLDEN=1 writes those files anew: read the difference.

#include "apps/schedule.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "src/base/memory_file.h"
#include "src/journal/posix_file.h"

namespace credence::apps {
namespace {

const std::string kRoot = CREDENCE_SOURCE_DIR;
const std::vector<std::string> kProducts{"balloon",           "card-fee",        "down-payment",
                                         "equal-instalments", "equal-principal", "floating",
                                         "flat-interest",     "guaranteed",      "interest-only",
                                         "merchant-paid",     "one-payment",     "tranches"};

// The examples in memory, under the names that a person in the root folder would give them.
MemoryFileSystem& Examples() {
  static MemoryFileSystem files;
  static const bool filled = [] {
    journal::PosixFileSystem disk;
    std::vector<std::string> names{"examples/caps.yaml"};
    for (const std::string& product : kProducts) {
      names.push_back("examples/products/" + product + ".yaml");
    }
    EXPECT_TRUE(files.MakeFolders("examples/products").ok());
    for (const std::string& name : names) {
      const auto text = ReadWholeFile(disk, kRoot + "/" + name, 1 << 20);
      EXPECT_TRUE(text.ok()) << text.status().ToString();
      auto file = files.Open(name, OpenMode::kCreateNew);
      EXPECT_TRUE(file.ok() && (*file)->WriteAt(0, text.ok() ? *text : "").ok());
    }
    return true;
  }();
  EXPECT_TRUE(filled);
  return files;
}

ScheduleOptions Of(const std::vector<std::string>& products) {
  ScheduleOptions options;
  for (const std::string& product : products) {
    options.files.push_back("examples/products/" + product + ".yaml");
  }
  return options;
}

// Everything that a person sees: standard output, then complaints, then the exit code.
std::string Seen(const ScheduleOptions& options) {
  std::string out;
  std::string err;
  const int code = RunSchedule(Examples(), options, &out, &err);
  return out + err + "exit " + std::to_string(code) + "\n";
}

void ExpectGolden(const std::string& name, const std::string& actual) {
  journal::PosixFileSystem disk;
  const std::string path = kRoot + "/tests/golden/schedule/" + name;
  if (std::getenv("CREDENCE_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(disk.MakeFolders(kRoot + "/tests/golden/schedule").ok());
    auto file = disk.Open(path, OpenMode::kReplace);
    ASSERT_TRUE(file.ok() && (*file)->WriteAt(0, actual).ok());
  }
  const auto expected = ReadWholeFile(disk, path, 1 << 20);
  ASSERT_TRUE(expected.ok()) << expected.status().ToString();
  EXPECT_EQ(actual, *expected) << "CREDENCE_UPDATE_GOLDEN=1 writes " << name << " anew";
}

TEST(Schedule, EveryExampleIsPrintedAsItsGoldenFileSays) {
  for (const std::string& product : kProducts) {
    ScheduleOptions options = Of({product});
    options.caps = "examples/caps.yaml";
    ExpectGolden(product + ".txt", Seen(options));
  }
}

TEST(Schedule, ProductsSideBySideInEachLanguage) {
  ScheduleOptions options = Of(kProducts);
  options.caps = "examples/caps.yaml";
  options.language = ScheduleLanguage::kEnglish;
  ExpectGolden("compared.en.txt", Seen(options));
  options.language = ScheduleLanguage::kChinese;
  ExpectGolden("compared.zh.txt", Seen(options));
}

TEST(Schedule, JsonCsvAndThePicture) {
  ScheduleOptions options = Of({"guaranteed", "balloon"});
  options.caps = "examples/caps.yaml";
  options.format = ScheduleFormat::kJson;
  ExpectGolden("two.json", Seen(options));
  options.format = ScheduleFormat::kCsv;
  ExpectGolden("two.csv", Seen(options));
  options.svg = "plan.svg";
  ASSERT_EQ(Seen(options).find("credence:"), std::string::npos);
  const auto picture = ReadWholeFile(Examples(), "plan.svg", 1 << 20);
  ASSERT_TRUE(picture.ok());
  ExpectGolden("two.svg", *picture);
}

TEST(Schedule, AProductInJsonIsTheSameAsInYaml) {
  auto file = Examples().Open("examples/card.json", OpenMode::kReplace);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)
                  ->WriteAt(0, R"({"product": "card-fee",
      "title": {"en": "Card instalments with a fee", "zh": "信用卡分期手续费"},
      "currency": "CNY", "principal": "12000.00", "start": "2024-01-31",
      "terms": {"kind": "flat", "periods": 12, "every": "1 month", "rate": "0%"},
      "charges": [{"when": "instalment", "of": "drawn", "rate": "0.6%", "payee": "card issuer"}],
      "law": {"jurisdiction": "CN", "lender": "bank"}})")
                  .ok());
  ScheduleOptions json;
  json.files = {"examples/card.json"};
  EXPECT_EQ(Seen(json), Seen(Of({"card-fee"})));
}

TEST(Schedule, FlagsAloneMakeTheProductOfTheExample) {
  ScheduleOptions flags;
  flags.set = {{"currency", "CNY"},       {"principal", "120000"},
               {"start", "2024-01-31"},   {"terms.kind", "equal-instalments"},
               {"terms.rate", "0.072"},   {"terms.periods", "12"},
               {"law.jurisdiction", "CN"}};
  flags.format = ScheduleFormat::kCsv;
  ScheduleOptions file = Of({"equal-instalments"});
  file.set = {{"product", "offer"}};
  file.format = ScheduleFormat::kCsv;
  EXPECT_EQ(Seen(flags), Seen(file));
}

// The published figures: PBoC's triple of a card instalment, and a rate that is its own APR.
TEST(Schedule, FiguresAreThePublishedOnes) {
  const std::string card = Seen(Of({"card-fee"}));
  EXPECT_NE(card.find("13.03%"), std::string::npos);
  EXPECT_NE(card.find("13.84%"), std::string::npos);
  const std::string level = Seen(Of({"equal-instalments"}));
  EXPECT_NE(level.find("7.20%"), std::string::npos);
}

TEST(Schedule, AProductAboveACapIsRefusedWithFigureAndRule) {
  ScheduleOptions options = Of({"guaranteed"});
  options.caps = "examples/caps.yaml";
  std::string text = Seen(options);
  EXPECT_NE(text.find("REFUSED 拒绝  cn-platform-24: 32.63 % a year is above 24 % [comprehensive;"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("exit 1"), std::string::npos);
  // The day before the rule came into force only the older lines hold.
  options.on = "2025-09-30";
  text = Seen(options);
  EXPECT_EQ(text.find("REFUSED"), std::string::npos) << text;
  EXPECT_NE(text.find("WARNING"), std::string::npos) << text;
  EXPECT_NE(text.find("exit 0"), std::string::npos);
}

// One line of the golden file for each wrong input: the field, and what was expected.
TEST(Schedule, WrongInputNamesTheFieldAndWhatWasExpected) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"principal", "0"},
      {"principal", "-5"},
      {"principal", "1.005"},
      {"principal", "99999999999999999999"},
      {"currency", "RMB"},
      {"start", "2023-02-29"},
      {"start", "31.01.2024"},
      {"terms.kind", "annuity"},
      {"terms.kind", "equal-instalment"},
      {"terms.periods", "0"},
      {"terms.periods", "1201"},
      {"terms.periods", "twelve"},
      {"terms.every", "0 months"},
      {"terms.every", "fortnight"},
      {"terms.rate", "7,2%"},
      {"terms.rate", "-1%"},
      {"terms.rate", "6000%"},
      {"terms.basis", "30/365"},
      {"terms.first_due", "2024-01-31"},
      {"terms.principal_grace", "12"},
      {"terms.down_payment", "100%"},
      {"terms.balloon", "120000.01"},
      {"terms.multiple", "0"},
      {"terms.rounding", "bankers"},
      {"terms.smooth", "yes"},
      {"terms.business_days", "next"},
      {"terms.colour", "blue"},
      {"merchant_fee", "101%"},
      {"penalty.rate", "much"},
      {"law.lender", ""},
      {"charges", "none"},
      {"rate_steps", "5%"},
      {"calendar", "CN"},
  };
  std::string seen;
  for (const auto& [path, value] : wrong) {
    ScheduleOptions options = Of({"equal-instalments"});
    options.set = {{path, value}};
    const std::string text = Seen(options);
    EXPECT_NE(text.find("exit 2"), std::string::npos) << path << "=" << value << "\n" << text;
    seen += path + "=" + value + "\n" + text;
  }
  ScheduleOptions missing;
  seen += "nothing at all\n" + Seen(missing);
  missing.files = {"examples/products/nowhere.yaml"};
  seen += "no such file\n" + Seen(missing);
  ScheduleOptions options = Of({"equal-instalments"});
  options.caps = "examples/products/balloon.yaml";
  seen += "caps that are a product\n" + Seen(options);
  options.caps = "examples/caps.yaml";
  options.on = "today";
  seen += "on=today\n" + Seen(options);
  ExpectGolden("wrong.txt", seen);
}

}  // namespace
}  // namespace credence::apps
