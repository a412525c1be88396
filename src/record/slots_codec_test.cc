#include "src/record/slots_codec.h"

#include <gtest/gtest.h>

#include "src/base/bytes.h"
#include "src/base/random.h"

namespace credence::record {
namespace {

constexpr size_t kMax = 4096;

Currency Of(std::string_view code) { return *Currency::FromCode(code); }
Value Number(std::string_view text) { return Value::OfDecimal(*Decimal::Parse(text)); }
Value Amount(int64_t minor) { return Value::OfMoney(Money{minor, Of("CNY")}, minor); }

std::string Packed(const std::vector<SlotValue>& slots) {
  std::string bytes;
  PackSlots(slots, &bytes);
  return bytes;
}

void ExpectSame(const std::vector<SlotValue>& a, const std::vector<SlotValue>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].slot, b[i].slot) << "at " << i;
    EXPECT_TRUE(a[i].value == b[i].value)
        << "at " << i << ": " << ToString(a[i].value) << ", " << ToString(b[i].value);
  }
}

void ExpectComesBack(const std::vector<SlotValue>& slots) {
  const std::string bytes = Packed(slots);
  std::vector<SlotValue> read;
  ASSERT_TRUE(UnpackSlots(bytes, kMax, &read)) << ToHex(bytes);
  ExpectSame(read, slots);
  EXPECT_EQ(Packed(read), bytes);
  std::string plain;
  PutPlainSlots(slots, &plain);
  read.clear();
  ASSERT_TRUE(ReadPlainSlots(plain, kMax, &read)) << ToHex(plain);
  ExpectSame(read, slots);
}

bool Accepted(std::string_view hex) {
  std::string bytes;
  EXPECT_TRUE(FromHex(hex, &bytes));
  std::vector<SlotValue> read;
  return UnpackSlots(bytes, kMax, &read);
}

class Source {
 public:
  explicit Source(uint64_t seed) : random_(seed) {
    for (size_t size : {0, 1, 16, 300, 1500}) texts_.emplace_back(size, 'x');
  }
  std::vector<SlotValue> Slots() {
    std::vector<SlotValue> slots;
    uint32_t slot = static_cast<uint32_t>(random_.Below(3));
    for (uint64_t left = random_.Below(60); left > 0; --left) {
      slots.push_back({slot, Any()});
      const uint64_t jump = random_.Below(20);
      slot += jump < 15   ? 1
              : jump < 19 ? static_cast<uint32_t>(random_.Below(40))
                          : uint32_t{0} - 7;
    }
    return slots;
  }

 private:
  // Few digits as often as many.
  int64_t Integer() {
    const auto value = static_cast<int64_t>(random_.Next() >> random_.Below(64));
    return random_.Below(2) == 0 ? value : -value;
  }
  Value Any() {
    switch (random_.Below(11)) {
      case 0:
        return Value::Absent();
      case 1:
        return Value::Incomplete();
      case 2:
        return Value::Boolean(random_.Below(2) == 0);
      case 3:
        return Value::Integer(Integer());
      case 4: {
        const Int128 coefficient =
            static_cast<Int128>(Integer()) * (random_.Below(2) == 0 ? Integer() : 1);
        const int exponent = static_cast<int>(random_.Below(20)) - 10;
        return Value::OfDecimal(
            Decimal::FromScaled(coefficient, random_.Below(8) == 0 ? exponent * 20 : exponent));
      }
      case 5: {
        const int64_t minor = Integer();
        const Currency currency = Of(random_.Below(4) == 0 ? "USD" : "CNY");
        return Value::OfMoney(Money{minor, currency}, random_.Below(4) == 0 ? Integer() : minor);
      }
      case 6:
        return Value::String(texts_[random_.Below(texts_.size())]);
      case 7:
        return Value::Duration(Integer());
      case 8:
        return Value::OfDate(Date{static_cast<int64_t>(random_.Below(40'000)) - 10'000});
      case 9:
        return Value::OfTimestamp(Timestamp{Integer()});
      default:
        return Value::Token(texts_[2]);
    }
  }

  Random random_;
  std::vector<std::string> texts_;
};

TEST(SlotsCodec, AnySlotsComeBackFromBothForms) {
  constexpr uint64_t kSeed = 11;
  Source source(kSeed);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", round " + std::to_string(round));
    ExpectComesBack(source.Slots());
    if (HasFailure()) return;
  }
}

TEST(SlotsCodec, NeighboursWithFewDigitsTakeAByteAndTheirDigits) {
  EXPECT_EQ(
      ToHex(Packed({{0, Value::Absent()}, {1, Value::Boolean(true)}, {3, Value::Integer(1)}})),
      "00"
      "0b"
      "1202");
  // 0.25 is 25 x 10^-2.
  EXPECT_EQ(ToHex(Packed({{0, Number("0.25")}, {1, Number("-0.250")}})),
            "0c7619"
            "0cf619");
  EXPECT_EQ(ToHex(Packed({{0, Amount(1)}, {1, Amount(2)}})),
            "049c0000000202"
            "0d04");
  EXPECT_EQ(ToHex(Packed({{15, Value::Absent()}, {16 + 14, Value::Absent()}})),
            "f000"
            "e0");
}

TEST(SlotsCodec, NumbersAtTheEndsOfTheShortFormComeBack) {
  ExpectComesBack({{0, Number("1e7")},
                   {1, Number("1e8")},
                   {2, Number("1e-120")},
                   {3, Number("1e-121")},
                   {4, Number("18446744073709551615")},
                   {5, Number("18446744073709551617")},
                   {6, Number("0")},
                   {7, Value::OfDecimal(-Decimal())},
                   {8, Number("9999999999999999999999999999999999e6111")},
                   {9, Number("-1e-6176")}});
  ExpectComesBack({{UINT32_MAX, Value::Absent()}, {0, Value::Absent()}, {0, Value::Absent()}});
}

TEST(SlotsCodec, OnlyOneFormOfAValueIsAccepted) {
  EXPECT_TRUE(Accepted("0c7819"));
  EXPECT_TRUE(Accepted("049c00000002020d04"));
  EXPECT_FALSE(Accepted("0c780a")) << "10 is 1 x 10^1";
  EXPECT_FALSE(Accepted("0cf800")) << "a negative zero";
  EXPECT_FALSE(
      Accepted("03190000000000000000000000000040"
               "30"))
      << "25 in the long form";
  EXPECT_FALSE(Accepted("049c0000000202049c0000000404")) << "the currency again";
  EXPECT_FALSE(Accepted("0d04")) << "no currency before";
  EXPECT_FALSE(Accepted("0e")) << "no such kind";
  EXPECT_FALSE(Accepted("02")) << "an integer without its content";
  EXPECT_FALSE(Accepted("f0ffffffff1f")) << "a step of more than 32 bits";
  EXPECT_FALSE(Accepted("0502ff41")) << "a text that is not UTF-8";
  std::vector<SlotValue> read;
  EXPECT_FALSE(UnpackSlots(std::string(5, '\0'), 4, &read)) << "more slots than may be";
}

}  // namespace
}  // namespace credence::record
