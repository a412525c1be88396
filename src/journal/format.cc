#include "src/journal/format.h"

#include <algorithm>
#include <cstring>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace credence::journal {

namespace {
constexpr std::string_view kSegmentMagic = "CRDNJRNL";
constexpr std::string_view kFrameMagic = "CFRM";
constexpr std::string_view kSuffix = ".journal";
constexpr size_t kNameDigits = 10;
static_assert(kSectorBytes % kAlignment == 0 && kSegmentHeaderBytes % kAlignment == 0);
static_assert(kFrameHeaderBytes == kAlignment, "a frame header must lie in one sector");
static_assert(kFrameBodyBytesMax <= UINT32_MAX);

std::string_view View(const JournalId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

void PutZeros(size_t count, std::string* out) { out->append(count, '\0'); }
}  // namespace

std::string SegmentName(uint64_t number) {
  std::string digits = std::to_string(number);
  CREDENCE_ASSERT(digits.size() <= kNameDigits);
  return std::string(kNameDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

bool ParseSegmentName(std::string_view name, uint64_t* number) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return false;
  uint64_t value = 0;
  for (const char c : name.substr(0, kNameDigits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  *number = value;
  return value >= 1 && value <= kSegmentsMax;
}

std::string EncodeSegmentHeader(SegmentHeader* header) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.PutRaw(kSegmentMagic);
  writer.PutFixed32(kFormat);
  writer.PutU8(static_cast<uint8_t>(header->digest_id));
  writer.PutU8(static_cast<uint8_t>(header->cipher_id));
  PutZeros(2, &bytes);
  writer.PutFixed64(header->number);
  writer.PutFixed64(header->before.frames + 1);
  writer.PutFixed64(header->before.last_seq.value());
  writer.PutRaw(View(header->journal_id));
  PutZeros(8, &bytes);
  if (header->number == 1) {
    CREDENCE_ASSERT(header->before.frames == 0 && header->before.last_seq == Seq());
    header->before.chain = Sha256(bytes);
  }
  writer.PutRaw(header->before.chain.view());
  PutZeros(24, &bytes);
  header->salt = Hash64(bytes);
  writer.PutFixed64(header->salt);
  CREDENCE_ASSERT(bytes.size() == kSegmentHeaderBytes);
  return bytes;
}

Status DecodeSegmentHeader(std::string_view bytes, SegmentHeader* header) {
  CREDENCE_ASSERT(bytes.size() == kSegmentHeaderBytes);
  ByteReader reader(bytes);
  if (reader.GetRaw(8) != kSegmentMagic) return DataLoss("the segment header is damaged (magic)");
  if (Hash64(bytes.substr(0, 120)) != ByteReader(bytes.substr(120)).GetFixed64()) {
    return DataLoss("the segment header is damaged (checksum)");
  }
  const uint32_t format = reader.GetFixed32();
  if (format != kFormat) {
    return Unimplemented("journal format " + std::to_string(format) + "; this release reads " +
                         std::to_string(kFormat));
  }
  const uint8_t digest_id = reader.GetU8();
  const uint8_t cipher_id = reader.GetU8();
  if (digest_id != static_cast<uint8_t>(DigestId::kSha256)) {
    return Unimplemented("journal digest id " + std::to_string(digest_id) +
                         "; this release has 1 (SHA-256)");
  }
  if (cipher_id > static_cast<uint8_t>(CipherId::kSm4Gcm)) {
    return Unimplemented("journal cipher id " + std::to_string(cipher_id) +
                         "; this release knows 0 to 2");
  }
  header->digest_id = static_cast<DigestId>(digest_id);
  header->cipher_id = static_cast<CipherId>(cipher_id);
  const bool zeros = IsZero(reader.GetRaw(2));
  header->number = reader.GetFixed64();
  const uint64_t first_frame = reader.GetFixed64();
  header->before.last_seq = Seq(reader.GetFixed64());
  const std::string_view id = reader.GetRaw(header->journal_id.size());
  std::memcpy(header->journal_id.data(), id.data(), id.size());
  const bool more_zeros = IsZero(reader.GetRaw(8));
  CREDENCE_ASSERT(Digest::FromRaw(reader.GetRaw(Digest::kBytes), &header->before.chain));
  const bool begins = first_frame == 1 && header->before.last_seq == Seq() &&
                      header->before.chain == Sha256(bytes.substr(0, 64));
  if (!zeros || !more_zeros || !IsZero(reader.GetRaw(24)) || header->number == 0 ||
      first_frame == 0 || (header->number == 1 && !begins)) {
    return DataLoss("the segment header holds values that no writer makes");
  }
  header->before.frames = first_frame - 1;
  header->salt = reader.GetFixed64();
  CREDENCE_ASSERT(reader.ok() && reader.AtEnd());
  return OkStatus();
}

uint64_t FrameBytes(uint64_t body_bytes) {
  const uint64_t bytes = kFrameHeaderBytes + body_bytes + Digest::kBytes;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool IsZero(std::string_view bytes) {
  // The first byte is zero and every byte equals its left neighbour: memcmp runs at memory speed.
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

uint32_t CountZeroSectors(std::string_view frame, uint64_t offset) {
  const uint64_t first = (offset / kSectorBytes + 1) * kSectorBytes;
  const uint64_t last = (offset + frame.size() - 1) / kSectorBytes * kSectorBytes;
  uint32_t count = 0;
  for (uint64_t at = first; at < last; at += kSectorBytes) {
    count += IsZero(frame.substr(at - offset, kSectorBytes)) ? 1U : 0U;
  }
  return count;
}

Digest ChainAfter(const Digest& before, std::string_view chained, std::string_view body) {
  Sha256Stream stream;
  stream.Update(before.view());
  stream.Update(chained);
  stream.Update(body);
  return stream.Finish();
}

ChainHead EncodeFrame(FrameKind kind, Seq last_seq, std::span<const std::string_view> records,
                      const ChainHead& before, uint64_t salt, uint64_t offset, std::string* frame) {
  CREDENCE_ASSERT(offset % kAlignment == 0);
  frame->assign(kFrameHeaderBytes, '\0');
  ByteWriter body_writer(frame);
  for (const std::string_view record : records) body_writer.PutBytes(record);
  const size_t body_bytes = frame->size() - kFrameHeaderBytes;
  CREDENCE_ASSERT(body_bytes <= kFrameBodyBytesMax);
  const uint64_t frame_bytes = FrameBytes(body_bytes);
  frame->resize(frame_bytes, '\0');
  const std::string_view body = std::string_view(*frame).substr(kFrameHeaderBytes, body_bytes);

  std::string header;
  ByteWriter writer(&header);
  writer.PutRaw(kFrameMagic);
  writer.PutU8(static_cast<uint8_t>(kind));
  PutZeros(3, &header);
  writer.PutFixed64(before.frames + 1);
  writer.PutFixed64(before.last_seq.value() + 1);
  writer.PutFixed64(last_seq.value());
  writer.PutFixed32(static_cast<uint32_t>(body_bytes));
  writer.PutFixed32(static_cast<uint32_t>(records.size()));
  CREDENCE_ASSERT(header.size() == kFrameChainedBytes);
  const Digest chain = ChainAfter(before.chain, header, body);
  std::memcpy(frame->data() + frame_bytes - Digest::kBytes, chain.bytes.data(), Digest::kBytes);
  writer.PutFixed32(CountZeroSectors(*frame, offset));
  PutZeros(4, &header);
  writer.PutFixed64(Hash64(body));
  writer.PutFixed64(Hash64(header, salt + offset));
  CREDENCE_ASSERT(header.size() == kFrameHeaderBytes);
  std::memcpy(frame->data(), header.data(), header.size());
  return {before.frames + 1, last_seq, chain};
}

bool DecodeFrameHeader(std::string_view bytes, uint64_t salt, uint64_t offset,
                       FrameHeader* header) {
  CREDENCE_ASSERT(bytes.size() == kFrameHeaderBytes);
  ByteReader reader(bytes);
  if (reader.GetRaw(4) != kFrameMagic) return false;
  if (Hash64(bytes.substr(0, 56), salt + offset) != ByteReader(bytes.substr(56)).GetFixed64()) {
    return false;
  }
  header->kind = static_cast<FrameKind>(reader.GetU8());
  if (!IsZero(reader.GetRaw(3))) return false;
  header->index = reader.GetFixed64();
  header->first_seq = Seq(reader.GetFixed64());
  header->last_seq = Seq(reader.GetFixed64());
  header->body_bytes = reader.GetFixed32();
  header->records = reader.GetFixed32();
  header->zero_sectors = reader.GetFixed32();
  if (reader.GetFixed32() != 0) return false;
  header->body_hash = reader.GetFixed64();
  return reader.ok();
}

Status DamageAt(uint64_t segment, uint64_t offset, std::string_view what) {
  return DataLoss("segment " + std::to_string(segment) + " offset " + std::to_string(offset) +
                  ": " + std::string(what));
}

}  // namespace credence::journal
