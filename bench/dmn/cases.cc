#include "bench/dmn/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "src/base/random.h"

namespace credence::bench {
namespace {

struct Column {
  std::string name;
  std::string type;
};

// A decision table as both formats need it; cells are FEEL, which ZEN reads too where it is as
// plain as here.
struct Table {
  std::string name;
  std::string hit_policy;  // as DMN writes it
  std::vector<Column> inputs;
  std::vector<Column> outputs;
  std::vector<std::vector<std::string>> rules;  // input cells, then output cells
};

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string JsonText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string InputData(const std::vector<Column>& inputs) {
  std::string out;
  for (const Column& input : inputs) {
    out += fmt::format(
        "  <inputData id=\"in_{0}\" name=\"{0}\"><variable id=\"v_{0}\" name=\"{0}\" "
        "typeRef=\"{1}\"/></inputData>\n",
        input.name, input.type);
  }
  return out;
}

std::string Needs(const std::vector<Column>& inputs) {
  std::string out;
  for (const Column& input : inputs) {
    out += "    <informationRequirement><requiredInput href=\"#in_" + input.name +
           "\"/></informationRequirement>\n";
  }
  return out;
}

std::string Head(std::string_view name) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" id=\"{0}\" "
      "name=\"{0}\" namespace=\"urn:bench:{0}\">\n",
      name);
}

std::string ToDmn(const Table& table) {
  std::string out = Head(table.name) + InputData(table.inputs);
  out += fmt::format(
      "  <decision id=\"decide\" name=\"decide\">\n    <variable id=\"v_decide\" "
      "name=\"decide\"/>\n{}",
      Needs(table.inputs));
  out += "    <decisionTable id=\"table\" hitPolicy=\"" + table.hit_policy + "\">\n";
  for (const Column& input : table.inputs) {
    out += fmt::format(
        "      <input id=\"i_{0}\"><inputExpression id=\"e_{0}\" typeRef=\"{1}\"><text>{0}</text>"
        "</inputExpression></input>\n",
        input.name, input.type);
  }
  for (const Column& output : table.outputs) {
    out += fmt::format("      <output id=\"o_{0}\" name=\"{0}\" typeRef=\"{1}\"/>\n", output.name,
                       output.type);
  }
  for (size_t r = 0; r < table.rules.size(); ++r) {
    out += fmt::format("      <rule id=\"r{}\">", r + 1);
    for (size_t c = 0; c < table.rules[r].size(); ++c) {
      const char* tag = c < table.inputs.size() ? "inputEntry" : "outputEntry";
      out += fmt::format("<{0} id=\"r{1}c{2}\"><text>{3}</text></{0}>", tag, r + 1, c,
                         Escape(table.rules[r][c]));
    }
    out += "</rule>\n";
  }
  return out + "    </decisionTable>\n  </decision>\n</definitions>\n";
}

std::string ToJdm(const Table& table) {
  std::string out =
      "{\"contentType\":\"application/vnd.gorules.decision\",\"nodes\":["
      "{\"id\":\"in\",\"name\":\"in\",\"type\":\"inputNode\",\"content\":{}},"
      "{\"id\":\"table\",\"name\":\"table\",\"type\":\"decisionTableNode\",\"content\":{"
      "\"hitPolicy\":";
  out += table.hit_policy == "COLLECT" ? "\"collect\"" : "\"first\"";
  const auto columns = [&](std::string_view key, char letter, const std::vector<Column>& list) {
    out += fmt::format(",\"{}\":[", key);
    for (size_t i = 0; i < list.size(); ++i) {
      out += fmt::format("{}{{\"id\":\"{}{}\",\"name\":\"{}\",\"field\":\"{}\"}}",
                         i == 0 ? "" : ",", letter, i, list[i].name, list[i].name);
    }
    out += "]";
  };
  columns("inputs", 'i', table.inputs);
  columns("outputs", 'o', table.outputs);
  out += ",\"rules\":[";
  for (size_t r = 0; r < table.rules.size(); ++r) {
    out += fmt::format("{}{{\"_id\":\"r{}\"", r == 0 ? "" : ",", r + 1);
    for (size_t c = 0; c < table.rules[r].size(); ++c) {
      const bool is_input = c < table.inputs.size();
      const std::string& cell = table.rules[r][c];
      out += fmt::format(",\"{}{}\":{}", is_input ? 'i' : 'o',
                         is_input ? c : c - table.inputs.size(), JsonText(cell == "-" ? "" : cell));
    }
    out += "}\n";
  }
  return out +
         "]}},{\"id\":\"out\",\"name\":\"out\",\"type\":\"outputNode\",\"content\":{}}],"
         "\"edges\":[{\"id\":\"e1\",\"sourceId\":\"in\",\"targetId\":\"table\"},"
         "{\"id\":\"e2\",\"sourceId\":\"table\",\"targetId\":\"out\"}]}\n";
}

