// credence schedule: the schedule of a loan product, its true yearly cost, and whether the law
// allows it.

#include "apps/schedule.h"

#include <fmt/format.h>

#include <memory>

#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

constexpr uint64_t kProductFileBytesMax = uint64_t{1} << 20;

pack::Node Scalar(std::string text) {
  pack::Node node;
  node.text = std::move(text);
  return node;
}

// Sets the scalar at a dotted path, making maps on the way.
void SetPath(pack::Node* root, std::string_view path, const std::string& value) {
  const size_t dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  pack::Node* member = nullptr;
  for (size_t i = 0; i < root->keys.size(); ++i) {
    if (root->keys[i].text == name) member = &root->items[i];
  }
  if (member == nullptr) {
    root->keys.push_back(Scalar(std::string(name)));
    root->items.emplace_back();
    member = &root->items.back();
    if (dot != std::string_view::npos) member->kind = pack::Node::Kind::kMap;
  }
  if (dot == std::string_view::npos) {
    *member = Scalar(value);
  } else {
    SetPath(member, path.substr(dot + 1), value);
  }
}

void Complain(const std::vector<Diagnostic>& diagnostics, std::string* err) {
  for (const Diagnostic& diagnostic : diagnostics) *err += ToString(diagnostic) + "\n";
}

// The tree of a file; nothing after a complaint.
std::optional<pack::Node> ReadTree(FileSystem& files, const std::string& path,
                                   pack::Reporter* reporter, std::string* err) {
  const auto text = ReadWholeFile(files, path, kProductFileBytesMax);
  if (!text.ok()) {
    *err += "credence: " + path + ": " + text.status().message() + "\n";
    return std::nullopt;
  }
  auto node = pack::ParseYaml(*text, reporter);
  if (node && node->kind != pack::Node::Kind::kMap) {
    reporter->Error(*node, "wrong-type", "expected a map with the fields of a product");
    return std::nullopt;
  }
  return node;
}

// Nothing after a complaint; `code` is the exit code then.
std::optional<ScheduledProduct> Schedule(const pack::Node& tree, pack::Reporter* reporter) {
  auto product = pack::ReadLoanProduct(tree, std::nullopt, reporter);
  if (!product) return std::nullopt;
  for (const auto& [name, missing] :
       {std::pair("principal", !product->principal_minor), std::pair("start", !product->start)}) {
    if (!missing) continue;
    reporter->Error(
        tree, "missing-key",
        fmt::format("product {}: expected '{}' in the file, or --{}", product->name, name, name));
  }
  if (HasErrors(*reporter->diagnostics())) return std::nullopt;
  ScheduledProduct scheduled;
  scheduled.start = *product->start;
  const auto request = product->Request(*product->principal_minor, *product->start);
  auto offer =
      request.ok() ? lending::MakeOffer(*request) : Result<lending::Offer>(request.status());
  if (!offer.ok()) {
    reporter->Error(tree, "bad-product",
                    fmt::format("product {}: {}", product->name, offer.status().message()));
    return std::nullopt;
  }
  scheduled.offer = std::move(*offer);
  scheduled.product = std::move(*product);
  return scheduled;
}

std::optional<pack::CapBook> ReadCaps(FileSystem& files, const std::string& path,
                                      std::string* err) {
  std::vector<Diagnostic> diagnostics;
  pack::Reporter reporter(path, &diagnostics);
  const auto tree = ReadTree(files, path, &reporter, err);
  auto caps = tree ? pack::CapBook::Read(*tree, &reporter) : std::nullopt;
  Complain(diagnostics, err);
  return caps;
}

// Products from the files, or the one that the flags make. Empty after complaints.
std::vector<ScheduledProduct> ReadProducts(FileSystem& files, const ScheduleOptions& options,
                                           std::string* err) {
  std::vector<ScheduledProduct> products;
  std::vector<std::string> names = options.files;
  if (names.empty()) names.emplace_back();
  for (const std::string& name : names) {
    std::vector<Diagnostic> diagnostics;
    pack::Reporter reporter(name.empty() ? "command line" : name, &diagnostics);
    std::optional<pack::Node> tree;
    if (name.empty()) {
      tree.emplace();
      tree->kind = pack::Node::Kind::kMap;
      SetPath(&*tree, "product", "offer");
    } else {
      tree = ReadTree(files, name, &reporter, err);
    }
    if (tree) {
      for (const auto& [path, value] : options.set) SetPath(&*tree, path, value);
      auto scheduled = Schedule(*tree, &reporter);
      if (scheduled) products.push_back(std::move(*scheduled));
    }
    Complain(diagnostics, err);
  }
  if (products.size() != names.size()) products.clear();
  return products;
}

Status WriteFile(FileSystem& files, const std::string& path, std::string_view content) {
  CREDENCE_ASSIGN(const auto file, files.Open(path, OpenMode::kReplace));
  return file->WriteAt(0, content);
}

}  // namespace

std::string InLanguage(ScheduleLanguage language, std::string_view english,
                       std::string_view chinese, std::string_view between) {
  if (language == ScheduleLanguage::kEnglish) return std::string(english);
  if (language == ScheduleLanguage::kChinese) return std::string(chinese);
  return std::string(english) + std::string(between) + std::string(chinese);
}

