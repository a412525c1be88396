#pragma once
// One case of the benchmark in this engine: loaded, bound, evaluated.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/dmn/cases.h"
#include "bench/dmn/inputs.h"
#include "src/base/arena.h"
#include "src/base/status.h"
#include "src/dmn/engine.h"

namespace credence::bench {

class Runner {
 public:
  static Result<Runner> Load(const std::string& folder, const Case& one);

  [[nodiscard]] const LineFile& inputs() const { return *inputs_; }
  [[nodiscard]] size_t slot_count() const { return names_.size(); }
  [[nodiscard]] size_t index_bytes() const;  // of all tables of the model
  [[nodiscard]] InputReader NewReader() const { return InputReader(names_); }

  // Values of the case's decisions; they live as long as the arena and the slots. `log` may be
  // null.
  [[nodiscard]] std::span<const feel::Value> Evaluate(std::span<const feel::Value> slots,
                                                      Arena& arena, dmn::EvaluationLog* log) const {
    feel::EvaluationContext context(&arena);
    return evaluator_.EvaluateEach(slots, context, log);
  }
  // Over the first inputs, as many as the case says; explaining must not change an answer.
  Result<std::string> ChecksumOfAnswers(dmn::EvaluationLog* log) const;

 private:
  Runner(dmn::Evaluator evaluator, std::vector<std::string> names,
         std::shared_ptr<const LineFile> inputs, size_t checked)
      : evaluator_(std::move(evaluator)),
        names_(std::move(names)),
        inputs_(std::move(inputs)),
        checked_(checked) {}

  dmn::Evaluator evaluator_;
  std::vector<std::string> names_;
  std::shared_ptr<const LineFile> inputs_;
  size_t checked_;
};

}  // namespace credence::bench