// Random numbers in the order in which they stand: arguments of a call have none.
using Draws = std::vector<uint64_t>;

// --- tables of many rules ------------------------------------------------------------

constexpr size_t kChannels = 40;
constexpr size_t kRegions = 50;
constexpr uint64_t kAmountMax = 100'000;
constexpr uint64_t kAgeMax = 81;

std::string Quoted(char letter, uint64_t number) {
  return fmt::format("\"{}{:02}\"", letter, number);
}

// Small indices are frequent, as a few sellers or regions bring most of the events.
uint64_t Skewed(Random& random, uint64_t size) {
  const double u = static_cast<double>(random.Below(1'000'000)) / 1'000'000.0;
  return static_cast<uint64_t>(static_cast<double>(size) * u * u * u);
}

const std::vector<Column>& TableInputs() {
  static const std::vector<Column> columns = {
      {"channel", "string"}, {"region", "string"}, {"amount", "number"}, {"age", "number"}};
  return columns;
}

// Rules that cannot overlap: a grid of channels and regions, each with bands of the amount.
Table UniqueTable(size_t rules, Random& random) {
  struct Grid {
    size_t channels, regions;
  };
  const Grid grid = rules <= 10     ? Grid{2, 1}
                    : rules <= 100  ? Grid{5, 4}
                    : rules <= 1000 ? Grid{10, 20}
                                    : Grid{rules <= 5000 ? 20U : kChannels, kRegions};
  const size_t bands = std::max<size_t>(1, rules / (grid.channels * grid.regions));
  Table table{
      fmt::format("unique-{}", rules), "UNIQUE", TableInputs(), {{"verdict", "string"}}, {}};
  for (size_t channel = 0; channel < grid.channels; ++channel) {
    for (size_t region = 0; region < grid.regions; ++region) {
      uint64_t low = 0;
      for (size_t band = 0; band < bands; ++band) {
        const uint64_t width = kAmountMax / bands;
        const uint64_t high = width * (band + 1) - random.Below(width / 2);
        const std::string amount =
            band + 1 == bands ? fmt::format(">= {}", low) : fmt::format("[{}..{})", low, high);
        low = high;
        const uint64_t from = random.Below(12);
        const std::string age =
            random.Below(2) == 0 ? "-" : fmt::format("[{}..{}]", from, kAgeMax - random.Below(8));
        table.rules.push_back({Quoted('c', channel), grid.regions == 1 ? "-" : Quoted('r', region),
                               amount, age, fmt::format("\"v{}\"", table.rules.size() + 1)});
      }
    }
  }
  return table;
}

std::string RandomNames(Random& random, char letter, size_t size, uint64_t any_percent) {
  if (random.Below(100) < any_percent) return "-";
  std::string cell = Quoted(letter, Skewed(random, size));
  for (uint64_t more = random.Below(4); more < 2; ++more) {
    cell += ", " + Quoted(letter, random.Below(size));
  }
  return cell;
}

std::string RandomInterval(Random& random, uint64_t end, uint64_t width_max, uint64_t any_percent) {
  if (random.Below(100) < any_percent) return "-";
  const uint64_t low = random.Below(end);
  switch (random.Below(6)) {
    case 0:
      return fmt::format(">= {}", end - low / 4);
    case 1:
      return fmt::format("< {}", low / 4 + 1);
    default:
      return fmt::format("[{}..{})", low, low + 1 + random.Below(width_max));
  }
}

// Rules that overlap; the last one holds for everything where the first one wins.
Table OverlappingTable(size_t rules, bool collect, Random& random) {
  Table table{fmt::format("{}-{}", collect ? "collect" : "first", rules),
              collect ? "COLLECT" : "FIRST",
              TableInputs(),
              {collect ? Column{"points", "number"} : Column{"verdict", "string"}},
              {}};
  const uint64_t amount_width = std::max<uint64_t>(kAmountMax * 10 / rules, 200);
  while (table.rules.size() + (collect ? 0 : 1) < rules) {
    const size_t number = table.rules.size() + 1;
    table.rules.push_back({RandomNames(random, 'c', kChannels, 10),
                           RandomNames(random, 'r', kRegions, 20),
                           RandomInterval(random, kAmountMax, amount_width, 10),
                           RandomInterval(random, kAgeMax, 30, 40),
                           collect ? fmt::format("{}", number) : fmt::format("\"v{}\"", number)});
  }
  if (!collect) table.rules.push_back({"-", "-", "-", "-", "\"other\""});
  return table;
}

