// Models, policy, and the plans of decisions: what reads which slot.

#include <algorithm>

#include "src/decision/decide.h"
#include "src/model/pmml.h"
#include "src/pack/loader.h"
#include "src/record/feel_value.h"

namespace credence::pack {

using record::SlotDecl;
using record::SlotOrigin;
using record::SlotType;

void Loader::LoadModelFiles() {
  for (ModelDecl& model : models_) {
    if (model.file.empty()) continue;
    model.scorecard = model::ImportPmml(files_.at(model.file), Path(model.file), diagnostics_);
  }
}

void Loader::LoadPolicy() {
  const auto file = files_.find("policy.dmn");
  if (file == files_.end()) {
    if (!decisions_.empty()) {
      Reporter(Path("pack.yaml"), diagnostics_)
          .Error(decisions_.front().at, "missing-file",
                 "the pack has decisions, but no file policy.dmn");
    }
    return;
  }
  dmn::LoadOptions options;
  options.zones = pack_->zones.get();
  dmn::LoadResult loaded = dmn::Model::Load({Path("policy.dmn"), file->second}, options);
  for (Diagnostic& diagnostic : loaded.diagnostics) {
    // DMN gives null for a name that nothing has; in a pack it is always a slip.
    if (diagnostic.code == "unknown-name") diagnostic.severity = Severity::kError;
    diagnostics_->push_back(std::move(diagnostic));
  }
  policy_ = loaded.model;
}

// Makes the plan of one decision: collects what policy and models read, gives each a slot, binds.
class Loader::PlanMaker {
 public:
  PlanMaker(Loader* loader, const DecisionDecl& decl, uint32_t index)
      : loader_(*loader), decl_(decl), reporter_(loader->Path("pack.yaml"), loader->diagnostics_) {
    plan_.name = decl.name;
    plan_.index = index;
  }

  void Make();

 private:
  bool FindEventType();
  void AddFields();
  bool AddSources();
  enum class Need : uint8_t { kMet, kUnknown, kReported };
  Need Meet(const std::string& name);
  Need MeetDerived(const Derived& derived);
  Need MeetMoney(const std::string& name);
  bool NeedModels();
  bool NeedPolicy();
  bool BindDerived();
  bool BindModels();
  void BindPolicy();
  void Finish();
  uint32_t AddSlot(std::string name, SlotType type, SlotOrigin origin) {
    return *plan_.slots.Add({std::move(name), type, origin, true});
  }
  [[nodiscard]] std::vector<std::string> KnownNames() const;

