#include "apps/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "apps/diagnostic_text.h"

namespace credence::apps {

Progress::Progress(std::string label, std::string unit, uint64_t total, bool quiet)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_) {}

Progress::~Progress() { Finish(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Progress::Update(uint64_t position, uint64_t count) {
  position_ = position;
  count_ = count;
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (terminal_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  Draw(false);
}

void Progress::Finish() {
  if (finished_) return;
  finished_ = true;
  if (!quiet_) Draw(true);
}

void Progress::Clear() const {
  if (terminal_ && !quiet_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::Draw(bool last) {
  const double share =
      total_ == 0 ? 0 : std::min(1.0, static_cast<double>(position_) / static_cast<double>(total_));
  const double elapsed = seconds();
  const double rate = elapsed > 0 ? static_cast<double>(count_) / elapsed : 0;
  if (!terminal_) {
    const int tenths = static_cast<int>(share * 10);
    if (last || tenths <= shown_tenths_) return;
    shown_tenths_ = tenths;
    fmt::print(stderr, "{} {:3.0f} %  {} {}  {:.0f}/s\n", label_, share * 100, Grouped(count_),
               unit_, rate);
    return;
  }
  constexpr int kWidth = 28;
  const int filled = static_cast<int>(share * kWidth);
  std::string bar;
  for (int i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
  const double left = share > 0 ? elapsed * (1 - share) / share : 0;
  fmt::print(stderr, "\r\x1b[K{} {} {:3.0f} %  {} {}  {}/s  {:.0f} s left", label_, bar,
             share * 100, Grouped(count_), unit_, Grouped(static_cast<uint64_t>(rate)), left);
  if (last) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

std::string Grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Bytes(uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

int Fail(std::string_view what) {
  fmt::print(stderr, "credence: {}\n", what);
  return 1;
}

int Fail(const Status& status) { return Fail(status.ToString()); }

void Print(std::span<const Diagnostic> diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    const std::string_view chinese = DiagnosticInChinese(diagnostic.code);
    fmt::print(stderr, "{}{}{}\n", ToString(diagnostic), chinese.empty() ? "" : " ", chinese);
  }
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) == 0x80) continue;
    width += byte >= 0xE3 && byte < 0xF0 ? 2 : 1;
  }
  return width;
}

std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string Aligned(const std::vector<std::vector<std::string>>& rows, size_t left) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - DisplayWidth(row[i]), ' ');
      if (i > 0) line += "  ";
      line += i < left ? row[i] + pad : pad + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace credence::apps