std::string TableInputLines(size_t count, Random& random) {
  std::string out;
  std::unordered_set<uint64_t> seen;
  while (seen.size() < count) {
    const uint64_t channel = Skewed(random, kChannels);
    const uint64_t region = Skewed(random, kRegions);
    const uint64_t cents = random.Below(kAmountMax * 100);
    const uint64_t age = random.Below(kAgeMax);
    if (!seen.insert(((channel * kRegions + region) * kAmountMax * 100 + cents) * kAgeMax + age)
             .second) {
      continue;
    }
    out += fmt::format(
        "{{\"channel\":\"c{:02}\",\"region\":\"r{:02}\",\"amount\":{}.{:02},\"age\":{}}}\n",
        channel, region, cents / 100, cents % 100, age);
  }
  return out;
}

// --- the fraud table: 33 rules over 11 inputs ------------------------------------------------

constexpr std::array<const char*, 8> kCategories = {
    "electronics", "jewellery", "collectables", "food", "beauty", "clothing", "books", "toys"};

Table FraudTable() {
  Table table{"fraud", "FIRST", {}, {{"outcome", "string"}, {"reason", "string"}}, {}};
  const std::array<std::string, 4> entities = {"buyer", "device", "host", "address"};
  table.inputs.push_back({"points", "number"});
  for (const auto& entity : entities) table.inputs.push_back({entity + "_level", "number"});
  for (const auto& entity : entities) table.inputs.push_back({entity + "_spread", "number"});
  table.inputs.push_back({"amount", "number"});
  table.inputs.push_back({"category", "string"});
  constexpr size_t kAmount = 9;
  constexpr size_t kCategory = 10;
  using Cells = std::vector<std::pair<size_t, std::string>>;
  const auto add = [&](const std::string& points, const Cells& cells, std::string_view outcome,
                       std::string_view reason) {
    std::vector<std::string> rule(table.inputs.size(), "-");
    rule[0] = points;
    for (const auto& [column, cell] : cells) rule[column] = cell;
    rule.push_back(fmt::format("\"{}\"", outcome));
    rule.push_back(fmt::format("\"{}\"", reason));
    table.rules.push_back(std::move(rule));
  };
  for (size_t e = 0; e < 4; ++e)
    add("< 430", {{5 + e, "> 4000"}}, "decline", entities[e] + " spread");
  for (size_t e = 0; e < 4; ++e)
    add("< 450", {{5 + e, "(1500..4000]"}}, "review", entities[e] + " spread");
  for (size_t e = 0; e < 4; ++e) {
    add("< 440", {{1 + e, "> 400"}, {kAmount, ">= 500"}}, "decline", entities[e] + " level");
  }
  for (size_t e = 0; e < 4; ++e) {
    add("< 470", {{1 + e, "(150..400]"}, {kAmount, ">= 200"}}, "review", entities[e] + " level");
  }
  for (size_t e = 0; e < 4; ++e)
    add("< 500", {{1 + e, "(80..150]"}}, "challenge", entities[e] + " level");
  for (const char* goods : {"\"electronics\"", "\"jewellery\"", "\"collectables\""}) {
    add("< 400", {{kAmount, ">= 2000"}, {kCategory, goods}}, "decline", "goods");
  }
  for (const char* goods : {"\"electronics\"", "\"jewellery\"", "\"collectables\""}) {
    add("[400..460)", {{kAmount, ">= 1000"}, {kCategory, goods}}, "challenge", "goods");
  }
  add("< 370", {}, "decline", "low score");
  add("[370..390)", {{kAmount, ">= 300"}}, "review", "low score");
  add("[370..390)", {{5, "> 12"}, {kAmount, "< 300"}}, "review", "low score");
  add("[390..410)", {}, "challenge", "low score");
  add("-", {{kAmount, ">= 20000"}}, "challenge", "amount");
  add(">= 410", {{kCategory, "\"food\", \"beauty\", \"clothing\""}}, "approve", "low risk");
  add("-", {}, "approve", "");
  return table;
}

