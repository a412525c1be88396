// Arbitrary patterns over arbitrary text: the translation never makes a pattern that PCRE2 does not
// bound.

#include <cstdint>

#include "src/base/bytes.h"
#include "src/feel/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 2'048) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  if (!credence::IsValidUtf8(all)) return 0;
  const size_t flags_size = static_cast<size_t>(data[0]) % 4;
  const size_t cut = all.find('\n');
  if (cut == std::string_view::npos || cut < flags_size) return 0;
  static constexpr std::string_view kFlags[] = {"", "i", "sm", "x"};
  const auto regex = credence::feel::Regex::Compile(all.substr(0, cut), kFlags[flags_size]);
  if (!regex.ok()) return 0;
  credence::feel::RegexScratch scratch;
  credence::feel::Regex::Groups groups;
  const std::string_view text = all.substr(cut + 1);
  size_t at = 0;
  for (int i = 0; i < 20 && at <= text.size(); ++i) {
    if (!(*regex)->Find(text, at, 5'000, &scratch, &groups).ok() || groups.empty()) return 0;
    const auto [begin, end] = groups[0];
    if (begin < at || end < begin || end > text.size()) __builtin_trap();
    at = end + 1;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return 0;
}
