// What a simulated market held, and what policies made of it.

#include <fmt/format.h>

#include "apps/figures_json.h"
#include "apps/simulate.h"
#include "apps/terminal.h"

namespace credence::apps {

namespace {

using sim::kSchemes;
using sim::MarketReport;
using sim::Scheme;
using sim::SchemeReport;
using sim::Verdict;

std::string Yuan(int64_t minor) { return Grouped(static_cast<uint64_t>(minor / 100)); }

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}
double LossBp(const MarketReport& report) {
  return report.sales == 0
             ? 0.0
             : 1e4 * static_cast<double>(report.lost()) / static_cast<double>(report.sales);
}

// Orders of honest buyers, and what they met.
struct Good {
  uint64_t orders = 0;
  uint64_t challenged = 0;  // asked for more, looked at, or without their coupon
  uint64_t refused = 0;
};
Good GoodOrders(const MarketReport& report) {
  const SchemeReport& honest = report.schemes[0];
  const auto count = [&](Verdict verdict) { return honest.verdicts[static_cast<size_t>(verdict)]; };
  return {honest.orders,
          count(Verdict::kStepUp) + count(Verdict::kManual) + count(Verdict::kStripCoupon),
          count(Verdict::kRefuse)};
}

std::string_view Title(MarketPolicy policy) {
  constexpr std::string_view kTitles[kMarketPolicies] = {"off 无策略", "rules only 仅规则",
                                                         "full 完整策略"};
  return kTitles[static_cast<size_t>(policy)];
}

using Row = std::vector<std::string>;

std::string SchemesText(const std::vector<MarketRun>& runs) {
  Row header = {"scheme", "手法", "orders 订单", "at stake 风险额"};
  for (const MarketRun& run : runs)
    header.push_back("lost 损失, " + std::string(Title(run.policy)));
  header.emplace_back("missed 漏损");
  std::vector<Row> rows = {header};
  for (size_t i = 0; i < kSchemes; ++i) {
    const auto scheme = static_cast<Scheme>(i);
    const SchemeReport& first = runs.front().report.schemes[i];
    const SchemeReport& last = runs.back().report.schemes[i];
    Row row = {std::string(sim::SchemeName(scheme)), std::string(sim::SchemeNameChinese(scheme)),
               Grouped(first.orders), Yuan(first.at_stake)};
    for (const MarketRun& run : runs) row.push_back(Yuan(run.report.schemes[i].lost));
    row.push_back(fmt::format("{:.0f} %", last.at_stake == 0
                                              ? 0.0
                                              : 100.0 * static_cast<double>(last.lost) /
                                                    static_cast<double>(last.at_stake)));
    rows.push_back(std::move(row));
  }
  return Aligned(rows, 2);
}

}  // namespace

std::string MarketText(const MarketReport& report) {
  std::vector<Row> rows = {
      {"scheme", "手法", "orders 订单", "share 占比", "amount 金额", "at stake 风险额"}};
  for (size_t i = 0; i < kSchemes; ++i) {
    const SchemeReport& scheme = report.schemes[i];
    rows.push_back({std::string(sim::SchemeName(static_cast<Scheme>(i))),
                    std::string(sim::SchemeNameChinese(static_cast<Scheme>(i))),
                    Grouped(scheme.orders),
                    fmt::format("{:.2f} %", 100 * Share(scheme.orders, report.orders)),
                    Yuan(scheme.amount), Yuan(scheme.at_stake)});
  }
  return Aligned(rows, 2) + fmt::format("\n{} orders 订单, sales 销售额 CNY {}\n",
                                        Grouped(report.orders), Yuan(report.sales));
}

std::string CompareText(const std::vector<MarketRun>& runs) {
  Row header = {""};
  Row orders = {"orders 订单"};
  Row sales = {"sales 销售额, CNY"};
  Row lost = {"lost 损失, CNY"};
  Row loss = {"loss 损失率, bp of sales"};
  Row challenged = {"good orders challenged 误扰, at most 1 %"};
  Row refused = {"good orders refused 误拒, at most .1 %"};
  Row adapted = {"gangs adapted 团伙应变"};
  Row speed = {"decisions a second 每秒决策"};
  for (const MarketRun& run : runs) {
    const Good good = GoodOrders(run.report);
    header.emplace_back(Title(run.policy));
    orders.push_back(Grouped(run.report.orders));
    sales.push_back(Yuan(run.report.sales));
    lost.push_back(Yuan(run.report.lost()));
    loss.push_back(fmt::format("{:.1f}", LossBp(run.report)));
    challenged.push_back(fmt::format("{:.2f} %", 100 * Share(good.challenged, good.orders)));
    refused.push_back(fmt::format("{:.3f} %", 100 * Share(good.refused, good.orders)));
    adapted.push_back(Grouped(run.report.adaptations));
    speed.push_back(run.decisions == 0 ? "-"
                                       : Grouped(static_cast<uint64_t>(
                                             static_cast<double>(run.decisions) / run.seconds)));
  }
  std::string text =
      Aligned({header, orders, sales, lost, loss, challenged, refused, adapted, speed}, 1) + "\n" +
      SchemesText(runs);
  std::vector<Row> verdicts = {
      {"verdicts 处置", "", "orders 订单", "share 占比", "good 正常", "bad 欺诈"}};
  constexpr std::pair<Verdict, std::string_view> kNames[] = {{Verdict::kPass, "通过"},
                                                             {Verdict::kStepUp, "加验"},
                                                             {Verdict::kManual, "人工"},
                                                             {Verdict::kStripCoupon, "去券"},
                                                             {Verdict::kRefuse, "拒绝"}};
  const MarketReport& last = runs.back().report;
  uint64_t judged = 0;
  for (const SchemeReport& scheme : last.schemes) {
    for (const auto& [verdict, chinese] : kNames) {
      judged += scheme.verdicts[static_cast<size_t>(verdict)];
    }
  }
  for (const auto& [verdict, chinese] : kNames) {
    const auto at = static_cast<size_t>(verdict);
    const uint64_t good = last.schemes[0].verdicts[at];
    uint64_t bad = 0;
    for (size_t i = 1; i < kSchemes; ++i) bad += last.schemes[i].verdicts[at];
    verdicts.push_back(
        {std::string(sim::VerdictName(verdict)), std::string(chinese), Grouped(good + bad),
         fmt::format("{:.2f} %", 100 * Share(good + bad, judged)), Grouped(good), Grouped(bad)});
  }
  if (runs.back().policy != MarketPolicy::kOff) text += "\n" + Aligned(verdicts, 2);
  return text + fmt::format("\ncoupon claims 领券 {}, denied 不可领 {} (good 正常 {})\n",
                            Grouped(last.claims), Grouped(last.claims_denied),
                            Grouped(last.honest_claims_denied));
}