std::string FraudInputLines(size_t count, Random& random) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    out += fmt::format("{{\"points\":{}", 350 + random.Below(200));
    for (const char* entity : {"buyer", "device", "host", "address"}) {
      const Draws n = {Skewed(random, 600), random.Below(100)};
      out += fmt::format(",\"{}_level\":{}.{:02}", entity, n[0], n[1]);
    }
    for (const char* entity : {"buyer", "device", "host", "address"}) {
      const Draws n = {Skewed(random, 5000), random.Below(10)};
      out += fmt::format(",\"{}_spread\":{}.{}", entity, n[0], n[1]);
    }
    const Draws n = {Skewed(random, 30'000), random.Below(100), random.Below(kCategories.size())};
    out +=
        fmt::format(",\"amount\":{}.{:02},\"category\":\"{}\"}}\n", n[0], n[1], kCategories[n[2]]);
  }
  return out;
}

// --- the lending model of the TCK ------------------------------------------------------------

std::string LendingInputLines(size_t count, Random& random) {
  constexpr std::array<const char*, 4> kEmployment = {"EMPLOYED", "SELF-EMPLOYED", "STUDENT",
                                                      "UNEMPLOYED"};
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t income = 1500 + random.Below(8000);
    const Draws who = {18 + random.Below(60), random.Below(2),          random.Below(4),
                       random.Below(2),       random.Below(income / 2), random.Below(income / 2)};
    out += fmt::format(
        "{{\"ApplicantData\":{{\"Age\":{},\"MaritalStatus\":\"{}\",\"EmploymentStatus\":\"{}\","
        "\"ExistingCustomer\":{},\"Monthly\":{{\"Income\":{},\"Repayments\":{},\"Expenses\":{}}}}}"
        ",",
        who[0], who[1] == 0 ? "S" : "M", kEmployment[who[2]], who[3] == 0, income, who[4], who[5]);
    const Draws what = {
        random.Below(4),          450 + random.Below(250),     random.Below(2),
        100 + random.Below(1500), 12 * (1 + random.Below(10)), 1000 * (1 + random.Below(200))};
    out += fmt::format(
        "\"BureauData\":{{\"Bankrupt\":{},\"CreditScore\":{}}},"
        "\"RequestedProduct\":{{\"ProductType\":\"{} "
        "LOAN\",\"Rate\":0.{:04},\"Term\":{},\"Amount\":{}}},"
        "\"SupportingDocuments\":\"YES\"}}\n",
        what[0] == 0, what[1], what[2] == 0 ? "STANDARD" : "SPECIAL", what[3], what[4], what[5]);
  }
  return out;
}

// --- expressions ------------------------------------------------------------

struct ExpressionCase {
  const char* feel;
  const char* zen;  // null = ZEN's language has no such thing
};

// The kinds that packs use: filters, ratios, levels, scorecard points, texts, lists, dates.
constexpr std::array<ExpressionCase, 20> kExpressions = {{
    {"amount > 0", "amount > 0"},
    {"orders_1h / max(orders_7d / 168, 1)", "orders_1h / max([orders_7d / 168, 1])"},
    {"if sd_30d > 0 then (amount - mean_30d) / sd_30d else 0",
     "sd_30d > 0 ? (amount - mean_30d) / sd_30d : 0"},
    {"amount > 3 * mean_30d and orders_1h >= 2 and not(known_device)",
     "amount > 3 * mean_30d and orders_1h >= 2 and not known_device"},
    {"category in (\"electronics\", \"jewellery\", \"collectables\")",
     "category in [\"electronics\", \"jewellery\", \"collectables\"]"},
    {"amount in [500..2000)", "amount in [500..2000)"},
    {"if points < 400 then \"decline\" else if points < 450 then \"review\" else \"approve\"",
     "points < 400 ? \"decline\" : points < 450 ? \"review\" : \"approve\""},
    {"min(amount * 0.015, 25) + 0.3", "min([amount * 0.015, 25]) + 0.3"},
    {"decimal(amount * rate / 12, 2)", nullptr},
    {"(orders_7d - orders_1h) * 2 + amount / 100 - points * 0.25",
     "(orders_7d - orders_1h) * 2 + amount / 100 - points * 0.25"},
    {"sum(amounts) / count(amounts)", "sum(amounts) / len(amounts)"},
    {"max(amounts) - min(amounts)", "max(amounts) - min(amounts)"},
    {"count(amounts[item > 100])", "count(amounts, # > 100)"},
    {"some a in amounts satisfies a > mean_30d", "some(amounts, # > mean_30d)"},
    {"list contains(tags, \"vip\")", "\"vip\" in tags"},
    {"starts with(email, \"a\") or ends with(email, \".test\")",
     "startsWith(email, \"a\") or endsWith(email, \".test\")"},
    {"upper case(substring(category, 1, 3)) = \"ELE\"", nullptr},
    {"matches(email, \"[a-z]+[0-9]+@[a-z.]+\")", "matches(email, \"[a-z]+[0-9]+@[a-z.]+\")"},
    {"(date(day) - date(opened)).days", nullptr},
    {"amount * rate * (1 + rate) ** 12 / ((1 + rate) ** 12 - 1)",
     "amount * rate * (1 + rate) ^ 12 / ((1 + rate) ^ 12 - 1)"},
}};

