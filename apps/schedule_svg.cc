// The picture of a schedule: one panel for each product.

#include <algorithm>
#include <cmath>

#include "apps/schedule.h"
#include "apps/svg.h"
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

class Panel {
 public:
  Panel(const ScheduledProduct& product, ScheduleLanguage language, int y, Svg* svg)
      : p_(product), language_(language), y_(y), svg_(*svg) {
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

  void Draw() {
    DrawTitle();
    DrawAxes();
    DrawBars();
    DrawBalance();
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
  void DrawTitle() {
    std::string title = p_.product.name;
    if (!p_.product.title[0].empty()) {
      title += "  " + InLanguage(language_, p_.product.title[0], p_.product.title[1], " / ");
    }
    svg_.Text(kLeft, y_ + 26, "start", 16, "#222", title);
    double x = kLeft;
    const auto legend = [&](const char* colour, std::string_view english,
                            std::string_view chinese) {
      const std::string text = InLanguage(language_, english, chinese);
      svg_.Rect(x, y_ + 41, 12, 12, colour);
      svg_.Text(x + 18, y_ + 51, "start", 12, "#444", text);
      x += 18 + 7.0 * static_cast<double>(DisplayWidth(text)) + 22;
    };
    legend(kPrincipalColour, "principal", "本金");
    legend(kInterestColour, "interest", "利息");
    legend(kFeeColour, "fee", "费用");
    legend(kBalanceColour, "balance (right)", "余额（右轴）");
    svg_.Text(kWidth - kRight, y_ + 26, "end", 12, "#444", p_.product.currency.code());
  }

  void DrawAxes() {
    for (int i = 0; i * payment_step_ <= payment_top_ * 1.0001; ++i) {
      const double y = Y(i * payment_step_, payment_top_);
      svg_.Line(kLeft, y, kWidth - kRight, y, "#e3e3e3");
      svg_.Text(kLeft - 8, y + 4, "end", 11, "#444", TickLabel(i * payment_step_));
    }
    for (int i = 0; i * balance_step_ <= balance_top_ * 1.0001; ++i) {
      svg_.Text(kWidth - kRight + 8, Y(i * balance_step_, balance_top_) + 4, "start", 11,
                kBalanceColour, TickLabel(i * balance_step_));
    }
    // At most about ten dates fit.
    const size_t count = p_.offer.rows.size();
    const size_t step = (count + 9) / 10;
    for (size_t i = 0; i < count; i += step) {
      svg_.Text(X(i), y_ + kPanelHeight - kBottom + 18, "middle", 10, "#444",
                p_.offer.rows[i].due.ToString());
    }
    const double zero = Y(0, payment_top_);
    svg_.Line(kLeft, zero, kWidth - kRight, zero, "#888");
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
        svg_.Rect(X(i) - width / 2, top, width, Y(below, payment_top_) - top, colour);
        below += Major(minor);
      }
    }
  }

  void DrawBalance() {
    std::string points;
    for (size_t i = 0; i < p_.offer.rows.size(); ++i) {
      AddPoint(X(i), Y(Major(p_.offer.rows[i].balance), balance_top_), &points);
    }
    svg_.Polyline(points, kBalanceColour, 2);
  }

  const ScheduledProduct& p_;
  ScheduleLanguage language_;
  int y_;
  Svg& svg_;
  double unit_ = 1;
  double payment_top_ = 0;
  double balance_top_ = 0;
  double payment_step_ = 1;
  double balance_step_ = 1;
};

}  // namespace

std::string ScheduleSvg(const std::vector<ScheduledProduct>& products, ScheduleLanguage language) {
  Svg svg;
  int y = 0;
  for (const ScheduledProduct& product : products) {
    Panel(product, language, y, &svg).Draw();
    y += kPanelHeight;
  }
  return svg.Finish(kWidth, y);
}

}  // namespace credence::apps
