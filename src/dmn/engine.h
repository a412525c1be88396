#pragma once
// The engine: DMN files in, evaluators out.
//
//   LoadResult loaded = Model::Load({"policy.dmn", text}, {});
//   if (HasErrors(loaded.diagnostics)) …
//   Result<Evaluator> evaluator = loaded.model->Bind("order_risk", slot_names);
//   …
//   Arena arena;                              // per event: arena.Reset()
//   feel::EvaluationContext context(&arena, &zones);
//   EvaluationLog log;
//   feel::Value verdict = evaluator->Evaluate(slots, context, &log);
//   log.matched                               // rules that matched, always
//
// A model and its evaluators are immutable and may be used by many threads, each with its own
// context and log. An evaluation reads nothing but its slots and what the context holds; it never
// fails: what goes wrong is a null with its reason.
//
// Standard: OMG DMN 1.5 (files of 1.1 to 1.6 are read).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/status.h"
#include "src/dmn/decision_table.h"
#include "src/dmn/model.h"
#include "src/dmn/trace.h"
#include "src/feel/evaluation.h"
#include "src/feel/expression.h"
#include "src/feel/function.h"
#include "src/feel/type.h"
#include "src/feel/value.h"

namespace credence::dmn {

// Files that one model may pull in.
inline constexpr size_t kImportsMax = 256;
// Decisions, inputs, models and services of all files together.
inline constexpr size_t kNodesMax = 200'000;

struct Source {
  std::string file;  // for diagnostics
  std::string text;
};
// The file that holds the model of an import's namespace; nothing = there is none.
using ImportResolver = std::function<std::optional<Source>(const Import& import)>;

struct LoadOptions {
  // kStrict makes every mistake that DMN turns into a null an error.
  feel::Strictness strictness = feel::Strictness::kStandard;
  // Zones of constants; must outlive the model. Null = looked up at evaluation.
  ZoneSource* zones = nullptr;
  ImportResolver imports;  // may be empty
};

class Model;
struct LoadResult {
  // Null only if a file could not be read as DMN. A model whose decisions have errors is there all
  // the same: such decisions are null (reason kParse).
  std::shared_ptr<const Model> model;
  std::vector<Diagnostic> diagnostics;  // sorted
};

enum class NodeKind : uint8_t { kInputData = 1, kDecision = 2, kKnowledgeModel = 3, kService = 4 };

// An element of the requirements graph.
struct NodeInfo {
  NodeKind kind = NodeKind::kDecision;
  std::string name;
  std::string id;
  std::string namespace_uri;
  feel::Type type;  // of the value; of the function for models and services
  std::string file;
  Position at;
  bool imported = false;
  bool compiled = true;  // false: has errors, its value is null
};

struct TableInfo {
  std::string owner;  // name of the decision or knowledge model that the table stands in
  const TableExpression* table = nullptr;
  bool bound = false;  // false: the logic around it has errors, and the table was never compiled
};

class Evaluator;

class Model : public std::enable_shared_from_this<Model> {
 public:
  static LoadResult Load(const Source& source, const LoadOptions& options);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // The root file's decisions and input data in order of the file, then those of imports.
  [[nodiscard]] const std::vector<NodeInfo>& decisions() const;
  [[nodiscard]] const std::vector<NodeInfo>& input_data() const;
  [[nodiscard]] const std::vector<NodeInfo>& knowledge_models() const;
  [[nodiscard]] const std::vector<NodeInfo>& services() const;
  // Every decision table; MatchedRule::table is an index into this.
  [[nodiscard]] const std::vector<TableInfo>& tables() const;
  // What the files say; [0] is the root.
  [[nodiscard]] std::span<const Definitions* const> files() const;
  // Nodes that a decision needs directly: indices into decisions() and input_data().
  struct Requirements {
    std::vector<uint32_t> decisions;
    std::vector<uint32_t> input_data;
    std::vector<uint32_t> knowledge_models;
    std::vector<uint32_t> services;
  };
  [[nodiscard]] Requirements RequirementsOf(uint32_t decision) const;
  // Names under which the decision's logic sees its required values, by slot.
  [[nodiscard]] std::vector<std::string> ArgumentNames(uint32_t decision) const;
  // Decisions that may be evaluated for this one: required directly, or inside of services and
  // functions.
  [[nodiscard]] std::vector<uint32_t> ReachableFrom(uint32_t decision) const;
  // The decision's compiled logic; a constant null where there is none.
  [[nodiscard]] const feel::Expression& LogicOf(uint32_t decision) const;

  // A value that the caller will give: an input data element, or a decision that shall not be
  // evaluated. Elements of imports are named "import.name", or by their namespace.
  struct SlotName {
    std::string name;
    std::string namespace_uri = {};  // empty = the root file, or any where the name is found once
  };
  // An evaluator of the decision that reads its inputs from slots of these names, by index.
  // kNotFound, with the nearest name, if there is no such decision. Names that no element has, or
  // that are not needed, are no error; inputs that are needed and not named are null (kMissing).
  [[nodiscard]] Result<Evaluator> Bind(std::string_view decision,
                                       std::span<const SlotName> slots) const;
  [[nodiscard]] Result<Evaluator> Bind(std::string_view decision,
                                       std::span<const std::string> slots) const;
  // One evaluator of several decisions (at least one): what two of them need is evaluated once.
  // Evaluator::EvaluateEach gives all values, Evaluate that of the first decision.
  [[nodiscard]] Result<Evaluator> BindSeveral(std::span<const std::string> decisions,
                                              std::span<const SlotName> slots) const;
  // The function that a knowledge model or decision service is; null if there is none of this name.
  [[nodiscard]] const feel::Callable* FindFunction(std::string_view name) const;

 private:
  friend class ModelCompiler;
  friend class Evaluator;
  struct Parts;
  Model();
  [[nodiscard]] Result<uint32_t> FindDecision(std::string_view decision) const;  // its node
  std::unique_ptr<Parts> parts_;
};

struct Plan;

// Cheap to copy; holds on to its model.
class Evaluator {
 public:
  struct Input {
    std::string name;
    std::string namespace_uri;
    feel::Type type;
    std::optional<uint32_t> slot;  // index among the names given to Bind; nothing = not given
  };

  // The inputs that the decision needs, itself or through other decisions.
  [[nodiscard]] const std::vector<Input>& required_inputs() const;
  // The declared type of the decision, or what its logic gives.
  [[nodiscard]] const feel::Type& type() const;
  [[nodiscard]] const std::string& decision() const;
  [[nodiscard]] const Model& model() const { return *model_; }

  // `slots`: one value for each name given to Bind, in that order; each is coerced to the type of
  // its element. The value lives as long as the context's arena, the slots and the model. `log` may
  // be null.
  [[nodiscard]] feel::Value Evaluate(std::span<const feel::Value> slots,
                                     feel::EvaluationContext& context, EvaluationLog* log) const;
  // The values of all decisions given to BindSeveral, in that order; in the context's arena.
  [[nodiscard]] std::span<const feel::Value> EvaluateEach(std::span<const feel::Value> slots,
                                                          feel::EvaluationContext& context,
                                                          EvaluationLog* log) const;

 private:
  friend class Model;
  // Values of all steps, in the arena.
  [[nodiscard]] std::span<const feel::Value> Run(std::span<const feel::Value> slots,
                                                 feel::EvaluationContext& context,
                                                 EvaluationLog* log) const;
  Evaluator(std::shared_ptr<const Model> model, std::shared_ptr<const Plan> plan)
      : model_(std::move(model)), plan_(std::move(plan)) {}
  std::shared_ptr<const Model> model_;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace credence::dmn
