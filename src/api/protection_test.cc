#include "src/api/protection.h"

#include <gtest/gtest.h>

#include <map>

#include "src/base/memory_file.h"
#include "src/base/random.h"

namespace credence::api {
namespace {

constexpr char kFolder[] = "keys";
constexpr char kSite[] = "keys/site.key";
constexpr char kSubjects[] = "keys/subjects.keys";

std::unique_ptr<Protection> MustOpen(FileSystem& files) {
  auto opened = Protection::Open(files, kFolder);
  EXPECT_TRUE(opened.ok()) << opened.status().ToString();
  return opened.ok() ? std::move(opened).value() : nullptr;
}

std::string Content(FileSystem& files, const std::string& path) {
  const auto content = ReadWholeFile(files, path, uint64_t{1} << 30);
  EXPECT_TRUE(content.ok()) << content.status().ToString();
  return content.ok() ? *content : "";
}

// A key folder with `count` subjects "p0", "p1", ….
void Fill(FileSystem& files, int count) {
  const auto protection = MustOpen(files);
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(protection->Seal("p" + std::to_string(i), "mobile", "13800138000").ok());
  }
  ASSERT_TRUE(protection->Flush().ok());
}

TEST(Protection, TokensAreEqualExactlyWhereFieldAndValueAre) {
  constexpr uint64_t kSeed = 7;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  MemoryFileSystem files;
  const auto protection = MustOpen(files);
  Random random(kSeed);
  std::map<std::string, std::pair<std::string, std::string>> seen;
  for (int round = 0; round < 20'000; ++round) {
    // Short texts over a small alphabet, so that equal pairs and equal concatenations both occur.
    std::string field;
    std::string value;
    for (uint64_t i = random.Below(3); i > 0; --i) field.push_back("ab"[random.Below(2)]);
    for (uint64_t i = random.Below(4); i > 0; --i) {
      value.push_back("ab\0"[static_cast<size_t>(random.Below(3))]);
    }
    const std::string token = protection->Token(field, value);
    ASSERT_EQ(token.size(), Protection::kTokenBytes);
    const auto [entry, added] = seen.try_emplace(token, field, value);
    ASSERT_EQ(entry->second, std::make_pair(field, value));
    ASSERT_EQ(protection->Token(field, value), token);
  }
  EXPECT_GT(seen.size(), 200U);
}

TEST(Protection, TokensLastAndDifferBetweenSites) {
  MemoryFileSystem here;
  MemoryFileSystem there;
  const std::string token = MustOpen(here)->Token("mobile", "13800138000");
  EXPECT_EQ(MustOpen(here)->Token("mobile", "13800138000"), token);
  EXPECT_NE(MustOpen(there)->Token("mobile", "13800138000"), token);
}

TEST(Protection, TokensDependOnTheEpoch) {
  MemoryFileSystem files;
  const std::string token = MustOpen(files)->Token("mobile", "13800138000");
  std::string site = Content(files, kSite);
  site.replace(site.find(" 1 ", site.find("sha256")), 3, " 2 ");
  ASSERT_TRUE(ReplaceFile(files, kSite, site).ok());
  EXPECT_NE(MustOpen(files)->Token("mobile", "13800138000"), token);
}

TEST(Protection, SealedValuesOpenAfterReopening) {
  MemoryFileSystem files;
  auto protection = MustOpen(files);
  const auto first = protection->Seal("alice", "mobile", "13800138000");
  const auto second = protection->Seal("alice", "mobile", "13800138000");
  const auto empty = protection->Seal("bob", "address", "");
  ASSERT_TRUE(first.ok() && second.ok() && empty.ok());
  EXPECT_NE(*first, *second) << "equal values must not show";
  EXPECT_EQ(first->find("13800138000"), std::string::npos);
  ASSERT_TRUE(protection->Flush().ok());
  protection = MustOpen(files);
  EXPECT_EQ(protection->subject_count(), 2U);
  EXPECT_EQ(*protection->Open("alice", "mobile", *first), "13800138000");
  EXPECT_EQ(*protection->Open("alice", "mobile", *second), "13800138000");
  EXPECT_EQ(*protection->Open("bob", "address", *empty), "");
}

TEST(Protection, AChangedSealedValueDoesNotOpen) {
  MemoryFileSystem files;
  const auto protection = MustOpen(files);
  const std::string sealed = *protection->Seal("alice", "mobile", "13800138000");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(protection->Open("alice", "mobile", changed).status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(protection->Open("alice", "mobile", sealed.substr(0, i)).status().code(),
              StatusCode::kDataLoss);
  }
  EXPECT_EQ(protection->Open("alice", "phone", sealed).status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(protection->Seal("bob", "mobile", "1").ok());
  EXPECT_EQ(protection->Open("bob", "mobile", sealed).status().code(), StatusCode::kDataLoss);
}

TEST(Protection, ErasureIsForGoodAndRewritesTheFile) {
  MemoryFileSystem files;
  auto protection = MustOpen(files);
  const std::string alice = *protection->Seal("alice", "mobile", "13800138000");
  const std::string bob = *protection->Seal("bob", "mobile", "13800138001");
  ASSERT_TRUE(protection->Flush().ok());
  const std::string before = Content(files, kSubjects);
  // Held open, to see what becomes of the replaced file's bytes.
  const auto old = files.Open(kSubjects, OpenMode::kRead);
  ASSERT_TRUE(old.ok());

  ASSERT_TRUE(protection->Erase("alice").ok());
  EXPECT_EQ(protection->Open("alice", "mobile", alice).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*protection->Open("bob", "mobile", bob), "13800138001");
  std::string left;
  ASSERT_TRUE((*old)->ReadAt(0, before.size(), &left).ok());
  EXPECT_EQ(left, std::string(before.size(), '\0')) << "the old file's bytes are written over";
  EXPECT_LT(Content(files, kSubjects).size(), before.size());
  EXPECT_FALSE(files.Exists(std::string(kSubjects) + ".new"));

  protection = MustOpen(files);
  EXPECT_EQ(protection->Open("alice", "mobile", alice).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*protection->Open("bob", "mobile", bob), "13800138001");
  EXPECT_TRUE(protection->Erase("alice").ok()) << "again, and of nobody, is no error";

  // The same person may come back, with a key that does not open what was.
  ASSERT_TRUE(protection->Seal("alice", "mobile", "13800138002").ok());
  EXPECT_EQ(protection->Open("alice", "mobile", alice).status().code(), StatusCode::kDataLoss);
}

TEST(Protection, ErasureKeepsTheKeysThatWereNotFlushed) {
  MemoryFileSystem files;
  auto protection = MustOpen(files);
  const std::string alice = *protection->Seal("alice", "mobile", "1");
  const std::string bob = *protection->Seal("bob", "mobile", "2");
  ASSERT_TRUE(protection->Erase("alice").ok());
  ASSERT_TRUE(protection->Flush().ok());
  protection = MustOpen(files);
  EXPECT_EQ(protection->subject_count(), 1U);
  EXPECT_EQ(*protection->Open("bob", "mobile", bob), "2");
  EXPECT_FALSE(protection->Open("alice", "mobile", alice).ok());
}

TEST(Protection, AFlushThatDidNotFinishIsIgnoredAndWrittenOver) {
  MemoryFileSystem files;
  Fill(files, 2);
  const std::string whole = Content(files, kSubjects);
  const std::string line = whole.substr(whole.size() - 98);
  for (const size_t torn : {size_t{1}, size_t{40}, line.size() - 1, line.size(), line.size() + 7}) {
    std::string tail(torn, 'f');
    ASSERT_TRUE(ReplaceFile(files, kSubjects, whole + tail).ok());
    auto protection = MustOpen(files);
    ASSERT_NE(protection, nullptr);
    EXPECT_EQ(protection->subject_count(), 2U);
    const std::string sealed = *protection->Seal("new", "mobile", "3");
    ASSERT_TRUE(protection->Flush().ok());
    protection = MustOpen(files);
    ASSERT_NE(protection, nullptr);
    EXPECT_EQ(protection->subject_count(), 3U);
    EXPECT_EQ(*protection->Open("new", "mobile", sealed), "3");
  }
}

TEST(Protection, ATruncatedSubjectFileIsRefusedAtEveryLength) {
  MemoryFileSystem files;
  Fill(files, 3);
  const std::string whole = Content(files, kSubjects);
  for (size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(ReplaceFile(files, kSubjects, whole.substr(0, size)).ok());
    const auto opened = Protection::Open(files, kFolder);
    ASSERT_FALSE(opened.ok()) << "at " << size << " bytes";
    EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    EXPECT_NE(opened.status().message().find(kSubjects), std::string::npos);
  }
}

TEST(Protection, AnyOtherByteInASubjectFileIsRefusedOrIsAnotherKey) {
  MemoryFileSystem files;
  Fill(files, 2);
  const std::string whole = Content(files, kSubjects);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'g', 'A', ' ', '\n', '\0', '-'}) {
      if (whole[at] == c) continue;
      std::string changed = whole;
      changed[at] = c;
      ASSERT_TRUE(ReplaceFile(files, kSubjects, changed).ok());
      const auto opened = Protection::Open(files, kFolder);
      ASSERT_FALSE(opened.ok()) << "byte " << at << " as " << static_cast<int>(c);
      EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
    }
  }
}

