// A small pack with one file that the fuzzer writes: it is loaded or refused with an error. The
// first byte of the input chooses the file; the rest is its content, or, where the second byte is
// odd, is put into the middle of the good one.

#include <cstddef>
#include <cstdint>

#include "src/pack/shop_testing.h"
#include "src/pack/yaml.h"

namespace {

using credence::Diagnostic;
namespace pack = credence::pack;

const pack::FileSet& Good() {
  static const pack::FileSet files = [] {
    pack::FileSet made = pack::ShopFiles();
    made["cases/first.yaml"] =
        "name: one\nevents:\n  - {type: order.placed, id: o1, data: {amount: \"1.00\"}}\n"
        "expect:\n  - {event: o1, outcome: approve}\n";
    return made;
  }();
  return files;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  pack::FileSet files = Good();
  auto file = files.begin();
  std::advance(file, data[0] % files.size());
  const std::string content(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[1] % 2 == 0) {
    file->second = content;
  } else {
    const size_t at = file->second.size() * (data[1] / 2) / 128;
    file->second.insert(at, content);
  }
  std::vector<Diagnostic> diagnostics;
  pack::Reporter reporter("input", &diagnostics);
  pack::ParseYaml(content, &reporter);
  diagnostics.clear();
  const auto loaded = pack::Load(files, "shop", nullptr, &diagnostics);
  CREDENCE_ASSERT((loaded == nullptr) == credence::HasErrors(diagnostics));
  return 0;
}
