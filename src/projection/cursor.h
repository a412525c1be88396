#pragma once
// Cursors: where a page ended and which list it was of, as text that callers hand back unread.
//
//   cursor = "c1" hex(hash of list and filters:fixed64, sequence:varint)

#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace credence::projection {

// `seq` is of the last row that was looked at.
[[nodiscard]] std::string MakeCursor(uint64_t query_hash, uint64_t seq);
// The sequence before which to go on. kInvalidArgument, naming the field "cursor".
Result<uint64_t> ReadCursor(std::string_view cursor, uint64_t query_hash);

}  // namespace credence::projection
