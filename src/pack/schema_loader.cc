// pack.yaml: name, bounds, entities, events, models, sources, decisions.

#include <algorithm>

#include "src/pack/loader.h"

namespace credence::pack {

using record::FieldDecl;
using record::FieldKind;

namespace {

std::vector<std::string> FieldKindNames() {
  std::vector<std::string> names;
  for (uint8_t kind = 1; kind <= 14; ++kind) {
    names.emplace_back(record::FieldKindName(static_cast<FieldKind>(kind)));
  }
  return names;
}

std::optional<int64_t> ReadDuration(const Node& node, std::string_view what, Reporter* reporter) {
  const auto ns = ParseDurationNs(node.text);
  if (node.kind != Node::Kind::kScalar || !ns.ok() || *ns < 0) {
    reporter->Error(node, "wrong-type",
                    std::string(what) + ": expected a duration such as 90s, 24h or 7d");
    return std::nullopt;
  }
  return *ns;
}

bool IsMap(const Node& node, std::string_view what, Reporter* reporter) {
  if (node.kind == Node::Kind::kMap) return true;
  reporter->Error(node, "wrong-type", std::string(what) + ": expected a map");
  return false;
}

}  // namespace

void Loader::LoadPackFile() {
  const auto root = Parse("pack.yaml", true);
  if (!root) return;
  Reporter reporter(Path("pack.yaml"), diagnostics_);
  const size_t before = Errors();
  MapReader map(*root, "pack.yaml", &reporter);
  if (root->kind != Node::Kind::kMap) return;
  LoadHeader(&map, &reporter);
  if (const Node* node = map.Require("entities")) LoadEntities(*node, &reporter);
  if (const Node* node = map.Require("events")) LoadEvents(*node, &reporter);
  if (const Node* node = map.Take("models")) LoadModels(*node, &reporter);
  if (const Node* node = map.Take("sources")) LoadSources(*node, &reporter);
  if (const Node* node = map.Take("decisions")) LoadDecisions(*node, &reporter);
  for (const SourceDecl& source : sources_) {
    for (const ModelDecl& model : models_) {
      if (source.name == model.name) {
        reporter.Error(
            model.at, "duplicate-name",
            "a source is called '" + model.name + "' too: their slots would be confused");
      }
    }
  }
  map.Finish();
  for (size_t i = 0; i < decides_.size(); ++i) {
    if (decides_[i].first.empty()) continue;
    std::vector<std::string> names;
    for (const DecisionDecl& decision : decisions_) names.push_back(decision.name);
    const auto found = std::find(names.begin(), names.end(), decides_[i].first);
    if (found == names.end()) {
      reporter.Unknown(decides_[i].second, "decision", decides_[i].first, names);
    } else {
      pack_->schema.event_types[i].decision = static_cast<uint32_t>(found - names.begin());
    }
  }
  schema_good_ = Errors() == before && before <= kErrorsMax;
}

void Loader::LoadHeader(MapReader* root, Reporter* reporter) {
  if (const Node* node = root->Require("pack")) {
    const auto name = ReadText(*node, "pack", reporter);
    bool good = name && name->size() <= 64;
    for (const char c : name.value_or("")) {
      good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
    }
    if (name && !good) {
      reporter->Error(*node, "bad-name",
                      "pack: expected lower case letters, digits and -, at most 64 bytes");
    }
    pack_->name = name.value_or("");
    pack_->schema.pack_name = pack_->name;
  }
  if (const Node* node = root->Require("version")) {
    pack_->version = ReadInteger(*node, "version", 1, INT32_MAX, reporter).value_or(1);
  }
  if (const Node* node = root->Take("title")) {
    MapReader title(*node, "title", reporter);
    if (const Node* text = title.Require("en"))
      pack_->title[0] = ReadText(*text, "title", reporter).value_or("");
    if (const Node* text = title.Require("zh"))
      pack_->title[1] = ReadText(*text, "title", reporter).value_or("");
    title.Finish();
  }
  if (const Node* node = root->Require("currency")) {
    const auto currency = Currency::FromCode(node->text);
    if (currency) {
      pack_->schema.base_currency = *currency;
    } else {
      const auto codes = CurrencyCodes();
      reporter->Unknown(*node, "currency (ISO 4217)", node->text, {codes.begin(), codes.end()});
    }
  }
  if (const Node* node = root->Take("zone")) {
    pack_->schema.zone_name = ReadText(*node, "zone", reporter).value_or("UTC");
  }
  LoadZone();
  if (pack_->zone == nullptr) {
    const Node* node = root->Take("zone");
    reporter->Error(node != nullptr ? *node : Node(), "unknown-zone",
                    "zone: there is no time zone '" + pack_->schema.zone_name + "' on this machine",
                    "install tzdata, or use an IANA name such as Asia/Shanghai");
  }
  if (const Node* node = root->Require("bounds")) LoadBounds(*node, reporter);
}

void Loader::LoadZone() {
  pack_->zones = std::make_unique<ZoneTable>();
  const std::string& name = pack_->schema.zone_name;
  const std::string path = "tzdata/" + name;
  if (!files_.contains(path) && tzif_ != nullptr) {
    if (auto bytes = tzif_->Read(name)) files_.emplace(path, std::move(*bytes));
  }
  const auto bytes = files_.find(path);
  if (bytes == files_.end()) return;
  auto zone = Zone::FromTzif(name, bytes->second);
  if (!zone.ok()) return;
  pack_->zones->Add(std::move(*zone));
  pack_->zone = pack_->zones->Find(name);
}

void Loader::LoadBounds(const Node& node, Reporter* reporter) {
  MapReader map(node, "bounds", reporter);
  record::Bounds& bounds = pack_->schema.bounds;
  const auto read = [&](const char* name, int64_t* to, bool required, int64_t max) {
    const Node* value = required ? map.Require(name) : map.Take(name);
    if (value == nullptr) return;
    const auto ns = ReadDuration(*value, "bounds", reporter);
    if (ns && *ns > max) {
      reporter->Error(*value, "out-of-range",
                      std::string("bounds: expected at most ") + DurationToString(max));
    } else {
      *to = ns.value_or(0);
    }
  };
  read("late", &bounds.late_ns, true, 400 * kNsPerDay);
  read("future", &bounds.future_ns, true, 7 * kNsPerDay);
  read("reversal", &bounds.reversal_ns, false, 400 * kNsPerDay);
  map.Finish();
}

void Loader::LoadEntities(const Node& node, Reporter* reporter) {
  if (!IsMap(node, "entities", reporter)) return;
  if (node.items.size() > record::kEntitiesMax) {
    reporter->Error(node, "too-many",
                    "entities: expected at most " + std::to_string(record::kEntitiesMax));
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const auto name = ReadName(node.keys[i], "entity", false, reporter);
    MapReader map(node.items[i], "entity", reporter);
    record::EntityDecl entity;
    if (const Node* key = map.Require("key")) {
      entity.key_field = ReadName(*key, "key of an entity", false, reporter).value_or("");
      for (const auto& other : pack_->schema.entities) {
        if (!entity.key_field.empty() && other.key_field == entity.key_field) {
          reporter->Error(
              *key, "duplicate-key",
              "the field '" + entity.key_field + "' is already the key of " + other.name);
        }
      }
    }
    map.Finish();
    entity.name = name.value_or("");
    pack_->schema.entities.push_back(std::move(entity));
  }
}

void Loader::LoadEvents(const Node& node, Reporter* reporter) {
  if (!IsMap(node, "events", reporter)) return;
  if (node.items.size() > record::kEventTypesMax) {
    reporter->Error(node, "too-many",
                    "events: expected at most " + std::to_string(record::kEventTypesMax));
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) LoadEvent(node.keys[i], node.items[i], reporter);
  for (const auto& entity : pack_->schema.entities) {
    const bool touched = std::any_of(
        pack_->schema.event_types.begin(), pack_->schema.event_types.end(),
        [&](const auto& type) { return type.FieldIndex(entity.key_field).has_value(); });
    if (!touched && !entity.key_field.empty()) {
      reporter->Error(node, "unused-entity",
                      "no event has the field '" + entity.key_field + "', the key of the entity " +
                          entity.name);
    }
  }
}

void Loader::LoadEvent(const Node& name, const Node& node, Reporter* reporter) {
  record::EventType type;
  type.name = ReadName(name, "event type", true, reporter).value_or("");
  const std::string what = "event " + name.text;
  MapReader map(node, what, reporter);
  std::pair<std::string, Node> decides;
  if (const Node* fields = map.Require("fields");
      fields != nullptr && IsMap(*fields, what + ", fields", reporter)) {
    if (fields->items.size() > record::kFieldsMax) {
      reporter->Error(
          *fields, "too-many",
          what + ": expected at most " + std::to_string(record::kFieldsMax) + " fields");
    }
    for (size_t i = 0; i < std::min(fields->items.size(), record::kFieldsMax); ++i) {
      LoadField(fields->keys[i], fields->items[i], &type, reporter);
    }
  }
  const auto flag = [&](const char* key, bool* to) {
    if (const Node* value = map.Take(key))
      *to = ReadFlag(*value, what + ", " + key, reporter).value_or(false);
  };
  flag("label", &type.label);
  flag("reversible", &type.reversible);
  flag("reverses", &type.reverses);
  if (const Node* value = map.Take("decides")) {
    decides = {ReadName(*value, "decides", false, reporter).value_or(""), *value};
  }
  for (uint32_t entity = 0; entity < pack_->schema.entities.size(); ++entity) {
    const auto field = type.FieldIndex(pack_->schema.entities[entity].key_field);
    if (!field) continue;
    const FieldDecl& decl = type.fields[*field];
    const bool names = record::SlotTypeOf(decl) == record::SlotType::kString ||
                       (decl.protection != record::Protection::kPlain &&
                        decl.protection != record::Protection::kSealed);
    if (!names) {
      reporter->Error(name, "bad-key",
                      what + ": the field '" + decl.name +
                          "' is the key of an entity and must be a key, a text or a token");
    }
    type.keys.push_back({entity, *field});
  }
  if ((type.reversible || type.reverses) && pack_->schema.bounds.reversal_ns == 0) {
    reporter->Error(name, "missing-bound", what + ": reversals need bounds.reversal");
  }
  LoadSubject(name, map.Take("subject"), &type, reporter);
  map.Finish();
  pack_->schema.event_types.push_back(std::move(type));
  decides_.push_back(std::move(decides));
}

void Loader::LoadSubject(const Node& at, const Node* node, record::EventType* type,
                         Reporter* reporter) {
  if (node != nullptr) {
    type->subject_field = type->FieldIndex(node->text);
    if (!type->subject_field) {
      std::vector<std::string> names;
      for (const FieldDecl& field : type->fields) names.push_back(field.name);
      reporter->Unknown(*node, "field", node->text, names);
    }
    return;
  }
  const bool seals =
      std::any_of(type->fields.begin(), type->fields.end(), [](const FieldDecl& field) {
        return field.protection == record::Protection::kSealed ||
               field.protection == record::Protection::kTokenAndSealed;
      });
  if (!type->keys.empty()) type->subject_field = type->keys.front().field;
  if (seals && !type->subject_field) {
    reporter->Error(
        at, "missing-subject",
        "event " + type->name + " seals a field, but names nobody: add 'subject: <field>'");
  }
}

void Loader::LoadField(const Node& name, const Node& node, record::EventType* type,
                       Reporter* reporter) {
  FieldDecl field;
  const auto field_name = ReadName(name, "field", false, reporter);
  if (!field_name) return;
  field.name = *field_name;
  const Node* type_node = &node;
  if (node.kind == Node::Kind::kMap) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      if (node.keys[i].text == "type") type_node = &node.items[i];
    }
  }
  std::string type_name = type_node->kind == Node::Kind::kScalar ? type_node->text : "";
  if (type_node == &node && !type_name.empty() && type_name.back() == '?') {
    field.optional = true;
    type_name.pop_back();
  }
  const auto kind = record::FieldKindFromName(type_name);
  if (!kind) {
    reporter->Unknown(*type_node, "field type", type_name, FieldKindNames());
    return;
  }
  field.kind = *kind;
  if (node.kind == Node::Kind::kMap) {
    LoadFieldDetails(node, &field, reporter);
  } else if (field.kind == FieldKind::kDecimal) {
    reporter->Error(
        node, "missing-key",
        "field " + field.name + ": a decimal needs its scale: {type: decimal, scale: 4}");
  }
  if (field.kind == FieldKind::kEnum && field.enum_values.empty()) {
    reporter->Error(
        node, "missing-key",
        "field " + field.name + ": an enum needs its values: {type: enum, values: [a, b]}");
  }
  type->fields.push_back(std::move(field));
}

