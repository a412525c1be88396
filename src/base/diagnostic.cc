#include "src/base/diagnostic.h"

#include <algorithm>
#include <tuple>

namespace credence {

std::string ToString(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line != 0) text += ":" + std::to_string(diagnostic.line);
  if (diagnostic.column != 0) text += ":" + std::to_string(diagnostic.column);
  if (!text.empty()) text += ": ";
  switch (diagnostic.severity) {
    case Severity::kError:
      text += "error: ";
      break;
    case Severity::kWarning:
      text += "warning: ";
      break;
    case Severity::kNote:
      text += "note: ";
      break;
  }
  text += diagnostic.message;
  if (!diagnostic.hint.empty()) text += " (" + diagnostic.hint + ")";
  if (!diagnostic.code.empty()) text += " [" + diagnostic.code + "]";
  return text;
}

void SortDiagnostics(std::vector<Diagnostic>* diagnostics) {
  std::stable_sort(diagnostics->begin(), diagnostics->end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::tie(a.file, a.line, a.column, a.code) <
                            std::tie(b.file, b.line, b.column, b.code);
                   });
}

bool HasErrors(std::span<const Diagnostic> diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

namespace {

// Optimal string alignment: insert, delete, substitute, swap of neighbours. Stops caring above
// `limit`.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view name, std::span<const std::string> candidates) {
  constexpr size_t kNameBytesMax = 256;  // longer names get no suggestion
  if (name.empty() || name.size() > kNameBytesMax) return {};
  const size_t limit = std::max<size_t>(1, name.size() / 3);
  std::string_view best;
  size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const size_t gap = candidate.size() > name.size() ? candidate.size() - name.size()
                                                      : name.size() - candidate.size();
    if (gap >= best_distance || candidate.size() > kNameBytesMax) continue;
    const size_t distance = Distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace credence
