// Any bytes: the gate refuses them with a problem, or makes an event whose stored form reads back
// as the same event, and which another strict JSON parser takes too.

#include <rapidjson/document.h>

#include "src/api/gate.h"
#include "src/api/gate_testing.h"
#include "src/base/assert.h"
#include "src/base/memory_file.h"

namespace credence::api {
namespace {

struct Fixture {
  Fixture() : schema(TestingSchema()) {
    auto opened = Protection::Open(files, "keys");
    CREDENCE_ASSERT(opened.ok());
    protection = std::move(opened).value();
    gate = std::make_unique<Gate>(schema, protection.get());
  }
  MemoryFileSystem files;
  record::Schema schema;
  std::unique_ptr<Protection> protection;
  std::unique_ptr<Gate> gate;
};

void CheckAccepted(std::string_view json, record::Event event, Arena* arena) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag>(
      json.data(), json.size());
  CREDENCE_ASSERT(!document.HasParseError());
  event.seq = Seq(1);
  std::string stored;
  record::EncodeEvent(event, &stored);
  const auto read = record::DecodeEvent(stored, arena);
  CREDENCE_ASSERT(read.ok());
  CREDENCE_ASSERT(read->digest == event.digest && read->id == event.id);
  CREDENCE_ASSERT(read->fields.size() == event.fields.size());
  for (size_t i = 0; i < event.fields.size(); ++i) {
    CREDENCE_ASSERT(read->fields[i] == event.fields[i]);
  }
  std::string again;
  record::EncodeEvent(*read, &again);
  CREDENCE_ASSERT(stored == again);
}

// Most random bytes end at the first brace: those that do not begin with one become members of
// data.
void RunOne(std::string_view bytes) {
  static Fixture fixture;
  Arena arena;
  record::Event event;
  Problem problem;
  const std::string json = bytes.starts_with('{') ? std::string(bytes) : TestingEvent(bytes);
  if (fixture.gate->Parse(json, &arena, &event, &problem)) {
    CheckAccepted(json, event, &arena);
  } else {
    CREDENCE_ASSERT(!problem.code.empty() && !problem.expected.empty());
    CREDENCE_ASSERT(event.fields.empty());
  }
}

}  // namespace
}  // namespace credence::api

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  credence::api::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
