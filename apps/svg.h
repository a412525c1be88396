#pragma once
// A small writer of pictures (SVG 1.1) and of their axes.

#include <string>
#include <string_view>

namespace credence::apps {

class Svg {
 public:
  void Text(double x, double y, std::string_view anchor, int size, std::string_view colour,
            std::string_view text);
  void Line(double x1, double y1, double x2, double y2, std::string_view colour);
  void Rect(double x, double y, double width, double height, std::string_view colour);
  // `points` as "x,y x,y"; see AddPoint.
  void Polyline(std::string_view points, std::string_view colour, double stroke_width);
  // The whole picture, on white.
  [[nodiscard]] std::string Finish(int width, int height) const;

 private:
  std::string body_;
};

void AddPoint(double x, double y, std::string* points);

// The step of about five ticks up to `top`: 1, 2 or 5 times a power of ten.
[[nodiscard]] double TickStep(double top);
// "12,000"; small values with two digits.
[[nodiscard]] std::string TickLabel(double value);

}  // namespace credence::apps