const std::vector<Column>& ExpressionInputs() {
  static const std::vector<Column> columns = {
      {"amount", "number"},   {"orders_1h", "number"}, {"orders_7d", "number"},
      {"mean_30d", "number"}, {"sd_30d", "number"},    {"points", "number"},
      {"rate", "number"},     {"category", "string"},  {"email", "string"},
      {"day", "string"},      {"opened", "string"},    {"known_device", "boolean"},
      {"amounts", "Any"},     {"tags", "Any"}};
  return columns;
}

bool Mentions(std::string_view text, std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end]))) {
      return true;
    }
  }
  return false;
}

std::string ExpressionModel() {
  std::string out = Head("expressions") + InputData(ExpressionInputs());
  for (size_t e = 0; e < kExpressions.size(); ++e) {
    std::vector<Column> used;
    for (const Column& input : ExpressionInputs()) {
      if (Mentions(kExpressions[e].feel, input.name)) used.push_back(input);
    }
    out += fmt::format(
        "  <decision id=\"e{0:02}\" name=\"e{0:02}\">\n    <variable id=\"v_e{0:02}\" "
        "name=\"e{0:02}\"/>\n{1}"
        "    <literalExpression id=\"l_e{0:02}\"><text>{2}</text></literalExpression>\n  "
        "</decision>\n",
        e + 1, Needs(used), Escape(kExpressions[e].feel));
  }
  return out + "</definitions>\n";
}

std::string ExpressionInputLines(size_t count, Random& random) {
  constexpr std::array<const char*, 5> kTags = {"\"new\"", "\"live\"", "\"vip\"", "\"refund\"",
                                                "\"gift\""};
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    const Draws n = {Skewed(random, 5000),   random.Below(100),      random.Below(12),
                     random.Below(400),      20 + random.Below(400), random.Below(100),
                     random.Below(90),       random.Below(100),      350 + random.Below(200),
                     50 + random.Below(1200)};
    out += fmt::format(
        "{{\"amount\":{}.{:02},\"orders_1h\":{},\"orders_7d\":{},\"mean_30d\":{}.{:02},"
        "\"sd_30d\":{}.{:02},\"points\":{},\"rate\":0.{:04},",
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9]);
    const Draws t = {random.Below(kCategories.size()),
                     random.Below(8),
                     random.Below(10'000),
                     random.Below(2),
                     1 + random.Below(12),
                     1 + random.Below(28),
                     10 + random.Below(16),
                     1 + random.Below(12),
                     1 + random.Below(28),
                     random.Below(2)};
    out += fmt::format(
        "\"category\":\"{}\",\"email\":\"{}{}@shop.{}\",\"day\":\"2026-{:02}-{:02}\","
        "\"opened\":\"20{:02}-{:02}-{:02}\",\"known_device\":{},\"amounts\":[",
        kCategories[t[0]], "abcdefgh"[t[1]], t[2], t[3] == 0 ? "test" : "example", t[4], t[5], t[6],
        t[7], t[8], t[9] == 0);
    const uint64_t size = 5 + random.Below(11);
    for (uint64_t a = 0; a < size; ++a) {
      const Draws amount = {random.Below(400), random.Below(100)};
      out += fmt::format("{}{}.{:02}", a == 0 ? "" : ",", amount[0], amount[1]);
    }
    out += "],\"tags\":[";
    const uint64_t first = random.Below(kTags.size());
    for (uint64_t tag = first; tag < kTags.size(); ++tag) {
      out += fmt::format("{}{}", tag == first ? "" : ",", kTags[tag]);
    }
    out += "]}\n";
  }
  return out;
}

// --- files ------------------------------------------------------------

Status Write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file) return IoError("cannot write " + path.string());
  return OkStatus();
}

