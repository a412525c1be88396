#include "src/base/digest.h"

#include <gtest/gtest.h>

#include "src/base/bytes.h"
#include "src/base/random.h"

namespace credence {
namespace {

TEST(Sha256, GivesTheVectorsOfTheStandard) {
  EXPECT_EQ(Sha256("").ToHex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc").ToHex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").ToHex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, AStreamEqualsTheWholeHoweverItIsCut) {
  const std::string text(1000, 'x');
  for (size_t cut = 0; cut <= text.size(); cut += 37) {
    Sha256Stream stream;
    stream.Update(std::string_view(text).substr(0, cut));
    stream.Update("");
    stream.Update(std::string_view(text).substr(cut));
    EXPECT_EQ(stream.Finish(), Sha256(text)) << cut;
  }
}

TEST(HmacSha256, GivesTheVectorsOfRfc4231) {
  EXPECT_EQ(HmacSha256(std::string(20, '\x0b'), "Hi There").ToHex(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HmacSha256("Jefe", "what do ya want for nothing?").ToHex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      HmacSha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")
          .ToHex(),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, OnlyThirtyTwoBytesMakeOne) {
  Digest digest;
  const Digest of_abc = Sha256("abc");
  EXPECT_TRUE(Digest::FromRaw(of_abc.view(), &digest));
  EXPECT_EQ(digest, of_abc);
  EXPECT_FALSE(Digest::FromRaw("", &digest));
  EXPECT_FALSE(Digest::FromRaw(std::string(31, 'a'), &digest));
  EXPECT_FALSE(Digest::FromRaw(std::string(33, 'a'), &digest));
  EXPECT_EQ(digest, of_abc);
}

TEST(Hash64, IsTheStoredXxh3OfTheSeed) {
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2U);
  EXPECT_NE(Hash64("a"), Hash64("b"));
  EXPECT_NE(Hash64("a"), Hash64("a", 1));
}

TEST(MultisetHash, DoesNotSeeTheOrder) {
  MultisetHash one;
  MultisetHash other;
  for (const char* row : {"a", "b", "c"}) one.Add(row);
  for (const char* row : {"c", "a", "b"}) other.Add(row);
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.digest(), other.digest());
  other.Add("a");
  EXPECT_NE(one, other);  // twice is not once
}

TEST(MultisetHash, OneRowIsItsOwnDigestAndNoneIsZero) {
  MultisetHash hash;
  EXPECT_EQ(hash.digest(), Digest());
  hash.Add("abc");
  EXPECT_EQ(hash.digest(), Sha256("abc"));
}

// Carries and borrows run through all four words.
TEST(MultisetHash, WhatIsTakenOutLeavesNoMark) {
  Digest ones;
  ones.bytes.fill(0xFF);
  Digest one;
  one.bytes[0] = 1;
  MultisetHash hash;
  hash.Add(ones);
  hash.Add(one);
  EXPECT_EQ(hash.digest(), Digest());  // 2^256 - 1 + 1
  hash.Remove(one);
  EXPECT_EQ(hash.digest(), ones);
  hash.Remove(ones);
  EXPECT_EQ(hash, MultisetHash());

  constexpr uint64_t kSeed = 42;
  Random random(kSeed);
  std::vector<std::string> rows;
  for (int i = 0; i < 2000; ++i) {
    if (rows.empty() || random.Below(3) != 0) {
      rows.emplace_back(1 + random.Below(40), static_cast<char>(random.Below(256)));
      hash.Add(rows.back());
    } else {
      std::swap(rows[random.Below(rows.size())], rows.back());
      hash.Remove(rows.back());
      rows.pop_back();
    }
  }
  MultisetHash fresh;
  for (const std::string& row : rows) fresh.Add(row);
  EXPECT_EQ(hash, fresh) << "seed " << kSeed;
  EXPECT_NE(hash, MultisetHash());
}

}  // namespace
}  // namespace credence
