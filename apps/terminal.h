#pragma once
// What the commands print: progress on long work, errors that say what to do next, numbers that can
// be read.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/status.h"

namespace credence::apps {

// A progress bar on stderr with rate and remaining time; where stderr is no terminal, a line every
// ten per cent.
class Progress {
 public:
  // `total` in the unit of Update (bytes, events); 0 = unknown.
  Progress(std::string label, std::string unit, uint64_t total, bool quiet);
  ~Progress();
  // `position` of `total`; `count` things are done (what the rate counts). Cheap: draws at most ten
  // times a second.
  void Update(uint64_t position, uint64_t count);
  void Finish();
  // Wipes the bar, so that a line can be printed; the next Update draws it again.
  void Clear() const;
  [[nodiscard]] double seconds() const;

 private:
  void Draw(bool last);
  std::string label_;
  std::string unit_;
  uint64_t total_;
  bool quiet_;
  bool terminal_;
  bool finished_ = false;
  uint64_t position_ = 0;
  uint64_t count_ = 0;
  int shown_tenths_ = 0;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
};

// "1,234,567".
[[nodiscard]] std::string Grouped(uint64_t number);
// "12.3 MB".
[[nodiscard]] std::string Bytes(uint64_t bytes);
// Writes "credence: <what>" to stderr and returns 1.
int Fail(std::string_view what);
int Fail(const Status& status);
void Print(std::span<const Diagnostic> diagnostics);
// Columns that a terminal gives the text: two for each character from the CJK blocks.
[[nodiscard]] size_t DisplayWidth(std::string_view text);
// Columns padded to their widest cell (by code points; Chinese counts two), two spaces between.
[[nodiscard]] std::string Table(const std::vector<std::vector<std::string>>& rows);
// Like Table, with all columns but the first `left` at the right.
[[nodiscard]] std::string Aligned(const std::vector<std::vector<std::string>>& rows, size_t left);

}  // namespace credence::apps
