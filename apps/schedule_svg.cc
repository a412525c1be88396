// The picture of a schedule: one panel for each product.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/schedule.h"
#include "apps/terminal.h"

namespace credence::apps {

namespace {

constexpr int kWidth = 960;
constexpr int kPanelHeight = 400;
constexpr int kLeft = 92;
constexpr int kRight = 92;
constexpr int kTop = 74;
constexpr int kBottom = 46;
constexpr const char* kPrincipalColour = "#2f6db3";
constexpr const char* kInterestColour = "#e08a2e";
constexpr const char* kFeeColour = "#4c9a5f";
constexpr const char* kBalanceColour = "#7a3b8f";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// The step of about five ticks up to `top`: 1, 2 or 5 times a power of ten.
double TickStep(double top) {
  if (top <= 0) return 1;
  const double rough = top / 5;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::string TickLabel(double value) {
  if (value >= 1) return Grouped(static_cast<uint64_t>(std::llround(value)));
  return fmt::format("{:.2g}", value);
}

class Panel {
 public:
  Panel(const ScheduledProduct& product, ScheduleLanguage language, int y)
      : p_(product), language_(language), y_(y) {
    unit_ = std::pow(10.0, product.product.currency.digits());
    for (const lending::OfferRow& row : product.offer.rows) {
      payment_top_ = std::max(payment_top_, Major(row.Payment()));
      balance_top_ = std::max(balance_top_, Major(row.balance));
    }
    payment_step_ = TickStep(payment_top_);
    balance_step_ = TickStep(balance_top_);
    payment_top_ = std::max(1.0, std::ceil(payment_top_ / payment_step_)) * payment_step_;
    balance_top_ = std::max(1.0, std::ceil(balance_top_ / balance_step_)) * balance_step_;
  }

  std::string Draw() {
    DrawTitle();
    DrawAxes();
    DrawBars();
    DrawBalance();
    return std::move(svg_);
  }

 private:
  [[nodiscard]] double Major(int64_t minor) const { return static_cast<double>(minor) / unit_; }
  [[nodiscard]] double SlotWidth() const {
    return static_cast<double>(kWidth - kLeft - kRight) / static_cast<double>(p_.offer.rows.size());
  }
  [[nodiscard]] double X(size_t row) const {
    return kLeft + SlotWidth() * (static_cast<double>(row) + 0.5);
  }
  [[nodiscard]] double Y(double value, double top) const {
    const double height = kPanelHeight - kTop - kBottom;
    return y_ + kTop + height * (1 - value / top);
  }
  void Text(double x, double y, std::string_view anchor, int size, std::string_view colour,
            std::string_view text) {
    svg_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\" "
        "fill=\"{}\">{}</text>\n",
        x, y, anchor, size, colour, Escaped(text));
  }

  void DrawTitle() {
    std::string title = p_.product.name;
    if (!p_.product.title[0].empty()) {
      title += "  " + InLanguage(language_, p_.product.title[0], p_.product.title[1], " / ");
    }
    Text(kLeft, y_ + 26, "start", 16, "#222", title);
    double x = kLeft;
    const auto legend = [&](const char* colour, std::string_view english,
                            std::string_view chinese) {
      const std::string text = InLanguage(language_, english, chinese);
      svg_ += fmt::format("<rect x=\"{:.1f}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n",
                          x, y_ + 41, colour);
      Text(x + 18, y_ + 51, "start", 12, "#444", text);
      x += 18 + 7.0 * static_cast<double>(DisplayWidth(text)) + 22;
    };
    legend(kPrincipalColour, "principal", "本金");
    legend(kInterestColour, "interest", "利息");
    legend(kFeeColour, "fee", "费用");
    legend(kBalanceColour, "balance (right)", "余额（右轴）");
    Text(kWidth - kRight, y_ + 26, "end", 12, "#444", p_.product.currency.code());
  }

  void DrawAxes() {
    for (int i = 0; i * payment_step_ <= payment_top_ * 1.0001; ++i) {
      const double y = Y(i * payment_step_, payment_top_);
      svg_ += fmt::format(
          "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#e3e3e3\"/>\n", kLeft, y,
          kWidth - kRight, y);
      Text(kLeft - 8, y + 4, "end", 11, "#444", TickLabel(i * payment_step_));
    }
    for (int i = 0; i * balance_step_ <= balance_top_ * 1.0001; ++i) {
      Text(kWidth - kRight + 8, Y(i * balance_step_, balance_top_) + 4, "start", 11, kBalanceColour,
           TickLabel(i * balance_step_));
    }
    // At most about ten dates fit.
    const size_t count = p_.offer.rows.size();
    const size_t step = (count + 9) / 10;
    for (size_t i = 0; i < count; i += step) {
      Text(X(i), y_ + kPanelHeight - kBottom + 18, "middle", 10, "#444",
           p_.offer.rows[i].due.ToString());
    }
    const double zero = Y(0, payment_top_);
    svg_ += fmt::format("<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#888\"/>\n",
                        kLeft, zero, kWidth - kRight, zero);
  }

  void DrawBars() {
    const double width = std::max(0.8, SlotWidth() * 0.7);
    for (size_t i = 0; i < p_.offer.rows.size(); ++i) {
      const lending::OfferRow& row = p_.offer.rows[i];
      double below = 0;
      for (const auto& [minor, colour] :
           {std::pair(row.principal, kPrincipalColour), std::pair(row.interest, kInterestColour),
            std::pair(row.fee, kFeeColour)}) {
        if (minor <= 0) continue;
        const double top = Y(below + Major(minor), payment_top_);
        svg_ += fmt::format(
            "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n",
            X(i) - width / 2, top, width, Y(below, payment_top_) - top, colour);
        below += Major(minor);
      }
    }
  }

  void DrawBalance() {
    std::string points;
    for (size_t i = 0; i < p_.offer.rows.size(); ++i) {
      points += fmt::format("{}{:.2f},{:.2f}", i > 0 ? " " : "", X(i),
                            Y(Major(p_.offer.rows[i].balance), balance_top_));
    }
    svg_ +=
        fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                    points, kBalanceColour);
  }

  const ScheduledProduct& p_;
  ScheduleLanguage language_;
  int y_;
  double unit_ = 1;
  double payment_top_ = 0;
  double balance_top_ = 0;
  double payment_step_ = 1;
  double balance_step_ = 1;
  std::string svg_;
};

}  // namespace

std::string ScheduleSvg(const std::vector<ScheduledProduct>& products, ScheduleLanguage language) {
  const int height = kPanelHeight * static_cast<int>(products.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" "
      "font-family=\"sans-serif\">\n<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n",
      kWidth, height, kWidth, height, kWidth, height);
  int y = 0;
  for (const ScheduledProduct& product : products) {
    svg += Panel(product, language, y).Draw();
    y += kPanelHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace credence::apps
