#pragma once
// Inputs of the benchmark: JSON lines to slots, as the service would read a request. Numbers are
// read from their digits, never through a double.

#include <simdjson.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/base/status.h"
#include "src/feel/value.h"

namespace credence::bench {

class InputReader {
 public:
  // Slots in order of `names`; other members of a line are passed over.
  explicit InputReader(std::vector<std::string> names) : names_(std::move(names)) {}

  // One object. `line` must be followed by simdjson::SIMDJSON_PADDING readable bytes; strings and
  // lists are copied into the arena. A missing member is null.
  Status Read(std::string_view line, Arena& arena, std::span<feel::Value> slots);

 private:
  std::vector<std::string> names_;
  simdjson::ondemand::parser parser_;
};

// A file of lines, with padding behind it.
class LineFile {
 public:
  static Result<LineFile> Open(const std::string& path);
  [[nodiscard]] size_t size() const { return starts_.size() - 1; }
  [[nodiscard]] std::string_view line(size_t i) const {
    return std::string_view(text_).substr(starts_[i], starts_[i + 1] - starts_[i] - 1);
  }

 private:
  std::string text_;
  std::vector<size_t> starts_;  // of lines, and of the end
};

}  // namespace credence::bench
