#include "src/projection/cursor.h"

#include "src/base/bytes.h"
#include "src/projection/read_model.h"

namespace credence::projection {

namespace {
constexpr std::string_view kPrefix = "c1";
}  // namespace

std::string MakeCursor(uint64_t query_hash, uint64_t seq) {
  std::string bytes;
  ByteWriter out(&bytes);
  out.PutFixed64(query_hash);
  out.PutVarint(seq);
  return std::string(kPrefix) + ToHex(bytes);
}

Result<uint64_t> ReadCursor(std::string_view cursor, uint64_t query_hash) {
  const auto unknown = [] {
    return InvalidArgument("cursor: expected the cursor that an earlier page of this list gave");
  };
  std::string bytes;
  if (cursor.size() > kCursorBytesMax || !cursor.starts_with(kPrefix) ||
      !FromHex(cursor.substr(kPrefix.size()), &bytes)) {
    return unknown();
  }
  ByteReader in(bytes);
  const uint64_t hash = in.GetFixed64();
  const uint64_t seq = in.GetVarint();
  if (!in.ok() || !in.AtEnd() || seq == 0 || seq > INT64_MAX) return unknown();
  if (hash != query_hash) {
    return InvalidArgument(
        "cursor: it was given for other filters; expected the filters of the page that gave it");
  }
  return seq;
}

}  // namespace credence::projection
