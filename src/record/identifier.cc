#include "src/record/identifier.h"

#include <array>

#include "src/calendar/date.h"

namespace credence::record {

namespace {

std::string WithoutSpacing(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != ' ' && c != '-') kept.push_back(c);
  }
  return kept;
}

bool AllDigits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

int Number(std::string_view digits) {
  int number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

Result<std::string> NormaliseMobileCn(std::string_view text) {
  std::string number = WithoutSpacing(text);
  if (number.starts_with("+86")) {
    number.erase(0, 3);
  } else if (number.size() == 13 && number.starts_with("86")) {
    number.erase(0, 2);
  }
  if (number.size() != 11 || !AllDigits(number)) {
    return InvalidArgument("expected a mainland mobile number of 11 digits");
  }
  if (number[0] != '1' || number[1] < '3') {
    return InvalidArgument("expected a mainland mobile number that begins with 13 to 19");
  }
  return number;
}

Result<std::string> NormaliseIdCardCn(std::string_view text) {
  std::string number = WithoutSpacing(text);
  if (number.size() != 18 || !AllDigits(std::string_view(number).substr(0, 17))) {
    return InvalidArgument("expected an identity number of 18 characters (GB 11643)");
  }
  if (number[17] == 'x') number[17] = 'X';
  const std::string_view view(number);
  if (!Date::FromCivil(Number(view.substr(6, 4)), Number(view.substr(10, 2)),
                       Number(view.substr(12, 2)))) {
    return InvalidArgument("expected an identity number with an existing date of birth");
  }
  static constexpr std::array<int, 17> kWeights = {7, 9, 10, 5,  8, 4, 2, 1, 6,
                                                   3, 7, 9,  10, 5, 8, 4, 2};
  static constexpr char kCheck[] = "10X98765432";
  int sum = 0;
  for (size_t i = 0; i < kWeights.size(); ++i) sum += (number[i] - '0') * kWeights[i];
  if (number[17] != kCheck[sum % 11]) {
    return InvalidArgument(
        "the check character of the identity number is wrong (ISO 7064 MOD 11-2)");
  }
  return number;
}

Result<std::string> NormaliseBankCard(std::string_view text) {
  std::string number = WithoutSpacing(text);
  if (number.size() < 12 || number.size() > 19 || !AllDigits(number)) {
    return InvalidArgument("expected a card number of 12 to 19 digits");
  }
  int sum = 0;
  bool twice = false;
  for (auto digit = number.rbegin(); digit != number.rend(); ++digit, twice = !twice) {
    int value = *digit - '0';
    if (twice) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  if (sum % 10 != 0) return InvalidArgument("the check digit of the card number is wrong (Luhn)");
  return number;
}

Result<std::string> NormaliseUscc(std::string_view text) {
  std::string code = WithoutSpacing(text);
  for (char& c : code) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  static constexpr std::array<int, 17> kWeights = {1,  3,  9,  27, 19, 26, 16, 17, 20,
                                                   29, 25, 13, 8,  24, 10, 30, 28};
  if (code.size() != 18) {
    return InvalidArgument("expected a unified social credit code of 18 characters (GB 32100)");
  }
  size_t sum = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    const size_t value = kAlphabet.find(code[i]);
    if (value == std::string_view::npos) {
      return InvalidArgument("a unified social credit code has no letters I, O, S, V or Z");
    }
    if (i < kWeights.size()) sum += value * static_cast<size_t>(kWeights[i]);
  }
  if (code[17] != kAlphabet[(31 - sum % 31) % 31]) {
    return InvalidArgument("the check character of the unified social credit code is wrong");
  }
  return code;
}

}  // namespace credence::record
