#pragma once
// JSON of what was measured: members with six significant digits, and counts.

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "src/api/json_writer.h"

namespace credence::apps {

class FiguresJson : public api::JsonWriter {
 public:
  void Figure(std::string_view name, double value) {
    Key(name);
    Number(fmt::format("{:.6g}", value));
  }
  void Count(std::string_view name, uint64_t value) {
    Key(name);
    Integer(static_cast<int64_t>(value));
  }
};

}  // namespace credence::apps
