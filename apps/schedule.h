#pragma once
// What `credence schedule` does, apart from its command line: products from files and flags, their
// offers, and what is printed of them.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/file.h"
#include "src/lending/offer.h"
#include "src/pack/loan_product.h"

namespace credence::apps {

// Which languages texts are in. "both": English, then Chinese.
enum class ScheduleLanguage : uint8_t { kEnglish, kChinese, kBoth };
enum class ScheduleFormat : uint8_t { kText, kJson, kCsv };

struct ScheduleOptions {
  std::vector<std::string> files;  // products; none: the flags make one
  // Fields set or replaced in every product, by their path: {"terms.rate", "8%"}.
  std::vector<std::pair<std::string, std::string>> set;
  std::string caps;  // file of caps on cost; empty: nothing is checked
  std::string svg;   // file to write; empty: none
  std::string on;    // day of the law; empty: the day of the loan
  ScheduleFormat format = ScheduleFormat::kText;
  ScheduleLanguage language = ScheduleLanguage::kBoth;
};

// A product with its offer, and the caps that it breaks.
struct ScheduledProduct {
  pack::LoanProduct product;
  lending::Offer offer;
  Date start;
  std::vector<pack::CapBook::Breach> breaches;
  bool refused = false;  // one of them refuses
};

// Prints to `out` and complains to `err`, one line for each fault with field and expectation.
// Returns the exit code: 0; 1 where a cap refuses a product, or a file cannot be read or written; 2
// for products that are wrong.
int RunSchedule(FileSystem& files, const ScheduleOptions& options, std::string* out,
                std::string* err);

// --- how it looks (schedule_text.cc, schedule_svg.cc) ---
// One product: its schedule and cost. Several: side by side, their cost.
[[nodiscard]] std::string ScheduleText(const std::vector<ScheduledProduct>& products,
                                       ScheduleLanguage language);
[[nodiscard]] std::string ScheduleJson(const std::vector<ScheduledProduct>& products);
// A line for each row of each product, amounts in major units.
[[nodiscard]] std::string ScheduleCsv(const std::vector<ScheduledProduct>& products);
// One panel for each product: principal, interest and fees of each period as stacked bars, and the
// outstanding balance as a line with its own axis.
[[nodiscard]] std::string ScheduleSvg(const std::vector<ScheduledProduct>& products,
                                      ScheduleLanguage language);
// English, Chinese, or both with `between` in the middle.
[[nodiscard]] std::string InLanguage(ScheduleLanguage language, std::string_view english,
                                     std::string_view chinese, std::string_view between = " ");

}  // namespace credence::apps
