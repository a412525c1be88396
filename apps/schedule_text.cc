// How `credence schedule` prints: aligned text in two languages, JSON, CSV.

#include <fmt/format.h>

#include <array>

#include "apps/schedule.h"
#include "apps/terminal.h"
#include "src/api/json_writer.h"

namespace credence::apps {

namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Plain(int64_t minor, Currency currency) { return Money{minor, currency}.ToString(); }

// "1,234.50".
std::string WithCommas(int64_t minor, Currency currency) {
  std::string text = Plain(minor, currency);
  size_t at = std::min(text.find('.'), text.size());
  const size_t first = text.starts_with('-') ? 1 : 0;
  for (; at > first + 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string Percent(const std::optional<Decimal>& rate) {
  if (!rate) return "-";
  return (*rate * Decimal::FromInt64(100)).Rounded(2, Rounding::kHalfUp).ToStringKeepingScale() +
         "%";
}

// Six digits after the point of the fraction: "0.138435".
std::string Fraction(Decimal rate) {
  return rate.Rounded(6, Rounding::kHalfUp).ToStringKeepingScale();
}

std::string Title(const pack::LoanProduct& product, ScheduleLanguage language) {
  if (product.title[0].empty()) return {};
  return InLanguage(language, product.title[0], product.title[1], " / ");
}

std::string ActionText(const pack::CapBook::Breach& breach, ScheduleLanguage language) {
  const bool refuses = breach.breach.rule->action == lending::CapAction::kRefuse;
  return InLanguage(language, refuses ? "REFUSED" : "WARNING", refuses ? "拒绝" : "警告");
}

std::string BreachText(const pack::CapBook::Breach& breach, ScheduleLanguage language) {
  return fmt::format("{}  {} [{}; {}]\n", ActionText(breach, language), breach.breach.ToString(),
                     pack::CapFigureName(breach.figure), breach.breach.rule->source);
}

struct CostLine {
  std::string_view english;
  std::string_view chinese;
  std::optional<Decimal> lending::Offer::*figure;
};
constexpr std::array<CostLine, 5> kCostLines{
    {{"APR, Reg Z actuarial", "美国年利率", &lending::Offer::us_apr},
     {"APRC, EU", "欧盟年成本率", &lending::Offer::eu_aprc},
     {"IRR a year, simple", "年化（单利）", &lending::Offer::irr_simple},
     {"IRR a year, compound", "年化（复利）", &lending::Offer::irr_compound},
     {"comprehensive cost, by days", "综合年化成本", &lending::Offer::comprehensive}}};

std::string HeaderText(const ScheduledProduct& p, ScheduleLanguage language) {
  const lending::Terms& terms = p.product.product.terms;
  const Currency currency = p.product.currency;
  std::string text = p.product.name;
  const std::string title = Title(p.product, language);
  if (!title.empty()) text += "  " + title;
  text += "\n";
  Rows rows;
  const auto line = [&](std::string_view english, std::string_view chinese, std::string value) {
    rows.push_back({"  " + InLanguage(language, english, chinese), std::move(value)});
  };
  const std::string code(currency.code());
  if (p.offer.down_payment > 0) {
    line("price", "价格", WithCommas(p.offer.price, currency) + " " + code);
    line("down payment", "首付", WithCommas(p.offer.down_payment, currency) + " " + code);
  }
  line("principal", "本金",
       fmt::format("{} {}, {}", WithCommas(p.offer.drawn, currency), code, p.start.ToString()));
  line("nominal rate", "名义年利率",
       fmt::format("{} ({})", Percent(terms.annual_rate), lending::InterestBasisName(terms.basis)));
  if (p.offer.merchant_pays > 0) {
    line("merchant pays", "商户承担", WithCommas(p.offer.merchant_pays, currency) + " " + code);
  }
  return text + Aligned(rows, 2) + "\n";
}

std::string ScheduleTable(const ScheduledProduct& p, ScheduleLanguage language) {
  const Currency currency = p.product.currency;
  const auto heading = [&](std::string_view english, std::string_view chinese) {
    return InLanguage(language, english, chinese);
  };
  Rows rows = {{heading("no", "期数"), heading("due", "到期日"), heading("days", "天数"),
                heading("payment", "应还"), heading("principal", "本金"),
                heading("interest", "利息"), heading("fee", "费用"), heading("balance", "余额")}};
  for (const lending::OfferRow& row : p.offer.rows) {
    const auto amount = [&](int64_t minor) { return WithCommas(minor, currency); };
    rows.push_back(
        {row.number > 0 ? std::to_string(row.number) : heading("draw", "放款"), row.due.ToString(),
         row.number > 0 ? std::to_string(row.to.days - row.from.days) : "", amount(row.Payment()),
         amount(row.principal), amount(row.interest), amount(row.fee), amount(row.balance)});
  }
  rows.push_back({heading("total", "合计"), "", "", WithCommas(p.offer.paid, currency),
                  WithCommas(p.offer.drawn, currency), WithCommas(p.offer.interest, currency),
                  WithCommas(p.offer.fees, currency), ""});
  return Aligned(rows, 2) + "\n";
}

std::string CostText(const ScheduledProduct& p, ScheduleLanguage language) {
  const Currency currency = p.product.currency;
  Rows rows;
  for (const CostLine& line : kCostLines) {
    rows.push_back(
        {"  " + InLanguage(language, line.english, line.chinese), Percent(p.offer.*line.figure)});
  }
  if (p.offer.lender_yield) {
    rows.push_back({"  " + InLanguage(language, "yield of the lender", "资金方年化收益"),
                    Percent(p.offer.lender_yield)});
  }
  std::string text = InLanguage(language, "cost a year", "年化成本") + "\n" + Aligned(rows, 1);
  if (!p.offer.cost_by_payee.empty()) {
    rows.clear();
    for (const auto& [payee, minor] : p.offer.cost_by_payee) {
      rows.push_back({"  " + payee, WithCommas(minor, currency)});
    }
    text += InLanguage(language, "paid beyond the principal, to", "本金以外支付对象") + "\n" +
            Aligned(rows, 1);
  }
  if (!p.offer.why.empty()) {
    text += InLanguage(language, "no yearly cost", "无年化成本") + ": " + p.offer.why + "\n";
  }
  return text;
}

std::string CompareText(const std::vector<ScheduledProduct>& products, ScheduleLanguage language) {
  Rows rows = {{""}};
  const auto add = [&](std::string_view english, std::string_view chinese, auto value) {
    std::vector<std::string> row = {InLanguage(language, english, chinese)};
    for (const ScheduledProduct& p : products) row.push_back(value(p));
    rows.push_back(std::move(row));
  };
  for (const ScheduledProduct& p : products) rows[0].push_back(p.product.name);
  const auto amount = [](int64_t lending::Offer::*member) {
    return [member](const ScheduledProduct& p) {
      return WithCommas(p.offer.*member, p.product.currency);
    };
  };
  add("currency", "币种", [](const auto& p) { return std::string(p.product.currency.code()); });
  add("principal", "本金", amount(&lending::Offer::drawn));
  add("nominal rate", "名义年利率",
      [](const auto& p) { return Percent(p.product.product.terms.annual_rate); });
  add("payments", "期数", [](const auto& p) { return std::to_string(p.offer.rows.back().number); });
  add("first payment", "首期应还", [](const auto& p) {
    for (const lending::OfferRow& row : p.offer.rows) {
      if (row.number == 1) return WithCommas(row.Payment(), p.product.currency);
    }
    return std::string("-");
  });
  add("last payment", "末期应还",
      [](const auto& p) { return WithCommas(p.offer.rows.back().Payment(), p.product.currency); });
  add("interest", "利息", amount(&lending::Offer::interest));
  add("fees", "费用", amount(&lending::Offer::fees));
  add("paid in all", "还款总额", amount(&lending::Offer::paid));
  for (const CostLine& line : kCostLines) {
    add(line.english, line.chinese, [&](const auto& p) { return Percent(p.offer.*line.figure); });
  }
  add("law", "合规", [&](const auto& p) {
    if (p.breaches.empty()) return std::string("-");
    return ActionText(p.breaches.front(), language);
  });
  return Aligned(rows, 1);
}

}  // namespace

std::string ScheduleText(const std::vector<ScheduledProduct>& products, ScheduleLanguage language) {
  std::string text;
  if (products.size() == 1) {
    text = HeaderText(products[0], language) + ScheduleTable(products[0], language) +
           CostText(products[0], language);
  } else {
    text = CompareText(products, language);
  }
  for (const ScheduledProduct& p : products) {
    for (const auto& breach : p.breaches) {
      if (products.size() > 1) text += p.product.name + ": ";
      text += BreachText(breach, language);
    }
  }
  return text;
}

namespace {

void WriteRow(const lending::OfferRow& row, Currency currency, api::JsonWriter* out) {
  out->BeginObject();
  out->Key("number");
  out->Integer(row.number);
  out->TextMember("from", row.from.ToString());
  out->TextMember("to", row.to.ToString());
  out->TextMember("due", row.due.ToString());
  out->TextMember("drawn", Plain(row.drawn, currency));
  out->TextMember("payment", Plain(row.Payment(), currency));
  out->TextMember("principal", Plain(row.principal, currency));
  out->TextMember("interest", Plain(row.interest, currency));
  out->TextMember("fee", Plain(row.fee, currency));
  out->TextMember("balance", Plain(row.balance, currency));
  out->EndObject();
}

void WriteCost(const lending::Offer& offer, Currency currency, api::JsonWriter* out) {
  out->BeginObject();
  const auto rate = [&](std::string_view name, const std::optional<Decimal>& value) {
    out->OptionalTextMember(name, value ? Fraction(*value) : std::string());
  };
  rate("us_apr", offer.us_apr);
  rate("eu_aprc", offer.eu_aprc);
  rate("irr_simple", offer.irr_simple);
  rate("irr_compound", offer.irr_compound);
  rate("comprehensive", offer.comprehensive);
  rate("lender_yield", offer.lender_yield);
  out->OptionalTextMember("why_none", offer.why);
  out->Key("by_payee");
  out->BeginObject();
  for (const auto& [payee, minor] : offer.cost_by_payee) {
    out->TextMember(payee, Plain(minor, currency));
  }
  out->EndObject();
  out->EndObject();
}

void WriteProduct(const ScheduledProduct& p, api::JsonWriter* out) {
  const Currency currency = p.product.currency;
  out->BeginObject();
  out->TextMember("product", p.product.name);
  out->TextMember("currency", currency.code());
  out->TextMember("start", p.start.ToString());
  out->TextMember("price", Plain(p.offer.price, currency));
  out->TextMember("down_payment", Plain(p.offer.down_payment, currency));
  out->TextMember("drawn", Plain(p.offer.drawn, currency));
  out->TextMember("interest", Plain(p.offer.interest, currency));
  out->TextMember("fees", Plain(p.offer.fees, currency));
  out->TextMember("paid", Plain(p.offer.paid, currency));
  out->TextMember("merchant_pays", Plain(p.offer.merchant_pays, currency));
  out->TextMember("nominal_rate", Fraction(p.product.product.terms.annual_rate));
  out->Key("cost");
  WriteCost(p.offer, currency, out);
  out->Key("caps");
  out->BeginArray();
  for (const auto& breach : p.breaches) {
    const lending::CostCap& rule = *breach.breach.rule;
    out->BeginObject();
    out->TextMember("rule", rule.id);
    out->TextMember("action", rule.action == lending::CapAction::kRefuse ? "refuse" : "warn");
    out->TextMember("figure", pack::CapFigureName(breach.figure));
    out->TextMember("is", Fraction(breach.breach.figure));
    out->TextMember("allowed", Fraction(breach.breach.limit));
    out->TextMember("source", rule.source);
    out->EndObject();
  }
  out->EndArray();
  out->Key("refused");
  out->Boolean(p.refused);
  out->Key("rows");
  out->BeginArray();
  for (const lending::OfferRow& row : p.offer.rows) WriteRow(row, currency, out);
  out->EndArray();
  out->EndObject();
}

// A name in quotes where CSV needs them.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string ScheduleJson(const std::vector<ScheduledProduct>& products) {
  api::JsonWriter out;
  out.BeginObject();
  out.Key("products");
  out.BeginArray();
  for (const ScheduledProduct& p : products) WriteProduct(p, &out);
  out.EndArray();
  out.EndObject();
  return out.Finish() + "\n";
}

std::string ScheduleCsv(const std::vector<ScheduledProduct>& products) {
  std::string text =
      "product,number,from,to,due,currency,drawn,payment,principal,interest,fee,balance\n";
  for (const ScheduledProduct& p : products) {
    const Currency currency = p.product.currency;
    for (const lending::OfferRow& row : p.offer.rows) {
      text +=
          fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", CsvField(p.product.name), row.number,
                      row.from.ToString(), row.to.ToString(), row.due.ToString(), currency.code(),
                      Plain(row.drawn, currency), Plain(row.Payment(), currency),
                      Plain(row.principal, currency), Plain(row.interest, currency),
                      Plain(row.fee, currency), Plain(row.balance, currency));
    }
  }
  return text;
}

}  // namespace credence::apps
