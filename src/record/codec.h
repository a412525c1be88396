#pragma once
// The stored form of every record (docs/formats/record.md):
//
//   record := kind:u8 field*
//   field  := number:varint size:varint content[size]      numbers ascend; each at most once
//
// A field whose content is its default (0, empty) is not written, so equal records have equal
// bytes. An unknown number is damage or a newer release: it is refused, never skipped. Numbers are
// permanent.

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/status.h"

namespace credence::record {

class RecordWriter {
 public:
  RecordWriter(uint8_t kind, std::string* out) : out_(out) { ByteWriter(out_).PutU8(kind); }

  void Text(uint32_t number, std::string_view value) {
    if (!value.empty()) Raw(number, value);
  }
  void Unsigned(uint32_t number, uint64_t value);
  void Fixed64(uint32_t number, int64_t value);
  void WithDigest(uint32_t number, const Digest& digest);
  // Writes what `fill(ByteWriter*)` wrote, if it wrote anything.
  template <class Fill>
  void Built(uint32_t number, Fill fill) {
    const size_t begin = out_->size();
    const size_t content = Begin(number, 0);
    ByteWriter writer(out_);
    fill(&writer);
    End(number, begin, content);
  }
  // Writes what `fill(std::string*)` appended, if it did anything: about `bytes_guessed`.
  template <class Fill>
  void Appended(uint32_t number, size_t bytes_guessed, Fill fill) {
    const size_t begin = out_->size();
    const size_t content = Begin(number, bytes_guessed);
    fill(out_);
    End(number, begin, content);
  }

 private:
  void Raw(uint32_t number, std::string_view content);
  // Room for the header of a field of about that many bytes, and where its content begins.
  size_t Begin(uint32_t number, size_t bytes_guessed);
  // The content ends where the record does: writes its size before it, or takes the field back if
  // it is empty.
  void End(uint32_t number, size_t begin, size_t content);
  std::string* out_;
  uint32_t last_ = 0;
};

// Walks the fields. Find(number) must be asked in ascending order; Finish() says whether all was
// understood.
class RecordReader {
 public:
  // `bytes` includes the kind, which the caller has looked at.
  explicit RecordReader(std::string_view bytes) : size_(bytes.size()), in_(bytes) {
    in_.GetU8(), Advance();
  }

  // The content of field `number`, or nothing (an empty view) if it was not written.
  std::string_view Text(uint32_t number);
  uint64_t Unsigned(uint32_t number);
  int64_t Fixed64(uint32_t number);
  Digest ReadDigest(uint32_t number);  // fails the record if the field is missing
  void Fail() { in_.Fail(); }
  [[nodiscard]] bool ok() const { return in_.ok(); }
  // Ok if every byte was asked for and every content was canonical; kDataLoss with the position
  // otherwise.
  [[nodiscard]] Status Finish(std::string_view what) const;

 private:
  void Advance();
  size_t size_;
  ByteReader in_;
  uint32_t number_ = 0;  // of the field that waits; 0 at the end
  std::string_view content_;
};

}  // namespace credence::record