  Loader& loader_;
  const DecisionDecl& decl_;
  Reporter reporter_;
  decision::DecisionPlan plan_;
  std::vector<const Derived*> derived_;  // those that are read, in order of dependence
  std::vector<const ModelDecl*> models_;
  std::set<uint32_t> recorded_;
  std::set<std::string> unavailable_;
};

void Loader::PlanMaker::Make() {
  if (!FindEventType()) return;
  AddFields();
  if (!AddSources() || !NeedModels() || !NeedPolicy() || !BindDerived() || !BindModels()) return;
  BindPolicy();
  if (plan_.policy) Finish();
}

bool Loader::PlanMaker::FindEventType() {
  const auto& types = loader_.pack_->schema.event_types;
  int found = 0;
  for (uint32_t i = 0; i < types.size(); ++i) {
    if (types[i].decision != plan_.index) continue;
    plan_.event_type = i;
    ++found;
  }
  if (found == 1) return true;
  reporter_.Error(decl_.at, "no-event",
                  "the decision '" + decl_.name + "' is asked for by " +
                      (found == 0 ? "no event" : "more than one event") +
                      ": expected 'decides: " + decl_.name + "' at one event");
  return false;
}

void Loader::PlanMaker::AddFields() {
  const record::EventType& type = loader_.pack_->schema.event_types[plan_.event_type];
  for (uint32_t field = 0; field < type.fields.size(); ++field) {
    if (type.fields[field].protection == record::Protection::kSealed)
      continue;  // nobody may read it
    const uint32_t slot = AddSlot(type.fields[field].name, record::SlotTypeOf(type.fields[field]),
                                  SlotOrigin::kEventField);
    plan_.fields.push_back({slot, field});
  }
}

bool Loader::PlanMaker::AddSources() {
  for (const SourceDecl& source : loader_.sources_) {
    decision::SourceSlots slots;
    slots.source = source.name;
    slots.status_slot = AddSlot(source.name + ".status", SlotType::kString, SlotOrigin::kSystem);
    for (const SourceField& field : source.fields) {
      slots.values.emplace_back(
          field.name, AddSlot(source.name + "." + field.name, field.type, SlotOrigin::kSystem));
    }
    plan_.sources.push_back(std::move(slots));
  }
  return true;
}

std::vector<std::string> Loader::PlanMaker::KnownNames() const {
  std::vector<std::string> names;
  for (const SlotDecl& slot : plan_.slots.slots()) names.push_back(slot.name);
  for (const auto& feature : loader_.pack_->features.features()) names.push_back(feature.slot.name);
  for (const Derived& derived : loader_.derived_) names.push_back(derived.name);
  for (std::string& name : MoneySlotNames(loader_.pack_->money)) names.push_back(std::move(name));
  for (const ModelDecl& model : loader_.models_) {
    names.push_back(model.name + ".points");
    names.push_back(model.name + ".probability_of_default");
  }
  return names;
}

// Gives the name a slot if it has none yet. kUnknown if nothing has that name; kReported if it
// cannot have a slot, which has been said.
Loader::PlanMaker::Need Loader::PlanMaker::Meet(const std::string& name) {
  if (const auto slot = plan_.slots.Find(name)) {
    recorded_.insert(*slot);
    return Need::kMet;
  }
  if (unavailable_.contains(name)) return Need::kReported;
  if (const auto feature = loader_.pack_->features.Find(name)) {
    const record::SlotDecl& decl = loader_.pack_->features.features()[*feature].slot;
    const uint32_t slot = AddSlot(name, decl.type, SlotOrigin::kFeature);
    plan_.features.push_back({slot, *feature});
    recorded_.insert(slot);
    return Need::kMet;
  }
  for (const Derived& derived : loader_.derived_) {
    if (derived.name != name) continue;
    const Need need = MeetDerived(derived);
    if (need == Need::kReported) unavailable_.insert(name);
    return need;
  }
  return MeetMoney(name);
}

// limit.<name>.headroom and the like, loan.outstanding and the like.
Loader::PlanMaker::Need Loader::PlanMaker::MeetMoney(const std::string& name) {
  const auto known = FindMoneySlot(loader_.pack_->money, name);
  if (!known) return Need::kUnknown;
  const record::Schema& schema = loader_.pack_->schema;
  for (const record::EntityKey& key : schema.event_types[plan_.event_type].keys) {
    if (key.entity != known->entity) continue;
    const uint32_t slot = AddSlot(name, known->type, SlotOrigin::kMoney);
    plan_.money.push_back({slot, static_cast<uint8_t>(known->kind), known->limit, key.field});
    recorded_.insert(slot);
    return Need::kMet;
  }
  const record::EntityDecl& owner = schema.entities[known->entity];
  reporter_.Error(decl_.at, "unknown-name",
                  "the decision '" + decl_.name + "' reads '" + name + "', which is of a " +
                      owner.name + ", and the event of this decision has no field '" +
                      owner.key_field + "'");
  unavailable_.insert(name);
  return Need::kReported;
}

namespace {
std::optional<SlotType> SlotTypeOfFeel(const feel::Type& type) {
  switch (type.id()) {
    case feel::Type::Id::kNumber:
      return SlotType::kDecimal;
    case feel::Type::Id::kBoolean:
      return SlotType::kBoolean;
    case feel::Type::Id::kString:
      return SlotType::kString;
    case feel::Type::Id::kDate:
      return SlotType::kDate;
    case feel::Type::Id::kDaysDuration:
      return SlotType::kDuration;
    default:
      return std::nullopt;
  }
}
}  // namespace

Loader::PlanMaker::Need Loader::PlanMaker::MeetDerived(const Derived& derived) {
  for (const std::string& read : derived.reads) {
    const Need need = Meet(read);
    if (need == Need::kReported) return need;
    if (need == Need::kUnknown) {
      reporter_.Error(decl_.at, "unknown-name",
                      "the decision '" + decl_.name + "' reads the derived feature '" +
                          derived.name + "', which reads '" + read +
                          "', and the event of this decision has no such field");
      return Need::kReported;
    }
  }
  const auto type = SlotTypeOfFeel(derived.type);
  if (!type) {
    Reporter(loader_.Path("features.yaml"), loader_.diagnostics_)
        .Error(derived.at, "wrong-type",
               "the derived feature '" + derived.name + "' is of type " + derived.type.ToString() +
                   ": expected a number, boolean, string, date or duration");
    return Need::kReported;
  }
  recorded_.insert(AddSlot(derived.name, *type, SlotOrigin::kDerived));
  derived_.push_back(&derived);
  return Need::kMet;
}

bool Loader::PlanMaker::NeedModels() {
  bool good = true;
  for (const auto& [name, at] : decl_.models) {
    const auto found =
        std::find_if(loader_.models_.begin(), loader_.models_.end(),
                     [&, &wanted = name](const ModelDecl& model) { return model.name == wanted; });
    if (found == loader_.models_.end()) {
      std::vector<std::string> names;
      for (const ModelDecl& model : loader_.models_) names.push_back(model.name);
      reporter_.Unknown(at, "model", name, names);
      good = false;
      continue;
    }
    if (found->scorecard == nullptr || !found->probability) {
      good = false;
      continue;
    }
    // Inputs that nothing is named after are reported by Bind, at the model's own field.
    for (const auto& input : found->scorecard->inputs) {
      if (Meet(input.name) == Need::kReported) good = false;
    }
    models_.push_back(&*found);
  }
  if (!good) return false;
  for (const ModelDecl* model : models_) {
    AddSlot(model->name + ".points", SlotType::kDecimal, SlotOrigin::kModel);
    AddSlot(model->name + ".probability_of_default", SlotType::kDecimal, SlotOrigin::kModel);
  }
  return true;
}

bool Loader::PlanMaker::NeedPolicy() {
  if (loader_.policy_ == nullptr) return false;
  const auto unbound = loader_.policy_->Bind(decl_.policy, std::span<const std::string>());
  if (!unbound.ok()) {
    reporter_.Error(decl_.policy_at, "unknown-name", "policy.dmn: " + unbound.status().message());
    return false;
  }
  bool good = true;
  Reporter policy(loader_.Path("policy.dmn"), loader_.diagnostics_);
  for (const dmn::Evaluator::Input& input : unbound->required_inputs()) {
    dmn::Position at{};
    for (const dmn::NodeInfo& node : loader_.policy_->input_data()) {
      if (node.name == input.name) at = node.at;
    }
    const Need need = Meet(input.name);
    if (need == Need::kReported) {
      good = false;
      continue;
    }
    if (need == Need::kUnknown) {
      const std::vector<std::string> known = KnownNames();
      const std::string_view nearest = NearestName(input.name, known);
      policy.Error(at.line, at.column, "unknown-name",
                   "the policy reads '" + input.name +
                       "', which is no field, feature, derived feature or model of the decision '" +
                       decl_.name + "'",
                   nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?");
      good = false;
      continue;
    }
    const feel::Type type = record::FeelType(plan_.slots.at(*plan_.slots.Find(input.name)).type);
    if (!type.ConformsTo(input.type)) {
      policy.Error(at.line, at.column, "wrong-type",
                   "the policy declares '" + input.name + "' as " + input.type.ToString() +
                       ", but it is a " + type.ToString());
      good = false;
    }
  }
  return good;
}

bool Loader::PlanMaker::BindDerived() {
  feel::Scope scope;
  for (const SlotDecl& slot : plan_.slots.slots())
    scope.Add(slot.name, record::FeelType(slot.type));
  for (const Derived* derived : derived_) {
    feel::CompileOptions options;
    options.file = loader_.Path("features.yaml");
    options.line = derived->at.line;
    options.column = derived->at.column;
    options.zones = loader_.pack_->zones.get();
    auto expression = feel::Compile(derived->text, scope, options, loader_.diagnostics_);
    if (!expression) return false;
    plan_.derived.push_back({*plan_.slots.Find(derived->name), std::move(*expression)});
  }
  return true;
}

bool Loader::PlanMaker::BindModels() {
  std::vector<model::InputSlot> inputs;
  for (uint32_t slot = 0; slot < plan_.slots.size(); ++slot) {
    if (plan_.slots.at(slot).origin == SlotOrigin::kModel) continue;
    inputs.push_back({plan_.slots.at(slot).name, slot, plan_.slots.at(slot).type});
  }
  for (const ModelDecl* model : models_) {
    auto scorecard = model::Scorecard::Bind(
        model->scorecard, inputs, loader_.pack_->schema.base_currency, loader_.diagnostics_);
    if (!scorecard) return false;
    const uint32_t points = *plan_.slots.Find(model->name + ".points");
    const uint32_t probability = *plan_.slots.Find(model->name + ".probability_of_default");
    recorded_.insert(points);
    recorded_.insert(probability);
    plan_.models.push_back(
        {model->name, std::move(*scorecard), *model->probability, points, probability});
  }
  return true;
}

void Loader::PlanMaker::BindPolicy() {
  std::vector<std::string> names;
  for (const SlotDecl& slot : plan_.slots.slots()) names.push_back(slot.name);
  auto bound = loader_.policy_->Bind(decl_.policy, std::span<const std::string>(names));
  CREDENCE_ASSERT(bound.ok());
  plan_.policy = std::move(*bound);
}

void Loader::PlanMaker::Finish() {
  if (recorded_.size() > decision::kRecordedSlotsMax) {
    return reporter_.Error(decl_.at, "too-many",
                           "the decision '" + decl_.name + "' reads " +
                               std::to_string(recorded_.size()) + " slots: expected at most " +
                               std::to_string(decision::kRecordedSlotsMax));
  }
  plan_.recorded.assign(recorded_.begin(), recorded_.end());
  for (uint32_t i = 0; i < plan_.recorded.size(); ++i) {
    const record::SlotType type = plan_.slots.at(plan_.recorded[i]).type;
    if (type == record::SlotType::kString || type == record::SlotType::kToken) {
      plan_.recorded_texts.push_back(i);
    }
  }
  plan_.outcomes = decl_.outcomes;
  plan_.fallback = decl_.fallback;
  plan_.kill_switch = decl_.kill_switch;
  plan_.model_reasons = decl_.model_reasons;
  plan_.base_currency = loader_.pack_->schema.base_currency;
  plan_.zone = loader_.pack_->zone;
  plan_.zones = loader_.pack_->zones.get();
  loader_.pack_->decisions.push_back(std::move(plan_));
}

void Loader::BindDecisions() {
  for (uint32_t i = 0; i < decisions_.size(); ++i) PlanMaker(this, decisions_[i], i).Make();
}

}  // namespace credence::pack
