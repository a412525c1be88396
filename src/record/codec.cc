#include "src/record/codec.h"

#include "src/base/assert.h"
#include "src/record/put.h"

namespace credence::record {

namespace {

// Bytes that are set aside for the size of a content that is not known yet: fields of about this
// size are not moved.
size_t SizeBytesGuessed(size_t bytes) { return bytes < 128 ? 1 : 2; }

}  // namespace

void RecordWriter::Raw(uint32_t number, std::string_view content) {
  CREDENCE_ASSERT(number > last_);
  last_ = number;
  char header[2 * put::kVarintBytesMax];
  const char* const end = put::Varint(put::Varint(header, number), content.size());
  out_->append(header, static_cast<size_t>(end - header));
  out_->append(content);
}

size_t RecordWriter::Begin(uint32_t number, size_t bytes_guessed) {
  CREDENCE_ASSERT(number > last_);
  const size_t begin = out_->size();
  const size_t content = begin + put::VarintBytes(number) + SizeBytesGuessed(bytes_guessed);
  out_->resize(content);
  put::Varint(out_->data() + begin, number);
  return content;
}

void RecordWriter::End(uint32_t number, size_t begin, size_t content) {
  const size_t bytes = out_->size() - content;
  if (bytes == 0) return out_->resize(begin);
  last_ = number;
  const size_t number_bytes = put::VarintBytes(number);
  const size_t header = number_bytes + put::VarintBytes(bytes);
  if (begin + header > content) out_->insert(content, begin + header - content, '\0');
  if (begin + header < content) out_->erase(begin + header, content - begin - header);
  put::Varint(out_->data() + begin + number_bytes, bytes);
}

void RecordWriter::Unsigned(uint32_t number, uint64_t value) {
  if (value == 0) return;
  char raw[put::kVarintBytesMax];
  const char* const end = put::Varint(raw, value);
  Raw(number, {raw, static_cast<size_t>(end - raw)});
}

void RecordWriter::Fixed64(uint32_t number, int64_t value) {
  if (value == 0) return;
  char raw[sizeof value];
  put::Fixed64(raw, static_cast<uint64_t>(value));
  Raw(number, {raw, sizeof raw});
}

void RecordWriter::WithDigest(uint32_t number, const Digest& digest) {
  char raw[1 + Digest::kBytes];
  put::Raw(put::U8(raw, static_cast<uint8_t>(DigestId::kSha256)), digest.view());
  Raw(number, {raw, sizeof raw});
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
