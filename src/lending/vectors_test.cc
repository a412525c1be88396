// Schedules against Fineract's public test vectors (Apache-2.0).
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <map>

#include "src/lending/plan.h"
#include "src/lending/test_support.h"

namespace credence::lending {
namespace {

// "360/30": days in the year / days in the month. "recog": the year turns on 1 January.
bool SetConvention(const std::string& convention, Terms* terms) {
  static const std::map<std::string, InterestBasis> kBases{
      {"360/30", InterestBasis::kThirty360}, {"360/A", InterestBasis::kAct360},
      {"364/A", InterestBasis::kAct364},     {"365/A", InterestBasis::kAct365},
      {"A/A", InterestBasis::kActAct},       {"A/A recog", InterestBasis::kActAct},
      {"F/A", InterestBasis::kActActFeb29},
  };
  const auto it = kBases.find(convention);
  if (it == kBases.end()) return false;
  terms->basis = it->second;
  terms->split_on_new_year = convention == "A/A recog";
  return true;
}

PeriodUnit UnitFrom(const std::string& text) {
  if (text == "DAYS") return PeriodUnit::kDays;
  if (text == "WEEKS") return PeriodUnit::kWeeks;
  return PeriodUnit::kMonths;
}

TEST(FineractVectors, EqualInstalmentSchedulesToTheCent) {
  const std::string path = VectorFolder() + "/fineract/emi_schedules.csv";
  SKIP_WITHOUT_VECTORS(path);
  std::istringstream file(ReadText(path));
  std::string line;
  std::getline(file, line);
  std::map<std::string, std::vector<std::vector<std::string>>> schedules;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = CsvFields(line);
    schedules[fields[0]].push_back(fields);
  }
  int passed = 0;
  int failed = 0;
  for (const auto& [id, rows] : schedules) {
    const std::vector<std::string>& first = rows.front();
    Terms terms;
    ASSERT_TRUE(SetConvention(first[3], &terms)) << first[3];
    terms.annual_rate = Percent(first[5]);
    terms.every = std::stoi(first[7]);
    terms.unit = UnitFrom(first[8]);
    terms.periods = std::stoi(first[9]);
    const Date start = LongDate(first[6]);
    ASSERT_TRUE(CheckTerms(terms).ok());
    Plan plan(terms, MakePeriods(terms, start, nullptr).value());
    plan.Draw(start, Cents(first[4]));
    bool same = rows.size() == plan.periods().size();
    std::ostringstream got;
    for (size_t i = 0; same && i < rows.size(); ++i) {
      const Period& p = plan.periods()[i];
      got << p.due.ToString() << ' ' << p.principal << ' ' << p.interest << ' ' << p.balance_after
          << '\n';
      same = p.due == LongDate(rows[i][12]) && p.principal == Cents(rows[i][13]) &&
             p.interest == Cents(rows[i][14]) && p.Due() == Cents(rows[i][15]) &&
             p.balance_after == Cents(rows[i][16]);
    }
    ++(same ? passed : failed);
    EXPECT_TRUE(same) << "schedule " << id << " " << first[1] << " " << first[3] << "\n"
                      << got.str();
  }
  std::printf("emi_schedules.csv: %d passed, %d failed\n", passed, failed);
  EXPECT_GT(passed, 0);
}

}  // namespace
}  // namespace credence::lending