void Loader::LoadFieldDetails(const Node& node, FieldDecl* field, Reporter* reporter) {
  const std::string what = "field " + field->name;
  MapReader map(node, what, reporter);
  map.Require("type");
  if (const Node* value = map.Take("optional"))
    field->optional = ReadFlag(*value, what, reporter).value_or(false);
  const auto only_for = [&](const Node& at, const char* key, bool allowed) {
    if (!allowed) {
      reporter->Error(at, "wrong-key",
                      what + ": '" + key + "' has no meaning for the type " +
                          std::string(record::FieldKindName(field->kind)));
    }
    return allowed;
  };
  if (const Node* value = map.Take("values");
      value != nullptr && only_for(*value, "values", field->kind == FieldKind::kEnum)) {
    if (value->kind != Node::Kind::kList)
      reporter->Error(*value, "wrong-type", what + ": expected a list of values");
    for (const Node& item : value->items) {
      const auto text = ReadText(item, what, reporter);
      if (!text) continue;
      if (std::find(field->enum_values.begin(), field->enum_values.end(), *text) !=
          field->enum_values.end()) {
        reporter->Error(item, "duplicate-key",
                        what + ": the value '" + *text + "' stands here twice");
      }
      field->enum_values.push_back(*text);
    }
  }
  if (const Node* value = map.Take("scale");
      value != nullptr && only_for(*value, "scale", field->kind == FieldKind::kDecimal)) {
    field->scale = static_cast<int>(
        ReadInteger(*value, what + ", scale", 0, record::kDecimalScaleMax, reporter).value_or(0));
  } else if (value == nullptr && field->kind == FieldKind::kDecimal) {
    reporter->Error(node, "missing-key",
                    what + ": a decimal needs its scale: {type: decimal, scale: 4}");
  }
  if (const Node* value = map.Take("max_bytes");
      value != nullptr && only_for(*value, "max_bytes", field->kind == FieldKind::kString)) {
    field->max_bytes = static_cast<size_t>(
        ReadInteger(*value, what + ", max_bytes", 1, 65'536, reporter).value_or(1));
  }
  const bool number = field->kind == FieldKind::kInteger || field->kind == FieldKind::kDecimal ||
                      field->kind == FieldKind::kMoney || field->kind == FieldKind::kDuration;
  if (const Node* value = map.Take("negative");
      value != nullptr && only_for(*value, "negative", number)) {
    field->allow_negative = ReadFlag(*value, what + ", negative", reporter).value_or(false);
  }
  const auto choose = [&](const Node& value, const char* key,
                          const std::vector<std::string>& names) {
    const auto found = std::find(names.begin(), names.end(), value.text);
    if (value.kind == Node::Kind::kScalar && found != names.end())
      return static_cast<int>(found - names.begin());
    reporter->Unknown(value, key, value.text, names);
    return -1;
  };
  if (const Node* value = map.Take("grade")) {
    const int grade = choose(*value, "grade", {"public", "personal", "sensitive"});
    if (grade >= 0) field->grade = static_cast<record::Grade>(grade + 1);
  }
  if (const Node* value = map.Take("personal")) {
    const int protection = choose(*value, "protection", {"token", "sealed", "both"});
    if (protection >= 0) field->protection = static_cast<record::Protection>(protection + 1);
    if (field->grade == record::Grade::kPublic) field->grade = record::Grade::kPersonal;
  } else if (field->grade == record::Grade::kSensitive) {
    reporter->Error(node, "unprotected",
                    what + ": a sensitive field must be a token, sealed, or both");
  }
  map.Finish();
}

void Loader::LoadModels(const Node& node, Reporter* reporter) {
  if (!IsMap(node, "models", reporter)) return;
  if (node.items.size() > kModelsMax) {
    reporter->Error(node, "too-many", "models: expected at most " + std::to_string(kModelsMax));
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    ModelDecl decl;
    decl.name = ReadName(node.keys[i], "model", false, reporter).value_or("");
    decl.at = node.keys[i];
    const std::string what = "model " + decl.name;
    MapReader map(node.items[i], what, reporter);
    if (const Node* value = map.Require("file")) {
      decl.file = ReadText(*value, what + ", file", reporter).value_or("");
      if (!decl.file.empty() && !files_.contains(decl.file)) {
        reporter->Error(*value, "missing-file", what + ": the pack has no file " + decl.file);
        decl.file.clear();
      }
    }
    if (const Node* value = map.Require("probability_of_default")) {
      MapReader scale(*value, what + ", probability_of_default", reporter);
      const auto number = [&](const char* key) {
        const Node* part = scale.Require(key);
        if (part == nullptr) return Decimal();
        const auto decimal = Decimal::Parse(part->text);
        if (!decimal)
          reporter->Error(*part, "wrong-type", what + ", " + key + ": expected a number");
        return decimal.value_or(Decimal());
      };
      const Decimal points = number("points");
      const Decimal odds = number("odds");
      const Decimal step = number("points_to_double_odds");
      scale.Finish();
      auto made = model::ProbabilityScale::Make(points, odds, step);
      if (made.ok()) {
        decl.probability = *made;
      } else {
        reporter->Error(*value, "bad-scale", what + ": " + made.status().message());
      }
    }
    map.Finish();
    models_.push_back(std::move(decl));
  }
}

void Loader::LoadSources(const Node& node, Reporter* reporter) {
  if (!IsMap(node, "sources", reporter)) return;
  for (size_t i = 0; i < node.items.size(); ++i) {
    SourceDecl source;
    source.name = ReadName(node.keys[i], "source", false, reporter).value_or("");
    MapReader map(node.items[i], "source " + source.name, reporter);
    const Node* fields = map.Require("fields");
    map.Finish();
    if (fields == nullptr || !IsMap(*fields, "source " + source.name, reporter)) continue;
    for (size_t k = 0; k < fields->items.size(); ++k) {
      SourceField field;
      field.name = ReadName(fields->keys[k], "field of a source", false, reporter).value_or("");
      if (field.name == "status") {
        reporter->Error(fields->keys[k], "duplicate-name",
                        "source " + source.name +
                            ": every source has a status ('ok', 'timeout', 'error') by itself");
      }
      const std::string& type = fields->items[k].text;
      if (type == "string") {
        field.type = record::SlotType::kString;
      } else if (type == "bool") {
        field.type = record::SlotType::kBoolean;
      } else if (type != "decimal") {
        reporter->Unknown(fields->items[k], "type of a source's field", type,
                          {"decimal", "string", "bool"});
      }
      source.fields.push_back(std::move(field));
    }
    sources_.push_back(std::move(source));
  }
}

void Loader::LoadDecisions(const Node& node, Reporter* reporter) {
  if (!IsMap(node, "decisions", reporter)) return;
  if (node.items.size() > kDecisionsMax) {
    reporter->Error(node, "too-many",
                    "decisions: expected at most " + std::to_string(kDecisionsMax));
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    DecisionDecl decl;
    decl.name = ReadName(node.keys[i], "decision", false, reporter).value_or("");
    decl.at = node.keys[i];
    const std::string what = "decision " + decl.name;
    MapReader map(node.items[i], what, reporter);
    if (const Node* value = map.Require("policy")) {
      decl.policy = ReadText(*value, what + ", policy", reporter).value_or("");
      decl.policy_at = *value;
    }
    if (const Node* value = map.Take("models")) {
      for (const Node& item : value->items) {
        for (const auto& [other, at] : decl.models) {
          if (other == item.text) {
            reporter->Error(item, "duplicate-name",
                            what + ", models: '" + item.text + "' stands here twice");
          }
        }
        decl.models.emplace_back(item.text, item);
      }
      if (value->kind != Node::Kind::kList)
        reporter->Error(*value, "wrong-type", what + ", models: expected a list");
    }
    if (const Node* value = map.Require("outcomes")) {
      if (value->kind != Node::Kind::kList || value->items.empty()) {
        reporter->Error(*value, "wrong-type", what + ", outcomes: expected a list of names");
      }
      for (const Node& item : value->items) {
        if (const auto outcome = ReadName(item, what + ", outcome", false, reporter))
          decl.outcomes.push_back(*outcome);
      }
    }
    const auto outcome = [&](const char* key, std::string* to) {
      const Node* value = map.Require(key);
      if (value == nullptr) return;
      *to = value->text;
      if (std::find(decl.outcomes.begin(), decl.outcomes.end(), *to) == decl.outcomes.end()) {
        reporter->Unknown(*value, "outcome", *to, decl.outcomes);
      }
    };
    outcome("fallback", &decl.fallback);
    outcome("kill_switch", &decl.kill_switch);
    if (const Node* value = map.Take("model_reasons")) {
      decl.model_reasons = static_cast<uint32_t>(
          ReadInteger(*value, what + ", model_reasons", 0, 20, reporter).value_or(0));
    }
    map.Finish();
    decisions_.push_back(std::move(decl));
  }
}

}  // namespace credence::pack
