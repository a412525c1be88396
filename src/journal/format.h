#pragma once
// The bytes of a segment: headers, frames and the places where a frame may be torn. The document is
// docs/formats/journal.md; the rule that tells a torn tail from damage is explained there.
//
//   journal   = segment*            files <number, 10 digits>.journal, numbers without a gap
//   segment   = segment_header frame* zero*
//   segment_header (128 bytes)
//     0   8  magic "CRDNJRNL"
//     8   4  format, 1
//     12  1  digest id (1 SHA-256)
//     13  1  cipher id (0 none)
//     14  2  zero
//     16  8  segment number, from 1
//     24  8  index of the first frame of this segment
//     32  8  last sequence before this segment
//     40  16 journal id
//     56  8  zero
//     64  32 chain before this segment
//     96  24 zero
//     120 8  XXH3 of bytes 0..119; also the salt of this segment's frame headers
//   frame     = frame_header body zero* chain   starts and ends on a multiple of 64
//   frame_header (64 bytes)
//     0   4  magic "CFRM"
//     4   1  kind (1 batch, 2 seal)
//     5   3  zero
//     8   8  frame index, from 1
//     16  8  first sequence
//     24  8  last sequence; first - 1 if the frame holds none
//     32  4  body bytes
//     36  4  records
//     40  4  whole sectors of 512 bytes, between the frame's first and last, that are all zero
//     44  4  zero
//     48  8  XXH3 of the body
//     56  8  XXH3 of bytes 0..55, seeded with salt + offset of the frame in the file
//   body      = (varint length, bytes)*         one for each record
//   chain     (32 bytes) = SHA-256(chain before, frame_header[0, 40), body)
//
// Numbers are little endian. The chain before the first frame of segment 1 is
// SHA-256(segment_header[0, 64)).

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"

namespace credence::journal {

inline constexpr uint64_t kSectorBytes = 512;  // what a disk writes whole or not at all
inline constexpr uint64_t kAlignment = 64;     // divides kSectorBytes: a frame header is never torn
inline constexpr uint64_t kSegmentHeaderBytes = 128;
inline constexpr uint64_t kFrameHeaderBytes = 64;
inline constexpr uint64_t kFrameChainedBytes =
    40;  // the part of a frame header that the chain covers
inline constexpr uint64_t kFrameBytesMax = uint64_t{16} << 20;  // header, body, padding and chain
inline constexpr uint64_t kFrameBodyBytesMax = kFrameBytesMax - kFrameHeaderBytes - Digest::kBytes;
inline constexpr uint64_t kRecordsPerFrameMax = 65'536;
inline constexpr uint64_t kSealBytesMax = 65'536;
inline constexpr uint64_t kSegmentBytesMin = 1'024;
inline constexpr uint64_t kSegmentBytesDefault = uint64_t{64} << 20;
inline constexpr uint64_t kSegmentBytesMax = uint64_t{1} << 30;
inline constexpr uint64_t kSegmentFileBytesMax = kSegmentBytesMax + kFrameBytesMax;
inline constexpr uint64_t kSegmentsMax = 1'000'000;
inline constexpr uint32_t kFormat = 1;

// Stored. Do not change. What the payloads of a segment are encrypted with, as a whole.
enum class CipherId : uint8_t { kNone = 0, kXChaCha20Poly1305 = 1, kSm4Gcm = 2 };

// Stored. Do not change.
enum class FrameKind : uint8_t { kBatch = 1, kSeal = 2 };

using JournalId = std::array<uint8_t, 16>;

// Where the chain stands: after `frames` frames the last sequence is `last_seq`. Equal heads mean
// equal journals up to there.
struct ChainHead {
  uint64_t frames = 0;
  Seq last_seq;
  Digest chain;
  friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

struct SegmentHeader {
  DigestId digest_id = DigestId::kSha256;
  CipherId cipher_id = CipherId::kNone;
  uint64_t number = 1;
  JournalId journal_id{};
  ChainHead before;   // ignored on encoding segment 1: its chain is made from the header
  uint64_t salt = 0;  // set by Encode and Decode
};

struct FrameHeader {
  FrameKind kind = FrameKind::kBatch;
  uint64_t index = 0;
  Seq first_seq;
  Seq last_seq;
  uint32_t body_bytes = 0;
  uint32_t records = 0;
  uint32_t zero_sectors = 0;
  uint64_t body_hash = 0;
};

// One frame as read. The views point into the reader's buffer and live until its next call.
struct FrameView {
  FrameKind kind = FrameKind::kBatch;
  uint64_t index = 0;
  Seq first_seq;
  Seq last_seq;
  std::vector<std::string_view> records;
  Digest chain;              // the chain after this frame
  std::string_view chained;  // frame_header[0, 40): with `body`, what a Merkle leaf is made of
  std::string_view body;
  uint64_t segment = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;  // whole frame
};

// "0000000003.journal"
[[nodiscard]] std::string SegmentName(uint64_t number);
// False unless `name` is exactly what SegmentName makes of a number from 1 to kSegmentsMax.
[[nodiscard]] bool ParseSegmentName(std::string_view name, uint64_t* number);

// kSegmentHeaderBytes bytes; fills in header->before.chain of segment 1 and header->salt.
[[nodiscard]] std::string EncodeSegmentHeader(SegmentHeader* header);
// `bytes` has kSegmentHeaderBytes bytes. kDataLoss for damage, kUnimplemented for a format, digest
// or cipher that this release does not know.
[[nodiscard]] Status DecodeSegmentHeader(std::string_view bytes, SegmentHeader* header);

// Bytes of the whole frame with a body of that size.
[[nodiscard]] uint64_t FrameBytes(uint64_t body_bytes);

// Makes a frame that is to stand at `offset` after `before`; `*frame` is replaced. Sizes are the
// caller's to check. Returns the head after it.
ChainHead EncodeFrame(FrameKind kind, Seq last_seq, std::span<const std::string_view> records,
                      const ChainHead& before, uint64_t salt, uint64_t offset, std::string* frame);

// Whether `bytes` (kFrameHeaderBytes of them, found at `offset`) are a frame header of this
// segment.
[[nodiscard]] bool DecodeFrameHeader(std::string_view bytes, uint64_t salt, uint64_t offset,
                                     FrameHeader* header);

// The whole sectors strictly between the first and the last sector of a frame at `offset` that are
// zero.
[[nodiscard]] uint32_t CountZeroSectors(std::string_view frame, uint64_t offset);
[[nodiscard]] bool IsZero(std::string_view bytes);

// The chain after a frame.
[[nodiscard]] Digest ChainAfter(const Digest& before, std::string_view chained,
                                std::string_view body);

// kDataLoss "segment 3 offset 4096: <what>".
[[nodiscard]] Status DamageAt(uint64_t segment, uint64_t offset, std::string_view what);

}  // namespace credence::journal
