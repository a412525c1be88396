#include "bench/dmn/runner.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "bench/dmn/answer.h"

namespace credence::bench {

Result<Runner> Runner::Load(const std::string& folder, const Case& one) {
  const std::string path = folder + "/" + one.dmn;
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound("there is no file " + path);
  dmn::Source source{one.dmn, std::string(std::istreambuf_iterator<char>(file), {})};
  const dmn::LoadResult loaded = dmn::Model::Load(source, {});
  if (loaded.model == nullptr || HasErrors(loaded.diagnostics)) {
    return InvalidArgument(
        path + " does not load: " +
        (loaded.diagnostics.empty() ? std::string("no reason") : loaded.diagnostics[0].message));
  }
  std::vector<std::string> names;
  for (const dmn::NodeInfo& input : loaded.model->input_data()) names.push_back(input.name);
  std::vector<dmn::Model::SlotName> slots;
  for (const std::string& name : names) slots.push_back({name});
  Result<dmn::Evaluator> evaluator = loaded.model->BindSeveral(one.decisions, slots);
  if (!evaluator.ok()) return evaluator.status();
  Result<LineFile> inputs = LineFile::Open(folder + "/" + one.inputs);
  if (!inputs.ok()) return inputs.status();
  return Runner(*evaluator, std::move(names), std::make_shared<const LineFile>(std::move(*inputs)),
                one.checked);
}

size_t Runner::index_bytes() const {
  size_t bytes = 0;
  for (const dmn::TableInfo& table : evaluator_.model().tables()) {
    bytes += table.table->index().bytes();
  }
  return bytes;
}

Result<std::string> Runner::ChecksumOfAnswers(dmn::EvaluationLog* log) const {
  InputReader reader = NewReader();
  std::vector<feel::Value> slots(slot_count());
  Checksum checksum;
  Arena arena;
  for (size_t i = 0; i < std::min(checked_, inputs_->size()); ++i) {
    arena.Reset();
    const Status status = reader.Read(inputs_->line(i), arena, slots);
    if (!status.ok()) return status;
    std::string line;
    for (const feel::Value& value : Evaluate(slots, arena, log)) {
      line += (line.empty() ? "" : "|") + AnswerText(value);
    }
    checksum.Add(line);
  }
  return checksum.Hex();
}

}  // namespace credence::bench
