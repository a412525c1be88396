#include "src/store/store.h"

#include "src/base/bytes.h"

namespace credence::store {

namespace {
constexpr uint8_t kPositionVersion = 1;
}  // namespace

void AppendPosition(const Position& position, std::string* out) {
  ByteWriter writer(out);
  writer.PutU8(kPositionVersion);
  writer.PutVarint(position.frame);
  writer.PutVarint(position.seq.value());
  writer.PutU8(static_cast<uint8_t>(DigestId::kSha256));
  writer.PutRaw(position.chain.view());
  writer.PutBytes(position.note);
}

Result<Position> DecodePosition(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.GetU8();
  Position position;
  position.frame = in.GetVarint();
  position.seq = Seq(in.GetVarint());
  const uint8_t digest_id = in.GetU8();
  const std::string_view chain = in.GetRaw(Digest::kBytes);
  position.note = in.GetBytes();
  if (!in.ok() || !in.AtEnd() || version != kPositionVersion ||
      digest_id != static_cast<uint8_t>(DigestId::kSha256) ||
      !Digest::FromRaw(chain, &position.chain)) {
    return DataLoss(
        "the position of the store: expected version 1 with frame, sequence, chain and "
        "note, found " +
        std::to_string(bytes.size()) + " bytes of something else");
  }
  return position;
}

}  // namespace credence::store
