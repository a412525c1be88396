// Binding: which decisions are asked for, and which slot gives each input.

#include <unordered_map>

#include "src/dmn/compile.h"
#include "src/feel/scope.h"

namespace credence::dmn {

using feel::NormaliseName;

Result<Evaluator> Model::Bind(std::string_view decision, std::span<const std::string> slots) const {
  std::vector<SlotName> names;
  names.reserve(slots.size());
  for (const std::string& slot : slots) names.push_back({slot});
  return Bind(decision, names);
}

Result<Evaluator> Model::Bind(std::string_view decision, std::span<const SlotName> slots) const {
  const std::string name(decision);
  return BindSeveral(std::span(&name, 1), slots);
}

Result<Evaluator> Model::BindSeveral(std::span<const std::string> decisions,
                                     std::span<const SlotName> slots) const {
  if (decisions.empty()) return InvalidArgument("an evaluator needs a decision");
  std::vector<uint32_t> roots;
  for (const std::string& decision : decisions) {
    Result<uint32_t> root = FindDecision(decision);
    if (!root.ok()) return root.status();
    roots.push_back(*root);
  }
  // Which node each name means: one of the root file before one of an import.
  std::unordered_map<uint32_t, uint32_t> slot_of;
  std::vector<uint32_t> stops;
  const auto matches = [&](const Node& node, const SlotName& slot) {
    const std::string name = NormaliseName(slot.name);
    if (!slot.namespace_uri.empty()) {
      return node.info.namespace_uri == slot.namespace_uri && node.info.name == name;
    }
    if (node.info.name == name) return true;
    for (const auto& [import, target] : parts_->units[0].imports) {
      if (target == node.unit && NormaliseName(import->name) + "." + node.info.name == name)
        return true;
    }
    return false;
  };
  for (uint32_t s = 0; s < slots.size(); ++s) {
    for (uint32_t n = 0; n < parts_->nodes.size(); ++n) {  // units in order: the root file first
      const Node& node = parts_->nodes[n];
      if (node.callable || !matches(node, slots[s])) continue;
      slot_of.emplace(n, s);
      if (std::find(roots.begin(), roots.end(), n) == roots.end()) stops.push_back(n);
      break;
    }
  }
  auto plan = std::make_shared<Plan>(MakePlan(parts_->nodes, roots, stops));
  plan->root = &parts_->nodes[roots[0]];
  for (const Plan::Given& given : plan->given) {
    Evaluator::Input input{given.node->info.name, given.node->info.namespace_uri,
                           given.node->info.type, std::nullopt};
    for (const auto& [node, slot] : slot_of) {
      if (&parts_->nodes[node] == given.node) input.slot = slot;
    }
    plan->inputs.push_back(std::move(input));
  }
  return Evaluator(shared_from_this(), std::move(plan));
}

Result<uint32_t> Model::FindDecision(std::string_view decision) const {
  const std::string wanted = NormaliseName(decision);
  std::vector<std::string> known;
  for (const uint32_t id : parts_->decision_nodes) {
    const Node& node = parts_->nodes[id];
    if (node.info.name == wanted) return id;
    if (!node.info.imported) known.push_back(node.info.name);
  }
  const std::string_view nearest = NearestName(wanted, known);
  return NotFound("there is no decision '" + wanted + "'" +
                  (nearest.empty() ? "" : "; did you mean '" + std::string(nearest) + "'?"));
}

}  // namespace credence::dmn
