#include "bench/dmn/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace credence::bench {

std::string RoundDigits(std::string_view plain) {
  constexpr size_t kDigits = 10;
  const bool negative = !plain.empty() && plain[0] == '-';
  if (negative) plain.remove_prefix(1);
  const size_t point = std::min(plain.find('.'), plain.size());
  std::string digits(plain.substr(0, point));
  size_t whole = digits.size();
  if (point < plain.size()) digits += plain.substr(point + 1);
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return "0";
  if (const size_t end = first + kDigits; end < digits.size()) {
    const bool up = digits[end] >= '5';
    std::fill(digits.begin() + static_cast<std::ptrdiff_t>(end), digits.end(), '0');
    size_t at = end;
    while (up && at > 0 && digits[at - 1] == '9') digits[--at] = '0';
    if (up && at == 0) {
      digits.insert(digits.begin(), '1');
      ++whole;
    } else if (up) {
      ++digits[at - 1];
    }
  }
  std::string fraction = digits.substr(whole);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  std::string text = digits.substr(0, whole);
  text.erase(0, std::min(text.find_first_not_of('0'), text.size()));
  if (text.empty()) text = "0";
  return (negative ? "-" : "") + text + (fraction.empty() ? "" : "." + fraction);
}

std::string AnswerText(const feel::Value& value) {
  switch (value.kind()) {
    case feel::Kind::kNumber:
      return RoundDigits(value.number().ToString());
    case feel::Kind::kBoolean:
      return value.boolean() ? "true" : "false";
    case feel::Kind::kList: {
      std::string out;
      for (const feel::Value& item : value.list())
        out += (out.empty() ? "" : ",") + AnswerText(item);
      return value.list().empty() ? "null" : "[" + out + "]";
    }
    case feel::Kind::kContext: {
      std::vector<std::string> members;
      for (const feel::Entry& entry : value.context()) {
        members.push_back(std::string(entry.name) + ":" + AnswerText(entry.value));
      }
      std::sort(members.begin(), members.end());
      return fmt::format("{{{}}}", fmt::join(members, ","));
    }
    default:
      return feel::ToString(value);
  }
}

std::string Checksum::Hex() const { return fmt::format("{:016x}", state_); }

}  // namespace credence::bench
