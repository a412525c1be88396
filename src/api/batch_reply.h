#pragma once
// BatchReply: the answer to several events, whose lines come back one by one.

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "src/api/writer.h"

namespace credence::api {

struct BatchReply {
  ReplyTo reply;
  bool as_array = false;           // one JSON array; else a line each
  std::vector<std::string> lines;  // a JSON object each
  std::atomic<size_t> missing{0};  // lines that are still to come
};

}  // namespace credence::api
