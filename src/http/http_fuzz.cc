// Any bytes: a parser that gets them in one piece, and one that gets them byte by byte, take the
// same requests out of them, and the second refuses nothing that the first takes; what is read of
// targets, keys and media types keeps its promises.

#include <algorithm>

#include "src/base/assert.h"
#include "src/http/request_parser.h"
#include "src/http/target.h"

namespace credence::http {
namespace {

struct Seen {
  std::string requests;  // method, target and body of each
  int refused = 0;       // status
};

// Gives `bytes` to a parser in pieces of `piece` bytes, as a connection would.
Seen Read(std::string_view bytes, size_t piece) {
  static const HeadCheck kNoCheck;
  RequestParser parser(kNoCheck);
  Seen seen;
  std::string buffer;
  while (!bytes.empty()) {
    const size_t size = std::min(piece, bytes.size());
    buffer += bytes.substr(0, size);
    bytes.remove_prefix(size);
    while (!buffer.empty()) {
      size_t used = 0;
      const auto got = parser.Put(buffer, &used);
      CREDENCE_ASSERT(used <= buffer.size());
      if (got == RequestParser::Got::kRefused) {
        seen.refused = parser.TakeRefusal().status;
        CREDENCE_ASSERT(seen.refused >= 400 && seen.refused < 600);
        return seen;
      }
      buffer.erase(0, used);
      if (got == RequestParser::Got::kPart) break;
      const RequestParser::Taken taken = parser.Take();
      seen.requests += std::string(taken.request.method()) + "\n" +
                       std::string(taken.request.target()) + "\n" + taken.request.body + "\n";
      CREDENCE_ASSERT(taken.request.target().size() <= kTargetBytesMax);
      CREDENCE_ASSERT(taken.request.header_count() <= kHeadersMax);
      CREDENCE_ASSERT(taken.request.body.size() <= kBodyBytesMax);
    }
  }
  return seen;
}

void CheckTarget(std::string_view bytes) {
  Target target;
  if (!ParseTarget(bytes, &target).ok()) return;
  CREDENCE_ASSERT(target.segments.size() <= kSegmentsMax);
  CREDENCE_ASSERT(target.query.size() <= kQueryParametersMax);
  for (const std::string& segment : target.segments) {
    CREDENCE_ASSERT(!segment.empty() && segment != "." && segment != ".." && IsUtf8(segment));
    CREDENCE_ASSERT(segment.find('\0') == std::string::npos);
  }
}

void RunOne(std::string_view bytes) {
  const Seen whole = Read(bytes, bytes.size());
  const Seen pieces = Read(bytes, 1);
  CREDENCE_ASSERT(whole.requests == pieces.requests);
  // Byte by byte a fault in the headers is found once they are whole, or too large.
  CREDENCE_ASSERT(pieces.refused == 0 || whole.refused != 0);
  CheckTarget(bytes);
  if (const auto token = ParseBearer(bytes)) CREDENCE_ASSERT(!token->empty());
  if (const auto type = ParseMediaType(bytes)) {
    CREDENCE_ASSERT(
        std::none_of(type->begin(), type->end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
}

}  // namespace
}  // namespace credence::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  credence::http::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
