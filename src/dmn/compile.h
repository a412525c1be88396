#pragma once
// Inside of the engine: what a loaded model is made of. Others use engine.h.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/dmn/engine.h"
#include "src/dmn/types.h"

namespace credence::dmn {

struct Node;

// The order in which nodes are evaluated, and where each one's value stands in a frame of values.
struct Plan {
  struct Step {
    const Node* node = nullptr;
    uint32_t target = 0;
    uint32_t args_begin = 0;   // in args; as many as the node has requirements
    bool args_adjoin = false;  // the values that they say lie one behind the other
  };
  struct Given {
    const Node* node = nullptr;
    uint32_t target = 0;
  };
  std::vector<Step> steps;
  std::vector<uint32_t> args;
  std::vector<Given> given;  // input data, and decisions that are not to be evaluated
  std::vector<uint32_t> outputs;
  uint32_t value_count = 0;
  // Of an evaluator: parallel to `given`.
  std::vector<Evaluator::Input> inputs;
  const Node* root = nullptr;

  // Values of `given` are in place; the rest is filled.
  void Run(std::span<feel::Value> values, feel::EvaluationContext& context) const;
};

// One file with its imports resolved.
struct Unit {
  std::unique_ptr<Definitions> definitions;
  std::unique_ptr<TypeTable> types;
  std::unique_ptr<feel::Scope> scope;  // its types, visible everywhere in the file
  std::vector<std::pair<const Import*, uint32_t>> imports;  // to units
};

struct Node {
  NodeInfo info;
  uint32_t unit = 0;
  std::string variable;                // its name in expressions of its own file
  std::optional<feel::Type> declared;  // values are coerced to it
  std::string missing_text;            // of the null where an input is not given
  const Decision* decision = nullptr;  // one of these four, by kind
  const InputData* input = nullptr;
  const BusinessKnowledgeModel* knowledge = nullptr;
  const DecisionService* service = nullptr;
  std::vector<uint32_t> requires_values;  // decisions and inputs, in order of slots
  std::vector<std::string>
      argument_names;  // parallel to requires_values, as expressions write them
  std::vector<uint32_t> requires_functions;
  feel::Expression logic;
  bool has_logic = false;
  std::unique_ptr<feel::Callable> callable;
};

// A business knowledge model as a function.
class KnowledgeFunction final : public feel::Callable {
 public:
  KnowledgeFunction(std::string name, feel::Type type)
      : name_(std::move(name)), type_(std::move(type)) {}
  [[nodiscard]] const feel::Type& type() const override { return type_; }
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] feel::Value Call(std::span<const feel::Value> arguments,
                                 feel::EvaluationContext& context) const override;
  void set_body(feel::Expression body) { body_ = std::move(body); }
  void set_external() { external_ = true; }
  void set_broken() { broken_ = true; }

 private:
  std::string name_;
  feel::Type type_;
  std::optional<feel::Expression> body_;
  bool external_ = false;
  bool broken_ = false;
};

// A decision service as a function: input data first, then input decisions.
class ServiceFunction final : public feel::Callable {
 public:
  ServiceFunction(std::string name, feel::Type type)
      : name_(std::move(name)), type_(std::move(type)) {}
  [[nodiscard]] const feel::Type& type() const override { return type_; }
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] feel::Value Call(std::span<const feel::Value> arguments,
                                 feel::EvaluationContext& context) const override;
  // `parameters[i]` is the place of argument i among plan.given (-1 = no decision needs it).
  void set_plan(Plan plan, std::vector<int32_t> parameters, std::vector<std::string> output_names) {
    plan_ = std::move(plan);
    parameters_ = std::move(parameters);
    output_names_ = std::move(output_names);
  }

 private:
  std::string name_;
  feel::Type type_;
  Plan plan_;
  std::vector<int32_t> parameters_;
  std::vector<std::string> output_names_;
};

struct Model::Parts {
  std::vector<Unit> units;
  std::deque<Node> nodes;
  std::unordered_map<std::string, uint32_t> by_reference;  // "namespace#id"
  std::vector<NodeInfo> decisions;
  std::vector<NodeInfo> input_data;
  std::vector<NodeInfo> knowledge_models;
  std::vector<NodeInfo> services;
  std::vector<uint32_t> decision_nodes;  // parallel to decisions
  std::vector<uint32_t> input_nodes;
  std::vector<uint32_t> knowledge_nodes;
  std::vector<uint32_t> service_nodes;
  std::vector<uint32_t> place;  // node -> its index among nodes of its kind
  std::vector<TableInfo> tables;
  std::vector<std::shared_ptr<TableExpression>> table_expressions;
  std::vector<const Definitions*> files;
};

// The plan that evaluates `outputs`, going no further than `stops`.
[[nodiscard]] Plan MakePlan(const std::deque<Node>& nodes, std::span<const uint32_t> outputs,
                            std::span<const uint32_t> stops);

}  // namespace credence::dmn