TEST(Protection, ASubjectThatStandsTwiceIsRefused) {
  MemoryFileSystem files;
  Fill(files, 2);
  std::string content = Content(files, kSubjects);
  const size_t header = content.find('\n') + 1;
  content.replace(header + 98, 32, content.substr(header, 32));
  ASSERT_TRUE(ReplaceFile(files, kSubjects, content).ok());
  const auto opened = Protection::Open(files, kFolder);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.status().message().find("line 3: the subject stands here twice"),
            std::string::npos)
      << opened.status().ToString();
}

TEST(Protection, ASiteKeyThatIsNotWholeIsRefused) {
  MemoryFileSystem files;
  MustOpen(files);
  const std::string whole = Content(files, kSite);
  std::vector<std::string> bad;
  for (size_t size = 0; size < whole.size(); ++size) bad.push_back(whole.substr(0, size));
  bad.push_back(whole + whole);
  bad.push_back(whole + "\n");
  bad.push_back(" " + whole);
  bad.push_back(std::string(1'000'000, 'a'));
  for (const char* epoch : {"0", "01", "-1", "+1", "1000001", "99999999999999999999", "", "1 "}) {
    std::string changed = whole;
    changed.replace(changed.find("sha256 ") + 7, 1, epoch);
    bad.push_back(changed);
  }
  for (const std::string& content : bad) {
    ASSERT_TRUE(ReplaceFile(files, kSite, content).ok());
    const auto opened = Protection::Open(files, kFolder);
    ASSERT_FALSE(opened.ok()) << content;
    EXPECT_NE(opened.status().message().find(kSite), std::string::npos);
  }
}

