// features.yaml: windowed features and derived features.

#include <algorithm>

#include "src/pack/loader.h"
#include "src/record/feel_value.h"

namespace credence::pack {

namespace {

feature::SourcePosition At(const Reporter& reporter, const Node& node) {
  return {reporter.file(), node.line, node.column};
}

std::vector<std::string> AggregatorNames() {
  std::vector<std::string> names;
  for (uint8_t i = 1; i <= static_cast<uint8_t>(feature::Aggregator::kSinceLast); ++i) {
    names.emplace_back(feature::AggregatorName(static_cast<feature::Aggregator>(i)));
  }
  return names;
}

}  // namespace

void Loader::LoadFeatureFile() {
  const auto root = Parse("features.yaml", false);
  if (!root) {
    features_good_ = !files_.contains("features.yaml");
    if (!features_good_) return;
    // Without features an entity still has a state: the plan knows the schema.
    if (auto plan = feature::FeaturePlan::Build(pack_->schema, {}, diagnostics_)) {
      pack_->features = std::move(*plan);
    }
    return;
  }
  Reporter reporter(Path("features.yaml"), diagnostics_);
  const size_t before = Errors();
  MapReader map(*root, "features.yaml", &reporter);
  if (const Node* node = map.Take("features")) {
    MapReader entities(*node, "features", &reporter);
    for (size_t i = 0; i < node->keys.size(); ++i) {
      entities.Take(node->keys[i].text);
      if (!pack_->schema.EntityIndex(node->keys[i].text)) {
        std::vector<std::string> names;
        for (const auto& entity : pack_->schema.entities) names.push_back(entity.name);
        reporter.Unknown(node->keys[i], "entity", node->keys[i].text, names);
        continue;
      }
      if (node->items[i].kind != Node::Kind::kList) {
        reporter.Error(node->items[i], "wrong-type",
                       "features of " + node->keys[i].text + ": expected a list");
      }
      for (const Node& entry : node->items[i].items)
        LoadFeatureEntry(node->keys[i].text, entry, &reporter);
    }
  }
  const Node* derived = map.Take("derived");
  map.Finish();
  if (auto plan = feature::FeaturePlan::Build(pack_->schema, specs_, diagnostics_)) {
    pack_->features = std::move(*plan);
  }
  if (Errors() == before && derived != nullptr) LoadDerived(*derived, &reporter);
  features_good_ = Errors() == before;
}

void Loader::LoadFeatureEntry(const std::string& entity, const Node& node, Reporter* reporter) {
  feature::FeatureSpec base;
  base.entity = entity;
  base.position = At(*reporter, node);
  const std::string what = "features of " + entity;
  MapReader map(node, what, reporter);
  if (const Node* value = map.Require("from")) {
    base.from = ReadName(*value, what + ", from", true, reporter).value_or("");
    if (!base.from.empty() && !pack_->schema.EventTypeIndex(base.from)) {
      std::vector<std::string> names;
      for (const auto& type : pack_->schema.event_types) names.push_back(type.name);
      reporter->Unknown(*value, "event type", base.from, names);
      base.from.clear();
    }
  }
  if (const Node* value = map.Take("as"))
    base.stream = ReadName(*value, what + ", as", false, reporter).value_or("");
  if (const Node* value = map.Take("where")) {
    base.where = ReadText(*value, what + ", where", reporter).value_or("");
    base.where_position = At(*reporter, *value);
  }
  if (const Node* value = map.Take("delay")) {
    const auto ns = ParseDurationNs(value->text);
    if (!ns.ok() || *ns <= 0) {
      reporter->Error(*value, "wrong-type", what + ", delay: expected a duration such as 7d");
    } else {
      base.delay_ns = *ns;
      base.delay_text = value->text;
    }
  }
  std::vector<std::pair<int64_t, std::string>> windows;
  if (const Node* value = map.Require("windows")) {
    if (value->kind != Node::Kind::kList || value->items.empty() ||
        value->items.size() > kWindowsMax) {
      reporter->Error(*value, "wrong-type",
                      what + ", windows: expected a list of 1 to " + std::to_string(kWindowsMax) +
                          " durations");
    }
    for (const Node& item : value->items) {
      const auto ns = item.text == "all" ? Result<int64_t>(0) : ParseDurationNs(item.text);
      if (!ns.ok() || (*ns <= 0 && item.text != "all")) {
        reporter->Error(item, "wrong-type",
                        what + ", windows: expected a duration such as 30d, or all");
      } else {
        windows.emplace_back(*ns, item.text);
      }
    }
  }
  const Node* compute = map.Require("compute");
  map.Finish();
  if (compute == nullptr || base.from.empty()) return;
  if (compute->kind != Node::Kind::kList || compute->items.empty() ||
      compute->items.size() > kComputesMax) {
    reporter->Error(*compute, "wrong-type",
                    what + ", compute: expected a list of 1 to " + std::to_string(kComputesMax) +
                        " aggregators");
    return;
  }
  for (const Node& item : compute->items) {
    feature::FeatureSpec spec = base;
    if (!LoadCompute(item, &spec, reporter)) continue;
    if (specs_.size() + windows.size() > feature::kFeaturesMax) {
      reporter->Error(item, "too-many",
                      "expected at most " + std::to_string(feature::kFeaturesMax) + " features");
      return;
    }
    for (const auto& [ns, text] : windows) {
      spec.window_ns = ns;
      spec.window_text = text;
      specs_.push_back(spec);
    }
  }
}

// "count", "prior.mean(amount)", or {sum: amount - fee, scale: 2, as: net_amount}.
bool Loader::LoadCompute(const Node& node, feature::FeatureSpec* spec, Reporter* reporter) {
  spec->position = At(*reporter, node);
  std::string text = node.text;
  const Node* expression = nullptr;
  if (node.kind == Node::Kind::kMap && !node.keys.empty()) {
    text = node.keys[0].text;
    expression = &node.items[0];
  } else if (node.kind != Node::Kind::kScalar) {
    reporter->Error(node, "wrong-type",
                    "compute: expected an aggregator such as count or sum(amount)");
    return false;
  }
  if (text.starts_with("prior.")) {
    spec->prior = true;
    text.erase(0, 6);
  }
  if (expression == nullptr && !text.empty() && text.back() == ')') {
    const size_t open = text.find('(');
    if (open == std::string::npos) {
      reporter->Error(node, "bad-compute",
                      "compute: '" + node.text + "' lacks an opening parenthesis");
      return false;
    }
    spec->argument = text.substr(open + 1, text.size() - open - 2);
    spec->argument_position = At(*reporter, node);
    text.erase(open);
  }
  const auto aggregator = feature::AggregatorFromName(text);
  if (!aggregator) {
    reporter->Unknown(node, "aggregator", text, AggregatorNames());
    return false;
  }
  spec->aggregator = *aggregator;
  if (expression != nullptr) {
    MapReader map(node, "compute", reporter);
    map.Take(node.keys[0].text);
    spec->argument = ReadText(*expression, "compute, " + text, reporter).value_or("");
    spec->argument_is_feel = true;
    spec->argument_position = At(*reporter, *expression);
    if (const Node* value = map.Require("as"))
      spec->argument_as = ReadName(*value, "compute, as", false, reporter).value_or("");
    if (const Node* value = map.Take("scale")) {
      if (const auto scale =
              ReadInteger(*value, "compute, scale", 0, record::kDecimalScaleMax, reporter)) {
        spec->scale = static_cast<int>(*scale);
      }
    }
    map.Finish();
    return !spec->argument.empty() && !spec->argument_as.empty();
  }
  if (feature::TakesArgument(*aggregator) && spec->argument.empty()) {
    reporter->Error(node, "bad-compute",
                    "compute: " + text + " needs a field: " + text + "(amount)");
    return false;
  }
  if (!feature::TakesArgument(*aggregator) && !spec->argument.empty()) {
    reporter->Error(node, "bad-compute", "compute: " + text + " takes no field");
    return false;
  }
  return true;
}

void Loader::LoadDerived(const Node& node, Reporter* reporter) {
  MapReader map(node, "derived", reporter);
  if (node.items.size() > kDerivedMax) {
    reporter->Error(node, "too-many", "derived: expected at most " + std::to_string(kDerivedMax));
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const auto name = ReadName(node.keys[i], "derived feature", false, reporter);
    const auto text = ReadText(node.items[i], "derived feature " + node.keys[i].text, reporter);
    if (!name || !text) continue;
    for (const record::EventType& type : pack_->schema.event_types) {
      if (type.decision && type.FieldIndex(*name)) {
        reporter->Error(
            node.keys[i], "duplicate-name",
            "the derived feature '" + *name + "' has the name of a field of " + type.name);
      }
    }
    derived_.push_back({*name, *text, node.items[i], false, {}, {}});
  }
  OrderDerived(reporter);
}

// Every name that any derived feature may use, with its type.
feel::Scope Loader::ScopeOfAll() const {
  feel::Scope scope;
  std::set<std::string> taken;
  for (const record::EventType& type : pack_->schema.event_types) {
    if (!type.decision) continue;
    for (const record::FieldDecl& field : type.fields) {
      if (taken.insert(field.name).second)
        scope.Add(field.name, record::FeelType(record::SlotTypeOf(field)));
    }
  }
  for (const feature::Feature& feature : pack_->features.features()) {
    scope.Add(feature.slot.name, record::FeelType(feature.slot.type));
  }
  for (const std::string& name : MoneySlotNames(pack_->money)) {
    scope.Add(name, record::FeelType(FindMoneySlot(pack_->money, name)->type));
  }
  return scope;
}

// Compiles each derived feature after those that it reads; reports cycles.
void Loader::OrderDerived(Reporter* reporter) {
  const auto options = [&](const Derived& derived) {
    feel::CompileOptions made;
    made.file = reporter->file();
    made.line = derived.at.line;
    made.column = derived.at.column + (derived.at.quoted ? 1 : 0);
    made.strictness = feel::Strictness::kStrict;
    made.zones = pack_->zones.get();
    return made;
  };
  // Who reads whom: with every derived feature in scope, of any type.
  feel::Scope loose = ScopeOfAll();
  std::map<uint32_t, size_t> by_slot;
  for (size_t i = 0; i < derived_.size(); ++i)
    by_slot[loose.Add(derived_[i].name, feel::Type::Any())] = i;
  std::vector<std::set<size_t>> waits_for(derived_.size());
  for (size_t i = 0; i < derived_.size(); ++i) {
    std::vector<Diagnostic> ignored;
    feel::CompileOptions loose_options = options(derived_[i]);
    loose_options.strictness = feel::Strictness::kStandard;
    const auto expression = feel::Compile(derived_[i].text, loose, loose_options, &ignored);
    if (!expression) continue;
    for (const uint32_t slot : expression->slots_read()) {
      if (by_slot.contains(slot)) waits_for[i].insert(by_slot[slot]);
    }
  }
  feel::Scope scope = ScopeOfAll();
  std::vector<std::string> names(scope.slot_count());
  for (const feel::Scope::Variable& variable : scope.variables())
    names[variable.slot] = variable.name;
  std::vector<Derived> ordered;
  std::vector<bool> done(derived_.size(), false);
  bool progress = true;
  while (progress) {
    progress = false;
    for (size_t i = 0; i < derived_.size(); ++i) {
      const bool ready =
          std::all_of(waits_for[i].begin(), waits_for[i].end(), [&](size_t k) { return done[k]; });
      if (done[i] || !ready) continue;
      done[i] = progress = true;
      Derived& derived = derived_[i];
      const auto expression = feel::Compile(derived.text, scope, options(derived), diagnostics_);
      if (!expression) {
        // Those that read it are not wrong for that.
        scope.Add(derived.name, feel::Type::Any());
        names.push_back(derived.name);
        continue;
      }
      derived.good = true;
      derived.type = expression->type();
      for (const uint32_t slot : expression->slots_read()) derived.reads.push_back(names[slot]);
      scope.Add(derived.name, derived.type);
      names.push_back(derived.name);
      ordered.push_back(std::move(derived));
    }
  }
  for (size_t i = 0; i < derived_.size(); ++i) {
    if (!done[i]) {
      reporter->Error(derived_[i].at, "cycle",
                      "the derived feature '" + derived_[i].name + "' depends on itself");
    }
  }
  derived_ = std::move(ordered);
}

}  // namespace credence::pack