int RunSchedule(FileSystem& files, const ScheduleOptions& options, std::string* out,
                std::string* err) {
  std::vector<ScheduledProduct> products = ReadProducts(files, options, err);
  if (products.empty()) return 2;
  std::optional<pack::CapBook> caps;
  if (!options.caps.empty()) {
    caps = ReadCaps(files, options.caps, err);
    if (!caps) return 2;
  }
  std::optional<Date> on;
  if (!options.on.empty()) {
    const auto day = Date::Parse(options.on);
    if (!day.ok()) {
      *err += "credence: --on: expected a date such as 2024-01-31\n";
      return 2;
    }
    on = *day;
  }
  bool refused = false;
  for (ScheduledProduct& scheduled : products) {
    if (!caps) continue;
    scheduled.breaches = caps->Check(scheduled.product.jurisdiction, scheduled.product.lender,
                                     on.value_or(scheduled.start), scheduled.offer);
    for (const auto& breach : scheduled.breaches) {
      if (breach.breach.rule->action == lending::CapAction::kRefuse) scheduled.refused = true;
    }
    refused = refused || scheduled.refused;
  }
  switch (options.format) {
    case ScheduleFormat::kText:
      *out += ScheduleText(products, options.language);
      break;
    case ScheduleFormat::kJson:
      *out += ScheduleJson(products);
      break;
    case ScheduleFormat::kCsv:
      *out += ScheduleCsv(products);
      break;
  }
  if (!options.svg.empty()) {
    const Status written = WriteFile(files, options.svg, ScheduleSvg(products, options.language));
    if (!written.ok()) {
      *err += "credence: --svg: cannot write " + options.svg + ": " + written.message() + "\n";
      return 1;
    }
  }
  return refused ? 1 : 0;
}

Action AddSchedule(CLI::App* app) {
  struct Flags {
    ScheduleOptions options;
    std::vector<std::string> set;
    std::map<std::string, std::string> sugar;  // path to value
    bool json = false;
    bool csv = false;
    std::string language = "both";
  };
  auto flags = std::make_shared<Flags>();
  app->add_option("product", flags->options.files,
                  "files of products (YAML or JSON); several are compared");
  const auto field = [&](const char* flag, const char* path, const char* what) {
    app->add_option(flag, flags->sugar[path], what);
  };
  field("--currency", "currency", "ISO 4217 code");
  field("--principal", "principal", "amount in major units; the price, with a down payment");
  field("--start", "start", "day of the loan, such as 2024-01-31");
  field("--kind", "terms.kind",
        "equal-instalments 等额本息, equal-principal 等额本金, interest-only 先息后本, "
        "single-payment 到期还本付息, flat 等本等息");
  field("--rate", "terms.rate", "nominal rate a year: 7.2% or 0.072");
  field("--periods", "terms.periods", "number of repayments");
  field("--every", "terms.every", "between two of them: 1 month (default), 2 weeks, 10 days");
  field("--basis", "terms.basis", "how days count: 30/360 (default), act/365, act/360, act/act …");
  app->add_option("--set", flags->set, "any other field: terms.balloon=20000, merchant_fee=3%")
      ->allow_extra_args(false);
  app->add_option("--caps", flags->options.caps,
                  "file of caps on cost; a product above one is refused");
  app->add_option("--on", flags->options.on, "day of the law (default: the day of the loan)");
  app->add_flag("--json", flags->json, "print JSON, amounts as decimal strings");
  app->add_flag("--csv", flags->csv, "print CSV, a line for each payment");
  app->add_option("--svg", flags->options.svg, "write a picture of payments and balance");
  app->add_option("--language", flags->language, "of the texts: en, zh or both")
      ->check(CLI::IsMember({"en", "zh", "both"}));
  app->footer(
      "Exit code: 0; 1 where a cap refuses a product; 2 where a product is wrong.\n"
      "Examples:\n"
      "  credence schedule --kind equal-instalments --rate 7.2% --periods 12 --currency CNY "
      "--principal 120000 --start 2024-01-31\n"
      "  credence schedule examples/products/equal-instalments.yaml --svg plan.svg\n"
      "  credence schedule examples/products/*-fee.yaml examples/products/equal-instalments.yaml\n"
      "  credence schedule examples/products/guaranteed.yaml --caps examples/caps.yaml\n"
      "  credence schedule examples/products/balloon.yaml --set terms.balloon=50000 --csv\n"
      "Fields of a product: docs/LENDING.md");
  return [flags] {
    ScheduleOptions options = flags->options;
    if (flags->json && flags->csv) {
      Fail("--json and --csv: expected only one of them");
      return 2;
    }
    if (flags->json) options.format = ScheduleFormat::kJson;
    if (flags->csv) options.format = ScheduleFormat::kCsv;
    if (flags->language == "en") options.language = ScheduleLanguage::kEnglish;
    if (flags->language == "zh") options.language = ScheduleLanguage::kChinese;
    for (const auto& [path, value] : flags->sugar) {
      if (!value.empty()) options.set.emplace_back(path, value);
    }
    for (const std::string& pair : flags->set) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos || equals == 0) {
        Fail("--set: expected FIELD=VALUE such as terms.balloon=20000, came '" + pair + "'");
        return 2;
      }
      options.set.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    journal::PosixFileSystem files;
    std::string out;
    std::string err;
    const int code = RunSchedule(files, options, &out, &err);
    fmt::print("{}", out);
    fmt::print(stderr, "{}", err);
    return code;
  };
}

}  // namespace credence::apps
