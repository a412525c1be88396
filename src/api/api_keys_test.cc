#include "src/api/api_keys.h"

#include <gtest/gtest.h>

#include "src/base/memory_file.h"

namespace credence::api {
namespace {

constexpr Timestamp kNow{1'709'251'200 * kNsPerSecond};

TEST(ApiKeysTest, AKeyIsFoundByItsWholeTextAndByNothingElse) {
  ApiKeys keys;
  const auto text = keys.Make("shop", Role::kIngest | Role::kDecide, kNow);
  ASSERT_TRUE(text.ok());
  ASSERT_NE(keys.Find(*text), nullptr);
  EXPECT_EQ(keys.Find(*text)->name, "shop");
  for (size_t i = 0; i < text->size(); ++i) {
    std::string other = *text;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_EQ(keys.Find(other), nullptr) << i;
    EXPECT_EQ(keys.Find(text->substr(0, i)), nullptr) << i;
  }
  EXPECT_EQ(keys.Find(*text + "0"), nullptr);
}

TEST(ApiKeysTest, TheFileHoldsNoKeyAndIsReadBack) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeFolders("keys").ok());
  ApiKeys keys;
  const std::string first = *keys.Make("ann@shop", Role::kPolicy | Role::kRead, kNow);
  const std::string second = *keys.Make("bob", kAllRoles, kNow);
  ASSERT_TRUE(keys.Write(files, "keys/api").ok());
  EXPECT_EQ(keys.ToText().find(first.substr(16)), std::string::npos);
  const auto read = ApiKeys::Read(files, "keys/api");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->ToText(), keys.ToText());
  EXPECT_EQ(read->Find(second)->roles, kAllRoles);
}

TEST(ApiKeysTest, ARevokedKeyIsGone) {
  ApiKeys keys;
  const std::string text = *keys.Make("shop", kAllRoles, kNow);
  EXPECT_EQ(keys.Revoke("000000000000").code(), StatusCode::kNotFound);
  ASSERT_TRUE(keys.Revoke(keys.keys()[0].id).ok());
  EXPECT_EQ(keys.Find(text), nullptr);
}

TEST(ApiKeysTest, NamesAndRolesAreChecked) {
  ApiKeys keys;
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\nb"),
                                  std::string("名"), std::string(65, 'a')}) {
    EXPECT_FALSE(keys.Make(name, kAllRoles, kNow).ok()) << name;
  }
  EXPECT_FALSE(keys.Make("a", kNoRole, kNow).ok());
  EXPECT_EQ(*ParseRoles("read,admin"), Role::kRead | Role::kAdmin);
  for (const char* bad : {"", "read,", "root", "read,read", "Read", "read admin"}) {
    EXPECT_FALSE(ParseRoles(bad).ok()) << bad;
  }
  EXPECT_EQ(RolesText(kAllRoles), "ingest,decide,read,policy,admin");
}

TEST(ApiKeysTest, ADamagedFileIsRefusedWithItsLine) {
  ApiKeys keys;
  static_cast<void>(keys.Make("shop", kAllRoles, kNow));
  const std::string good = keys.ToText();
  ASSERT_TRUE(ApiKeys::Parse(good).ok());
  EXPECT_EQ(ApiKeys::Parse("").status().code(), StatusCode::kDataLoss);
  for (size_t cut = 1; cut < good.size(); ++cut) {
    const auto parsed = ApiKeys::Parse(std::string_view(good).substr(0, cut));
    // Cut behind the first line it is a file without keys.
    if (good[cut - 1] == '\n') continue;
    EXPECT_EQ(parsed.status().code(), StatusCode::kDataLoss) << cut;
    EXPECT_NE(parsed.status().message().find("line "), std::string::npos);
  }
}

}  // namespace
}  // namespace credence::api
