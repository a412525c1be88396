#pragma once
// Identifiers of persons and firms with their check digits. Each function takes what a person
// typed, removes spaces and hyphens, and returns the normal form or what is wrong with it. Errors
// never repeat the value.

#include <string>
#include <string_view>

#include "src/base/status.h"

namespace credence::record {

// Mainland mobile number: 11 digits, 1[3-9]…; a leading +86 or 86 is dropped.
Result<std::string> NormaliseMobileCn(std::string_view text);
// GB 11643-1999: 17 digits and a check character by ISO 7064 MOD 11-2 (X in capitals); the birth
// date must exist. 15-digit numbers of the first generation are refused: their owner has an
// 18-digit one.
Result<std::string> NormaliseIdCardCn(std::string_view text);
// ISO/IEC 7812-1: 12 to 19 digits, Luhn.
Result<std::string> NormaliseBankCard(std::string_view text);
// GB 32100-2015: 18 characters, check character by the standard's MOD 31.
Result<std::string> NormaliseUscc(std::string_view text);

}  // namespace credence::record
