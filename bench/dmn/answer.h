#pragma once
// Answers as text, and their checksum: what shows that all programs of the benchmark say the same.
//
//   null and []   null                 an engine's choice where no rule of a COLLECT table matches
//   number        10 significant digits, half up, no trailing zeros: engines compute with 17, 28 or
//                 34 digits
//   text          as it is             boolean  true, false
//   list          [a,b]                context  {name:a,other:b}, names in order
//
// The checksum is FNV-1a (64 bits) over the lines of the answers, each with its line feed. The
// programs in rust/ and jvm/ do the same.

#include <cstdint>
#include <string>
#include <string_view>

#include "src/feel/value.h"

namespace credence::bench {

// Plain digits ("-12.3456", never an exponent) to 10 significant ones.
[[nodiscard]] std::string RoundDigits(std::string_view plain);
[[nodiscard]] std::string AnswerText(const feel::Value& value);

class Checksum {
 public:
  void Add(std::string_view line) {
    for (const char c : line) Mix(static_cast<uint8_t>(c));
    Mix('\n');
  }
  [[nodiscard]] std::string Hex() const;

 private:
  void Mix(uint8_t byte) { state_ = (state_ ^ byte) * 0x100000001b3U; }
  uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace credence::bench
