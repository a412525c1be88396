// Signed heads, proofs, the tree over a journal, and retiring its front.

#include "src/journal/proof.h"

#include <gtest/gtest.h>

#include "src/base/merkle.h"
#include "src/journal/journal_test_util.h"
#include "src/journal/tree.h"

namespace credence::journal {
namespace {

const std::string kFolder = "/journal";

SecretKey Key(std::string_view name = "shop.example/credence") {
  auto key = SecretKey::Make(name);
  EXPECT_TRUE(key.ok()) << key.status().ToString();
  return *key;
}

// A journal of `frames` frames over several segments.
std::unique_ptr<Journal> MakeJournal(FileSystem& files, uint64_t frames) {
  Options options;
  options.segment_bytes = 2048;
  auto journal = Journal::Open(files, kFolder, options);
  EXPECT_TRUE(journal.ok()) << journal.status().ToString();
  Random random(frames);
  while ((*journal)->head().frames < frames) {
    EXPECT_TRUE(AppendRecords(**journal, 2, RandomRecords(random, 300)).ok());
  }
  return std::move(*journal);
}

JournalTree TreeOf(FileSystem& files, std::vector<std::string>* leaves = nullptr,
                   Settled* settled = nullptr) {
  const auto found = FindSettled(files, kFolder);
  EXPECT_TRUE(found.ok()) << found.status().ToString();
  if (settled != nullptr) *settled = *found;
  auto tree = ReadTree(files, kFolder, *found, [&](const FrameView& frame) {
    if (leaves != nullptr) leaves->push_back(std::string(frame.chained) + std::string(frame.body));
    return OkStatus();
  });
  EXPECT_TRUE(tree.ok()) << tree.status().ToString();
  return tree.ok() ? *tree : JournalTree();
}

TEST(Proof, KeysAreTheSameAfterWritingAndReading) {
  const SecretKey key = Key();
  const auto secret = SecretKey::Parse(key.ToText() + "\n");
  ASSERT_TRUE(secret.ok()) << secret.status().ToString();
  EXPECT_EQ(secret->ToText(), key.ToText());
  const auto public_key = PublicKey::Parse(key.public_key.ToText());
  ASSERT_TRUE(public_key.ok()) << public_key.status().ToString();
  EXPECT_EQ(public_key->ToText(), key.public_key.ToText());
  EXPECT_EQ(public_key->name, "shop.example/credence");
  for (const char* name : {"", "two words", "plus+plus", "line\nfeed"}) {
    EXPECT_EQ(SecretKey::Make(name).status().code(), StatusCode::kInvalidArgument) << name;
  }
}

// The example of golang.org/x/mod/sumdb/note, which C2SP's signed-note is made from.
TEST(Proof, KeysOfOtherProgramsThatWriteSignedNotesAreRead) {
  const std::string secret =
      "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
  const std::string expected = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const auto key = SecretKey::Parse(secret);
  ASSERT_TRUE(key.ok()) << key.status().ToString();
  EXPECT_EQ(key->public_key.ToText(), expected);
  EXPECT_TRUE(PublicKey::Parse(expected).ok());
}

TEST(Proof, AnyChangedCharacterOfAKeyIsNoticed) {
  const SecretKey key = Key();
  for (const std::string& text : {key.ToText(), key.public_key.ToText()}) {
    for (size_t at = 0; at < text.size(); ++at) {
      std::string changed = text;
      changed[at] = changed[at] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(PublicKey::Parse(changed).ok()) << changed;
      EXPECT_FALSE(SecretKey::Parse(changed).ok()) << changed;
    }
  }
  EXPECT_NE(PublicKey::Parse(key.ToText()).status().message().find("secret key"),
            std::string::npos);
}

TEST(Proof, AHeadSaysWhatWasSignedAndNothingElse) {
  const SecretKey key = Key();
  const TreeHead head{Sha256("root"), {42, Seq(1234), Sha256("chain")}};
  const std::string note = SignHead(head, key);
  const auto opened = OpenHead(note, key.public_key);
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  EXPECT_EQ(*opened, head);
  EXPECT_TRUE(note.starts_with("shop.example/credence\n42\n")) << note;
  for (size_t at = 0; at < note.size(); ++at) {
    std::string changed = note;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(OpenHead(changed, key.public_key).ok()) << changed;
  }
  EXPECT_FALSE(OpenHead(note, Key().public_key).ok()) << "another key of the same name";
  EXPECT_FALSE(OpenHead(note, Key("other").public_key).ok());
  // A witness may add a signature of its own.
  const std::string other = SignHead(head, Key("witness"));
  const std::string line = other.substr(other.find("\n\n") + 2);
  EXPECT_TRUE(OpenHead(note + line, key.public_key).ok());
}

TEST(Proof, EveryFrameOfAJournalIsProvenAndNothingElse) {
  const SecretKey key = Key();
  for (const uint64_t frames : {1u, 2u, 3u, 7u, 8u, 21u}) {
    FaultFileSystem files;
    MakeJournal(files, frames);
    std::vector<std::string> leaves;
    Settled settled;
    const JournalTree tree = TreeOf(files, &leaves, &settled);
    ASSERT_EQ(tree.size(), frames);
    const TreeHead head{tree.Root(frames), settled.head};
    const std::string note = SignHead(head, key);
    for (uint64_t frame = 1; frame <= frames; ++frame) {
      const InclusionProof proof{frame, 0, leaves[frame - 1], tree.Inclusion(frame - 1, frames),
                                 note};
      const auto parsed = ParseInclusion(ToText(proof));
      ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
      const auto proven = CheckInclusion(*parsed, key.public_key);
      ASSERT_TRUE(proven.ok()) << proven.status().ToString();
      EXPECT_EQ(proven->head, head);
      EXPECT_EQ(proven->last_seq, Seq(frame * 2));
      InclusionProof wrong = *parsed;
      wrong.frame = frame % frames + 1;
      EXPECT_EQ(CheckInclusion(wrong, key.public_key).ok(), frames == 1);
      wrong = *parsed;
      wrong.leaf.back() = static_cast<char>(wrong.leaf.back() ^ 1);
      EXPECT_FALSE(CheckInclusion(wrong, key.public_key).ok());
      wrong = *parsed;
      wrong.record = 4;
      EXPECT_FALSE(CheckInclusion(wrong, key.public_key).ok());
    }
  }
}

TEST(Proof, AnyChangedByteOfAProofIsOneClearError) {
  const SecretKey key = Key();
  FaultFileSystem files;
  MakeJournal(files, 5);
  std::vector<std::string> leaves;
  Settled settled;
  const JournalTree tree = TreeOf(files, &leaves, &settled);
  const std::string note = SignHead({tree.Root(5), settled.head}, key);
  const std::string older = SignHead({tree.Root(3), {3, Seq(6), Sha256("x")}}, key);
  const std::string inclusion = ToText(InclusionProof{2, 0, leaves[1], tree.Inclusion(1, 5), note});
  const std::string consistency = ToText(ConsistencyProof{tree.Consistency(3, 5), older, note});
  for (const std::string& text : {inclusion, consistency}) {
    for (size_t at = 0; at <= text.size(); ++at) {
      std::string changed = text;
      if (at < text.size()) {
        changed[at] = static_cast<char>(changed[at] ^ 1);
      } else {
        changed += "x";
      }
      for (const std::string& bad : {changed, text.substr(0, at)}) {
        if (bad == text) continue;
        const auto included = ParseInclusion(bad);
        const auto grown = ParseConsistency(bad);
        const bool holds = (included.ok() && CheckInclusion(*included, key.public_key).ok() &&
                            included->record == 0) ||
                           (grown.ok() && CheckConsistency(*grown, key.public_key).ok());
        EXPECT_FALSE(holds) << "byte " << at << ":\n" << bad;
      }
    }
  }
}

TEST(Proof, AJournalThatGrewIsProvenToBeginWithTheOldOne) {
  const SecretKey key = Key();
  FaultFileSystem files;
  MakeJournal(files, 19);
  Settled settled;
  const JournalTree tree = TreeOf(files, nullptr, &settled);
  const std::string newer = SignHead({tree.Root(19), settled.head}, key);
  for (uint64_t size = 1; size <= 19; ++size) {
    const TreeHead old{tree.Root(size), {size, Seq(size * 2), Sha256("x")}};
    const ConsistencyProof proof{tree.Consistency(size, 19), SignHead(old, key), newer};
    const auto parsed = ParseConsistency(ToText(proof));
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    const auto proven = CheckConsistency(*parsed, key.public_key);
    ASSERT_TRUE(proven.ok()) << proven.status().ToString();
    EXPECT_EQ(proven->older, old);
    TreeHead forged = old;
    forged.root.bytes[0] ^= 1;
    EXPECT_FALSE(
        CheckConsistency({proof.hashes, SignHead(forged, key), newer}, key.public_key).ok());
  }
}

TEST(JournalTree, IsTheTreeOfTheStandardWhateverWasRetired) {
  std::vector<Digest> leaves;
  for (int i = 0; i < 40; ++i) leaves.push_back(Sha256("leaf " + std::to_string(i)));
  for (uint64_t retired = 0; retired <= 33; ++retired) {
    MerkleFrontier frontier;
    for (uint64_t i = 0; i < retired; ++i) frontier.Append(leaves[i]);
    JournalTree tree(frontier);
    for (uint64_t i = retired; i < leaves.size(); ++i) tree.Append(leaves[i]);
    for (uint64_t size = std::max<uint64_t>(retired, 1); size <= leaves.size(); ++size) {
      const auto all = std::span(leaves).first(size);
      ASSERT_EQ(tree.Root(size), MerkleRoot(all));
      for (uint64_t index = retired; index < size; ++index) {
        ASSERT_EQ(tree.Inclusion(index, size), ::credence::InclusionProof(all, index));
      }
      for (uint64_t old = std::max<uint64_t>(retired, 1); old <= size; ++old) {
        ASSERT_EQ(tree.Consistency(old, size), ::credence::ConsistencyProof(all, old));
      }
    }
  }
}

TEST(JournalTree, WhileSomebodyWritesTheLastFrameIsNotSettled) {
  FaultFileSystem files;
  auto journal = MakeJournal(files, 9);
  EXPECT_EQ(FindSettled(files, kFolder)->head.frames, 8u);
  EXPECT_EQ(FindSettled(files, kFolder, 9)->head, journal->durable());
  EXPECT_FALSE(FindSettled(files, kFolder, 10).ok());
  const ChainHead head = journal->head();
  journal.reset();
  EXPECT_EQ(FindSettled(files, kFolder)->head, head);
}

TEST(Retire, WholeSegmentsBeforeAFrameGoAndWhatRemainsIsReadAndProven) {
  for (uint64_t before = 0; before <= 42; ++before) {
    FaultFileSystem files;
    auto journal = MakeJournal(files, 40);
    const Digest root = TreeOf(files).Root(39);
    const uint64_t segments = journal->segment_number();
    const auto retired = journal->Retire(before, UINT64_MAX);
    ASSERT_TRUE(retired.ok()) << retired.status().ToString();
    ASSERT_LE(retired->first_segment, segments);
    ASSERT_TRUE(retired->before.frames == 0 || retired->before.frames < before);
    ASSERT_EQ(files.Exists(kFolder + "/" + SegmentName(segments)), true);
    const Contents contents = ReadAll(files, kFolder);
    ASSERT_TRUE(contents.status.ok()) << contents.status.ToString();
    ASSERT_EQ(contents.frames.size(), 40 - retired->before.frames);
    const JournalTree tree = TreeOf(files);
    ASSERT_EQ(tree.retired(), retired->before.frames);
    ASSERT_EQ(tree.Root(39), root);
    // And again, and the writer goes on.
    ASSERT_EQ(journal->Retire(before, UINT64_MAX)->first_segment, retired->first_segment);
    ASSERT_TRUE(AppendRecords(*journal, 1, {"more"}).ok());
    journal.reset();
    ASSERT_TRUE(Journal::Open(files, kFolder).ok());
  }
}

TEST(Retire, NothingInsideTheHorizonGoes) {
  FaultFileSystem files;
  const auto journal = MakeJournal(files, 40);
  EXPECT_EQ(journal->Retire(40, 1)->first_segment, 1u);
  const auto retired = journal->Retire(40, 20);
  EXPECT_LT(retired->before.frames, 20u);
  EXPECT_GT(retired->before.frames, 0u);
}

TEST(Retire, ACrashAtAnyCallLeavesAJournalThatIsWhole) {
  for (const CrashKind crash : {CrashKind::kDropUnsynced, CrashKind::kTear, CrashKind::kKeepAll}) {
    for (uint64_t call = 1;; ++call) {
      FaultFileSystem files(call);
      auto journal = MakeJournal(files, 40);
      const ChainHead head = journal->head();
      files.set_fault({files.calls() + call, FaultKind::kStop});
      const bool done = journal->Retire(30, UINT64_MAX).ok();
      journal.reset();
      files.set_fault({});
      files.Crash(crash);
      const Contents contents = ReadAll(files, kFolder);
      ASSERT_TRUE(contents.status.ok()) << call << ": " << contents.status.ToString();
      ASSERT_EQ(contents.head, head);
      const auto reopened = Journal::Open(files, kFolder);
      ASSERT_TRUE(reopened.ok()) << call << ": " << reopened.status().ToString();
      ASSERT_EQ((*reopened)->head(), head);
      const auto again = (*reopened)->Retire(30, UINT64_MAX);
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      ASSERT_GT(again->first_segment, 2u);
      ASSERT_FALSE(files.Exists(kFolder + "/" + SegmentName(again->first_segment - 1)));
      if (done) break;
    }
  }
}

TEST(Retire, ADamagedRecordOfWhatWasRetiredIsDataLoss) {
  FaultFileSystem files;
  ASSERT_TRUE(MakeJournal(files, 40)->Retire(30, UINT64_MAX).ok());
  const std::string path = kFolder + "/retired";
  const std::string whole = files.Content(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    files.SetContent(path, bytes);
    EXPECT_EQ(Journal::Open(files, kFolder).status().code(), StatusCode::kDataLoss) << at;
  }
  files.SetContent(path, whole);
  EXPECT_TRUE(Journal::Open(files, kFolder).ok());
  ASSERT_TRUE(files.Remove(path).ok());
  EXPECT_EQ(Journal::Open(files, kFolder).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace credence::journal
