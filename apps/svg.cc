#include "apps/svg.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/terminal.h"
#include "src/base/xml_text.h"

namespace credence::apps {

void Svg::Text(double x, double y, std::string_view anchor, int size, std::string_view colour,
               std::string_view text) {
  body_ += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\" "
      "fill=\"{}\">{}</text>\n",
      x, y, anchor, size, colour, EscapedXml(text));
}

void Svg::Line(double x1, double y1, double x2, double y2, std::string_view colour) {
  body_ +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n",
                  x1, y1, x2, y2, colour);
}

void Svg::Rect(double x, double y, double width, double height, std::string_view colour) {
  body_ += fmt::format(
      "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n", x, y,
      width, height, colour);
}

void Svg::Polyline(std::string_view points, std::string_view colour, double stroke_width) {
  body_ +=
      fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:g}\"/>\n",
                  points, colour, stroke_width);
}

std::string Svg::Finish(int width, int height) const {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 "
             "{} "
             "{}\" font-family=\"sans-serif\">\n<rect width=\"{}\" height=\"{}\" "
             "fill=\"#ffffff\"/>\n",
             width, height, width, height, width, height) +
         body_ + "</svg>\n";
}

void AddPoint(double x, double y, std::string* points) {
  *points += fmt::format("{}{:.2f},{:.2f}", points->empty() ? "" : " ", x, y);
}

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

}  // namespace credence::apps