std::string Line(const Case& one) {
  std::string decisions;
  for (const std::string& decision : one.decisions) {
    decisions += (decisions.empty() ? "" : "|") + decision;
  }
  const auto or_dash = [](const std::string& text) {
    return text.empty() ? std::string("-") : text;
  };
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", one.id, one.group, one.dmn, decisions,
                     or_dash(one.jdm), one.inputs, one.checked, or_dash(one.feel),
                     or_dash(one.zen));
}

}  // namespace

Status WriteCases(const std::string& folder, const CaseOptions& options) {
  const std::filesystem::path root(folder);
  std::error_code failed;
  std::filesystem::create_directories(root, failed);
  if (failed) return IoError("cannot make the folder " + folder);
  std::string lines;
  Status status = OkStatus();
  const auto write = [&](const std::string& name, std::string_view text) {
    if (status.ok()) status = Write(root / name, text);
  };
  const auto add_table = [&](const Table& table, const std::string& group,
                             const std::string& inputs, size_t checked) {
    write(table.name + ".dmn", ToDmn(table));
    write(table.name + ".jdm.json", ToJdm(table));
    lines += Line({table.name,
                   group,
                   table.name + ".dmn",
                   {"decide"},
                   table.name + ".jdm.json",
                   inputs,
                   checked,
                   "",
                   ""});
  };

  Random random(options.seed);
  if (!options.lending_model.empty()) {
    std::ifstream model(options.lending_model, std::ios::binary);
    if (!model) return NotFound("there is no file " + options.lending_model);
    write("lending.dmn", std::string(std::istreambuf_iterator<char>(model), {}));
    write("lending.jsonl", LendingInputLines(options.other_inputs, random));
    lines += Line({"lending",
                   "lending",
                   "lending.dmn",
                   {"BureauCallType", "Strategy", "Eligibility", "Pre-bureauRiskCategory",
                    "Post-bureauRiskCategory", "ApplicationRiskScore", "Pre-bureauAffordability",
                    "Post-bureauAffordability", "RequiredMonthlyInstallment", "Routing"},
                   "",
                   "lending.jsonl",
                   1'000,
                   "",
                   ""});
  }
  write("fraud.jsonl", FraudInputLines(options.other_inputs, random));
  add_table(FraudTable(), "fraud", "fraud.jsonl", 1'000);

  write("tables.jsonl", TableInputLines(options.table_inputs, random));
  for (const size_t size : options.table_sizes) {
    // A program that looks at every rule needs minutes for many inputs.
    const size_t checked = size <= 1'000 ? 1'000 : size <= 5'000 ? 200 : 50;
    add_table(UniqueTable(size, random), "table", "tables.jsonl", checked);
    add_table(OverlappingTable(size, false, random), "table", "tables.jsonl", checked);
    add_table(OverlappingTable(size, true, random), "table", "tables.jsonl", checked);
  }

  write("expressions.dmn", ExpressionModel());
  write("expressions.jsonl", ExpressionInputLines(options.other_inputs, random));
  for (size_t e = 0; e < kExpressions.size(); ++e) {
    const std::string id = fmt::format("e{:02}", e + 1);
    lines += Line({id,
                   "expression",
                   "expressions.dmn",
                   {id},
                   "",
                   "expressions.jsonl",
                   1'000,
                   kExpressions[e].feel,
                   kExpressions[e].zen == nullptr ? "" : kExpressions[e].zen});
  }
  write("cases.tsv", lines);
  return status;
}

Result<std::vector<Case>> ReadCases(const std::string& folder) {
  std::ifstream file(folder + "/cases.tsv");
  if (!file) return NotFound("there is no file " + folder + "/cases.tsv");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> fields;
    for (size_t at = 0;;) {
      const size_t tab = line.find('\t', at);
      fields.push_back(line.substr(at, tab - at));
      if (tab == std::string::npos) break;
      at = tab + 1;
    }
    if (fields.size() != 9) return InvalidArgument("a line of cases.tsv has 9 fields: " + line);
    for (std::string& field : fields) {
      if (field == "-") field.clear();
    }
    Case one{fields[0], fields[1], fields[2], {}, fields[4], fields[5], std::stoul(fields[6]),
             fields[7], fields[8]};
    for (size_t at = 0;;) {
      const size_t bar = fields[3].find('|', at);
      one.decisions.push_back(fields[3].substr(at, bar - at));
      if (bar == std::string::npos) break;
      at = bar + 1;
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace credence::bench
