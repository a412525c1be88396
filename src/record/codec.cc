#include "src/record/codec.h"

namespace credence::record {

void RecordWriter::Raw(uint32_t number, std::string_view content) {
  CREDENCE_ASSERT(number > last_);
  last_ = number;
  ByteWriter out(out_);
  out.PutVarint(number);
  out.PutBytes(content);
}

void RecordWriter::Unsigned(uint32_t number, uint64_t value) {
  if (value == 0) return;
  Built(number, [&](ByteWriter* out) { out->PutVarint(value); });
}

void RecordWriter::Fixed64(uint32_t number, int64_t value) {
  if (value == 0) return;
  Built(number, [&](ByteWriter* out) { out->PutFixed64(static_cast<uint64_t>(value)); });
}

void RecordWriter::WithDigest(uint32_t number, const Digest& digest) {
  Built(number, [&](ByteWriter* out) {
    out->PutU8(static_cast<uint8_t>(DigestId::kSha256));
    out->PutRaw(digest.view());
  });
}

void RecordReader::Advance() {
  number_ = 0;
  content_ = {};
  if (in_.AtEnd()) return;
  const uint64_t number = in_.GetVarint();
  const std::string_view content = in_.GetBytes();
  if (!in_.ok() || number == 0 || number > UINT32_MAX) {
    in_.Fail();
    return;
  }
  number_ = static_cast<uint32_t>(number);
  content_ = content;
}

std::string_view RecordReader::Text(uint32_t number) {
  if (number_ != number) return {};
  const std::string_view content = content_;
  if (content.empty()) in_.Fail();  // a default is not written
  Advance();
  if (number_ != 0 && number_ <= number) in_.Fail();
  return content;
}

uint64_t RecordReader::Unsigned(uint32_t number) {
  const std::string_view content = Text(number);
  if (content.empty()) return 0;
  ByteReader in(content);
  const uint64_t value = in.GetVarint();
  if (!in.ok() || !in.AtEnd() || value == 0) Fail();
  return value;
}

int64_t RecordReader::Fixed64(uint32_t number) {
  const std::string_view content = Text(number);
  if (content.empty()) return 0;
  ByteReader in(content);
  const auto value = static_cast<int64_t>(in.GetFixed64());
  if (!in.ok() || !in.AtEnd() || value == 0) Fail();
  return value;
}

Digest RecordReader::ReadDigest(uint32_t number) {
  const std::string_view content = Text(number);
  Digest digest;
  if (content.size() != Digest::kBytes + 1 || content[0] != static_cast<char>(DigestId::kSha256) ||
      !Digest::FromRaw(content.substr(1), &digest)) {
    Fail();
  }
  return digest;
}

Status RecordReader::Finish(std::string_view what) const {
  if (in_.ok() && number_ == 0) return {};
  if (!in_.ok()) {
    return DataLoss(std::string(what) + " record is malformed at byte " +
                    std::to_string(in_.position()) + " of " + std::to_string(size_));
  }
  return DataLoss(std::string(what) + " record has field " + std::to_string(number_) +
                  ", which is out of order or unknown to this release");
}

}  // namespace credence::record
