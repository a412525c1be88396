#include "src/base/bytes.h"

#include <gtest/gtest.h>

#include "src/base/random.h"

namespace credence {
namespace {

TEST(Bytes, EverythingWrittenReadsBack) {
  constexpr uint64_t kSeed = 41;
  Random random(kSeed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    ByteWriter writer(&bytes);
    const uint64_t a = random.Next() >> random.Below(64);
    const auto b = static_cast<int64_t>(random.Next()) >> random.Below(64);
    const UInt128 c = (static_cast<UInt128>(random.Next()) << 64) | a;
    const std::string text(random.Below(300), static_cast<char>(random.Below(256)));
    writer.PutU8(static_cast<uint8_t>(a));
    writer.PutFixed32(static_cast<uint32_t>(a));
    writer.PutFixed64(a);
    writer.PutFixed128(c);
    writer.PutVarint(a);
    writer.PutZigzag(b);
    writer.PutBytes(text);
    writer.PutRaw("raw");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.GetU8(), static_cast<uint8_t>(a));
    EXPECT_EQ(reader.GetFixed32(), static_cast<uint32_t>(a));
    EXPECT_EQ(reader.GetFixed64(), a);
    EXPECT_TRUE(reader.GetFixed128() == c);
    EXPECT_EQ(reader.GetVarint(), a);
    EXPECT_EQ(reader.GetZigzag(), b);
    EXPECT_EQ(reader.GetBytes(), text);
    EXPECT_EQ(reader.GetRaw(3), "raw");
    ASSERT_TRUE(reader.ok() && reader.AtEnd() && reader.remaining() == 0) << "seed " << kSeed;

    // Cut anywhere, the reader fails, and never reads on.
    const size_t cut = random.Below(bytes.size());
    ByteReader short_reader(std::string_view(bytes).substr(0, cut));
    (void)short_reader.GetU8();
    (void)short_reader.GetFixed32();
    (void)short_reader.GetFixed64();
    (void)short_reader.GetFixed128();
    (void)short_reader.GetVarint();
    (void)short_reader.GetZigzag();
    (void)short_reader.GetBytes();
    EXPECT_EQ(short_reader.GetRaw(3), "");
    ASSERT_FALSE(short_reader.ok()) << "seed " << kSeed << " cut " << cut;
  }
}

TEST(Bytes, EncodingsAreThoseOfTheGrammar) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.PutFixed32(0x01020304);
  writer.PutVarint(0);
  writer.PutVarint(300);
  writer.PutVarint(UINT64_MAX);
  writer.PutZigzag(-1);
  writer.PutZigzag(1);
  writer.PutZigzag(INT64_MIN);
  writer.PutBytes("ab");
  EXPECT_EQ(ToHex(bytes),
            "04030201"
            "00"
            "ac02"
            "ffffffffffffffffff01"
            "01"
            "02"
            "ffffffffffffffffff01"
            "026162");
}

TEST(Bytes, VarintsThatAreNotShortestOrTooLongAreMalformed) {
  for (const char* hex : {"8000", "ff00", "80", "ffffffffffffffffff02", "ffffffffffffffffffff01",
                          "ffffffffffffffffff81", "80808080808080808080"}) {
    std::string bytes;
    ASSERT_TRUE(FromHex(hex, &bytes));
    ByteReader reader(bytes);
    EXPECT_EQ(reader.GetVarint(), 0U) << hex;
    EXPECT_FALSE(reader.ok()) << hex;
  }
}

TEST(Bytes, AFailedReaderReturnsZerosForGood) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.GetFixed64(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_EQ(reader.GetU8(), 0);
  EXPECT_EQ(reader.remaining(), 0U);
  ByteReader half_reader("0123456789");  // half of a 128-bit number is none
  EXPECT_TRUE(half_reader.GetFixed128() == 0);
  EXPECT_FALSE(half_reader.ok());
  std::string huge;
  ByteWriter(&huge).PutVarint(UINT64_MAX);  // a length far beyond the end
  ByteReader length_reader(huge);
  EXPECT_EQ(length_reader.GetBytes(), "");
  EXPECT_FALSE(length_reader.ok());
}

TEST(Hex, ReadsBothCasesAndWritesLower) {
  std::string bytes;
  EXPECT_TRUE(FromHex("00FFaB", &bytes));
  EXPECT_EQ(bytes, std::string("\0\xFF\xAB", 3));
  EXPECT_EQ(ToHex(bytes), "00ffab");
  EXPECT_TRUE(FromHex("", &bytes));
  EXPECT_EQ(bytes, "");
  for (const char* hex : {"0", "0g", "g0", "0x", " 0", "000"}) {
    EXPECT_FALSE(FromHex(hex, &bytes)) << hex;
  }
}

TEST(Utf8, WellFormedTextIsAccepted) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("a\0b", 3), std::string_view("\xC2\x80"),
        std::string_view("\xDF\xBF"), std::string_view("\xE0\xA0\x80"),
        std::string_view("\xED\x9F\xBF"), std::string_view("\xEE\x80\x80"),
        std::string_view("\xEF\xBF\xBF"), std::string_view("\xF0\x90\x80\x80"),
        std::string_view("\xF4\x8F\xBF\xBF"), std::string_view("信用 credit")}) {
    EXPECT_TRUE(IsValidUtf8(text)) << ToHex(text);
  }
}

TEST(Utf8, OverlongSurrogateAndCutFormsAreRefused) {
  for (const std::string_view text :
       {std::string_view("\x80"), std::string_view("\xC0\x80"), std::string_view("\xC1\xBF"),
        std::string_view("\xC2"), std::string_view("\xC2\x7F"), std::string_view("\xE0\x9F\xBF"),
        std::string_view("\xED\xA0\x80"), std::string_view("\xEF\xBF"),
        std::string_view("\xF0\x8F\xBF\xBF"), std::string_view("\xF4\x90\x80\x80"),
        std::string_view("\xF5\x80\x80\x80"), std::string_view("\xF0\x90\x80"),
        std::string_view("a\xFF"), std::string_view("\xE4\xBF\xC0")}) {
    EXPECT_FALSE(IsValidUtf8(text)) << ToHex(text);
  }
}

}  // namespace
}  // namespace credence