std::string CompareJson(const SimulateOptions& options, const std::vector<MarketRun>& runs) {
  FiguresJson out;
  out.BeginObject();
  out.Key("seed");
  out.Integer(static_cast<int64_t>(options.market.seed));
  out.Key("days");
  out.Integer(options.market.days);
  out.Key("orders_per_day");
  out.Integer(options.market.orders_per_day);
  out.Key("runs");
  out.BeginArray();
  for (const MarketRun& run : runs) {
    const Good good = GoodOrders(run.report);
    out.BeginObject();
    out.Key("policy");
    out.Text(MarketPolicyName(run.policy));
    out.Count("events", run.report.events);
    out.Count("orders", run.report.orders);
    out.Key("sales_minor");
    out.Integer(run.report.sales);
    out.Key("lost_minor");
    out.Integer(run.report.lost());
    out.Key("loss_bp");
    out.Number(fmt::format("{:.2f}", LossBp(run.report)));
    out.Count("good_orders", good.orders);
    out.Count("good_challenged", good.challenged);
    out.Count("good_refused", good.refused);
    out.Count("adaptations", run.report.adaptations);
    out.Count("decisions", run.decisions);
    out.Count("fallbacks", run.fallbacks);
    out.Key("schemes");
    out.BeginObject();
    for (size_t i = 0; i < kSchemes; ++i) {
      const SchemeReport& scheme = run.report.schemes[i];
      out.Key(sim::SchemeName(static_cast<Scheme>(i)));
      out.BeginObject();
      out.Count("orders", scheme.orders);
      out.Count("stopped", scheme.stopped);
      out.Key("at_stake_minor");
      out.Integer(scheme.at_stake);
      out.Key("lost_minor");
      out.Integer(scheme.lost);
      out.Key("verdicts");
      out.BeginObject();
      for (size_t v = 0; v < 5; ++v) {
        out.Count(sim::VerdictName(static_cast<Verdict>(v)), scheme.verdicts[v]);
      }
      out.EndObject();
      out.EndObject();
    }
    out.EndObject();
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return out.Finish() + "\n";
}

std::string CompareSvg(const std::vector<MarketRun>& runs) {
  constexpr int kLeft = 190;
  constexpr int kWide = 520;
  constexpr int kBar = 13;
  constexpr std::string_view kColours[kMarketPolicies] = {"#c9ccd1", "#e0a93a", "#2f6fb3"};
  const int group = kBar * static_cast<int>(runs.size()) + 12;
  const int height = 70 + group * static_cast<int>(kSchemes);
  int64_t most = 1;
  for (const MarketRun& run : runs) {
    for (const SchemeReport& scheme : run.report.schemes) most = std::max(most, scheme.lost);
  }
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="840" height="{}" font-family="sans-serif" font-size="12">)"
      "\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"12\" y=\"20\" font-size=\"14\">Money lost by scheme, CNY "
      "各手法损失（元）</text>\n",
      height);
  int x = 12;
  for (const MarketRun& run : runs) {
    svg += fmt::format(
        "<rect x=\"{}\" y=\"32\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{}\" "
        "y=\"42\">{}, "
        "{:.1f} bp</text>\n",
        x, kColours[static_cast<size_t>(run.policy)], x + 16, Title(run.policy),
        LossBp(run.report));
    x += 220;
  }
  for (size_t i = 0; i < kSchemes; ++i) {
    int y = 58 + group * static_cast<int>(i);
    svg += fmt::format("<text x=\"12\" y=\"{}\">{} {}</text>\n", y + 14,
                       sim::SchemeName(static_cast<Scheme>(i)),
                       sim::SchemeNameChinese(static_cast<Scheme>(i)));
    for (const MarketRun& run : runs) {
      const int64_t lost = run.report.schemes[i].lost;
      svg += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/><text x=\"{}\" "
          "y=\"{}\" font-size=\"10\">{}</text>\n",
          kLeft, y, std::max<int64_t>(1, lost * kWide / most), kBar - 2,
          kColours[static_cast<size_t>(run.policy)], kLeft + 5 + lost * kWide / most, y + 10,
          Yuan(lost));
      y += kBar;
    }
  }
  return svg + "</svg>\n";
}

}  // namespace credence::apps