TEST(Protection, AMissingSiteKeyIsNotMadeAnewWhereSubjectsLie) {
  MemoryFileSystem files;
  Fill(files, 1);
  ASSERT_TRUE(files.Remove(kSite).ok());
  EXPECT_EQ(Protection::Open(files, kFolder).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(files.Exists(kSite));
}

TEST(Protection, MessagesHoldNoKey) {
  MemoryFileSystem files;
  Fill(files, 2);
  const std::string site = Content(files, kSite);
  const std::string key = site.substr(site.size() - 65, 64);
  const std::string subjects = Content(files, kSubjects);
  const auto holds_no_key = [&](const Status& status) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.message().find(key.substr(0, 16)), std::string::npos);
    for (size_t at = subjects.find('\n') + 1; at + 98 <= subjects.size(); at += 98) {
      EXPECT_EQ(status.message().find(subjects.substr(at, 16)), std::string::npos);
      EXPECT_EQ(status.message().find(subjects.substr(at + 33, 16)), std::string::npos);
    }
  };
  ASSERT_TRUE(ReplaceFile(files, kSubjects, subjects + "x").ok());
  std::string changed = subjects;
  changed[changed.size() - 2] = 'G';
  ASSERT_TRUE(ReplaceFile(files, kSubjects, changed).ok());
  holds_no_key(Protection::Open(files, kFolder).status());
  ASSERT_TRUE(ReplaceFile(files, kSite, site + "x").ok());
  holds_no_key(Protection::Open(files, kFolder).status());
}

TEST(Protection, TwoWritersOfOneFolderAreNoticed) {
  MemoryFileSystem files;
  const auto one = MustOpen(files);
  const auto two = MustOpen(files);
  ASSERT_TRUE(one->Seal("alice", "mobile", "1").ok());
  ASSERT_TRUE(two->Seal("bob", "mobile", "2").ok());
  ASSERT_TRUE(one->Flush().ok());
  EXPECT_EQ(two->Flush().code(), StatusCode::kUnavailable);
  EXPECT_EQ(two->Erase("bob").code(), StatusCode::kUnavailable);
  EXPECT_EQ(MustOpen(files)->subject_count(), 1U);
}

TEST(Protection, ADiskThatIsFullLosesNoKey) {
  MemoryFileSystem files(400);
  auto protection = MustOpen(files);
  std::vector<std::string> sealed;
  for (int i = 0; i < 8; ++i) {
    sealed.push_back(*protection->Seal("p" + std::to_string(i), "mobile", "1"));
  }
  EXPECT_EQ(protection->Flush().code(), StatusCode::kResourceExhausted);
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(protection->Open("p" + std::to_string(i), "mobile", sealed[i]).ok());
  }
  EXPECT_EQ(MustOpen(files)->subject_count(), 0U) << "nothing of a failed flush counts";
}

TEST(Protection, NobodyCannotSeal) {
  MemoryFileSystem files;
  const auto protection = MustOpen(files);
  EXPECT_EQ(protection->Seal("", "mobile", "1").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(protection->Seal(std::string(kSubjectBytesMax + 1, 'a'), "mobile", "1").status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace credence::api
