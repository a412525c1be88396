// Arbitrary damage to a journal, and arbitrary bytes as a journal: opening and reading never crash,
// and never return a frame that was not written. The first byte of the input chooses:
//   even  edits of a good journal of two segments (offset, what to do, how much), read and then
//   opened for
//         writing: every frame returned is the written one of that index, and order is kept
//   odd   the rest is segment 1 as it stands; 1 mod 4: with the checksums of its headers made good,
//   so that
//         the checks behind them are reached

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "src/base/bytes.h"
#include "src/journal/journal.h"
#include "src/journal/journal_test_util.h"

namespace credence::journal {
namespace {

const std::string kFolder = "/journal";

void Require(bool condition, const char* text) {
  if (condition) return;
  std::fprintf(stderr, "journal_frame_fuzz: %s\n", text);
  std::abort();
}

struct Good {
  std::vector<PlainFrame> frames;
  std::vector<std::string> segments;
};

Good MakeGood() {
  FaultFileSystem files;
  Options options;
  options.segment_bytes = 2048;
  Good good;
  auto journal = Journal::Open(files, kFolder, options);
  Require(journal.ok(), "a new journal opens");
  const std::vector<std::vector<std::string>> batches = {
      {"a", ""}, {std::string(700, 'b')}, {std::string(900, '\0')}, {"c"}, {std::string(400, 'd')}};
  for (const auto& records : batches) {
    good.frames.push_back(Expected((*journal)->head(), 1, records));
    Require(AppendRecords(**journal, 1, records).ok(), "a batch is appended");
  }
  const uint64_t segments = (*journal)->segment_number();
  for (uint64_t number = 1; number <= segments; ++number) {
    good.segments.push_back(files.Content(kFolder + "/" + SegmentName(number)));
  }
  return good;
}

void Edit(ByteReader& input, std::vector<std::string>& segments) {
  while (!input.AtEnd()) {
    const uint8_t what = input.GetU8();
    const uint64_t offset = input.GetU8() | static_cast<uint64_t>(input.GetU8()) << 8;
    const uint8_t amount = input.GetU8();
    std::string& bytes = segments[what % segments.size()];
    const uint64_t at = offset % (bytes.size() + 1);
    switch (what / 16 % 4) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ amount);
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        for (uint64_t i = at; i < bytes.size() && i < at + amount * 8U; ++i) bytes[i] = '\0';
        break;
      default:
        bytes.append(amount, static_cast<char>(offset));
        break;
    }
  }
}

void MakeChecksumsGood(std::string& bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return;
  const auto put = [&bytes](size_t at, std::string_view what) {
    std::memcpy(bytes.data() + at, what.data(), what.size());
  };
  SegmentHeader header;
  const std::string good = EncodeSegmentHeader(&header);
  put(0, std::string_view(good).substr(0, 24));
  std::string sum;
  put(64, Sha256(std::string_view(bytes).substr(0, 64)).view());
  const uint64_t salt = Hash64(std::string_view(bytes).substr(0, 120));
  ByteWriter(&sum).PutFixed64(salt);
  put(120, sum);
  for (size_t at = kSegmentHeaderBytes; at + kFrameHeaderBytes <= bytes.size(); at += kAlignment) {
    if (bytes.compare(at, 4, "CFRM") != 0) continue;
    const uint32_t body_bytes = ByteReader(std::string_view(bytes).substr(at + 32)).GetFixed32();
    const size_t room = bytes.size() - at - kFrameHeaderBytes;
    if (body_bytes <= room) {
      sum.clear();
      ByteWriter(&sum).PutFixed64(
          Hash64(std::string_view(bytes).substr(at + kFrameHeaderBytes, body_bytes)));
      put(at + 48, sum);
    }
    sum.clear();
    ByteWriter(&sum).PutFixed64(Hash64(std::string_view(bytes).substr(at, 56), salt + at));
    put(at + 56, sum);
  }
}

void Judge(const std::vector<std::string>& segments, const Good* good) {
  FaultFileSystem files;
  Require(files.MakeFolders(kFolder).ok(), "folders are made");
  for (size_t i = 0; i < segments.size(); ++i) {
    files.SetContent(kFolder + "/" + SegmentName(i + 1), segments[i]);
  }
  files.Freeze();
  const Contents read = ReadAll(files, kFolder);
  Require(!files.changed_while_frozen(), "reading changes nothing");
  if (good != nullptr) {
    Require(read.frames.size() <= good->frames.size(), "no frame is made up");
    for (size_t i = 0; i < read.frames.size(); ++i) {
      Require(read.frames[i] == good->frames[i], "a frame is as it was written");
    }
  }
  {
    const auto journal = Journal::Open(files, kFolder);
    Require(journal.ok() == read.status.ok(), "reader and writer agree on damage");
    if (!journal.ok()) return;
    Require((*journal)->head().frames == read.frames.size(), "reader and writer agree on the end");
    Require(AppendRecords(**journal, 1, {"after"}).ok(), "an opened journal takes a batch");
  }
  const Contents after = ReadAll(files, kFolder);
  Require(after.status.ok() && after.frames.size() == read.frames.size() + 1, "and keeps it");
}

}  // namespace
}  // namespace credence::journal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace credence::journal;  // NOLINT(google-build-using-namespace)
  static const Good good = MakeGood();
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    std::vector<std::string> segments = good.segments;
    credence::ByteReader input(rest);
    Edit(input, segments);
    Judge(segments, &good);
    return 0;
  }
  std::string bytes(rest);
  if (data[0] % 4 == 1) MakeChecksumsGood(bytes);
  Judge({bytes}, nullptr);
  return 0;
}
