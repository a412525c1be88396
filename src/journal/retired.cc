#include "src/journal/retired.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/journal/reader.h"
#include "src/journal/tree.h"

namespace credence::journal {

namespace {

constexpr std::string_view kMagic = "CRDNRETD";
constexpr uint32_t kRetiredFormat = 1;
constexpr uint64_t kFileBytesMax = 4'096;  // 64 peaks are the most there can be

std::string PathOf(const std::string& folder) { return folder + "/retired"; }

std::string Encode(const Retired& retired) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.PutRaw(kMagic);
  writer.PutFixed32(kRetiredFormat);
  writer.PutFixed64(retired.first_segment);
  writer.PutFixed64(retired.before.frames);
  writer.PutFixed64(retired.before.last_seq.value());
  writer.PutRaw(retired.before.chain.view());
  writer.PutFixed32(static_cast<uint32_t>(retired.frontier.peaks().size()));
  for (const Digest& peak : retired.frontier.peaks()) writer.PutRaw(peak.view());
  writer.PutFixed64(Hash64(bytes));
  return bytes;
}

Result<Retired> Decode(std::string_view bytes, const std::string& path) {
  const Status damaged = DataLoss(path + " is damaged");
  if (bytes.size() < 8 || Hash64(bytes.substr(0, bytes.size() - 8)) !=
                              ByteReader(bytes.substr(bytes.size() - 8)).GetFixed64()) {
    return damaged;
  }
  ByteReader reader(bytes.substr(0, bytes.size() - 8));
  if (reader.GetRaw(kMagic.size()) != kMagic) return damaged;
  const uint32_t format = reader.GetFixed32();
  if (reader.ok() && format != kRetiredFormat) {
    return Unimplemented(path + " has format " + std::to_string(format) + "; this release reads 1");
  }
  Retired retired;
  retired.first_segment = reader.GetFixed64();
  retired.before.frames = reader.GetFixed64();
  retired.before.last_seq = Seq(reader.GetFixed64());
  if (!Digest::FromRaw(reader.GetRaw(Digest::kBytes), &retired.before.chain)) return damaged;
  std::vector<Digest> peaks(std::min<uint32_t>(reader.GetFixed32(), 64));
  for (Digest& peak : peaks) {
    if (!Digest::FromRaw(reader.GetRaw(Digest::kBytes), &peak)) return damaged;
  }
  if (!reader.ok() || !reader.AtEnd() || retired.first_segment < 1 ||
      retired.first_segment > kSegmentsMax ||
      !retired.frontier.Restore(retired.before.frames, std::move(peaks))) {
    return damaged;
  }
  return retired;
}

// The head before each segment, from its header.
Result<ChainHead> HeadBefore(FileSystem& files, const std::string& folder, uint64_t number) {
  const std::string path = folder + "/" + SegmentName(number);
  CREDENCE_ASSIGN(const auto file, files.Open(path, OpenMode::kRead));
  std::string bytes;
  CREDENCE_TRY(file->ReadAt(0, kSegmentHeaderBytes, &bytes));
  if (bytes.size() != kSegmentHeaderBytes || IsZero(bytes)) return ChainHead{UINT64_MAX, {}, {}};
  SegmentHeader header;
  CREDENCE_TRY(DecodeSegmentHeader(bytes, &header).WithContext(path));
  return header.before;
}

Status RemoveBefore(FileSystem& files, const std::string& folder, uint64_t first_segment) {
  CREDENCE_ASSIGN(const auto names, files.List(folder));
  bool removed = false;
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (!ParseSegmentName(name, &number) || number >= first_segment) continue;
    CREDENCE_TRY(files.Remove(folder + "/" + name));
    removed = true;
  }
  return removed ? files.SyncDirectory(folder) : OkStatus();
}

}  // namespace

Result<Retired> ReadRetired(FileSystem& files, const std::string& folder) {
  if (!files.Exists(PathOf(folder))) return Retired();
  CREDENCE_ASSIGN(const std::string bytes, ReadWholeFile(files, PathOf(folder), kFileBytesMax));
  return Decode(bytes, PathOf(folder));
}

Result<Retired> RetireSegments(FileSystem& files, const std::string& folder,
                               uint64_t before_frame) {
  CREDENCE_ASSIGN(Retired retired, ReadRetired(files, folder));
  CREDENCE_ASSIGN(const auto names, files.List(folder));
  uint64_t first_segment = retired.first_segment;
  ChainHead before = retired.before;
  for (const std::string& name : names) {
    uint64_t number = 0;
    if (!ParseSegmentName(name, &number) || number <= first_segment) continue;
    CREDENCE_ASSIGN(const ChainHead head, HeadBefore(files, folder, number));
    if (head.frames >= before_frame) break;
    first_segment = number;
    before = head;
  }
  if (first_segment > retired.first_segment) {
    ReadOptions options;
    options.until_frame = before.frames;
    CREDENCE_ASSIGN(const auto reader, JournalReader::Open(files, folder, options));
    FrameView frame;
    for (;;) {
      CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
      if (!more) break;
      retired.frontier.Append(JournalTree::LeafOf(frame));
    }
    if (!(reader->head() == before)) {
      return DamageAt(first_segment, 0,
                      "the segment does not continue the chain of the one before");
    }
    retired.first_segment = first_segment;
    retired.before = before;
    CREDENCE_TRY(ReplaceFile(files, PathOf(folder), Encode(retired)));
  }
  CREDENCE_TRY(RemoveBefore(files, folder, retired.first_segment));
  return retired;
}

}  // namespace credence::journal
