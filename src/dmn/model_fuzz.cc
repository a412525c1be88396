// Any bytes as a model file: refused with a diagnostic, or loaded, checked and evaluated within the
// limits.

#include <cstddef>
#include <cstdint>

#include "src/dmn/check.h"
#include "src/dmn/engine.h"
#include "src/dmn/tck.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace credence;  // NOLINT(google-build-using-namespace)
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::vector<Diagnostic> diagnostics;
  (void)dmn::ReadTestFile(text, "fuzz.xml", &diagnostics);
  dmn::LoadResult loaded = dmn::Model::Load({"fuzz.dmn", text}, {});
  if (!loaded.model) {
    if (!HasErrors(loaded.diagnostics)) __builtin_trap();
    return 0;
  }
  (void)dmn::Check(*loaded.model, {});
  Arena arena;
  feel::EvaluationContext context(&arena);
  context.limits.iterations_max = 10'000;
  context.limits.list_items_max = 10'000;
  context.limits.arena_bytes_max = 16 << 20;
  dmn::Trace trace;
  dmn::EvaluationLog log;
  log.trace = &trace;
  for (const dmn::NodeInfo& decision : loaded.model->decisions()) {
    if (decision.imported) continue;
    const auto evaluator = loaded.model->Bind(decision.name, std::span<const std::string>());
    if (!evaluator.ok()) __builtin_trap();
    arena.Reset();
    (void)evaluator->Evaluate({}, context, &log);
  }
  return 0;
}
