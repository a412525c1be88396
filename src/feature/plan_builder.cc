// FeaturePlan::Build: checks every spec, compiles each different text once, and arranges the
// features.

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/feature/plan.h"
#include "src/feature/plan_rep.h"
#include "src/record/feel_value.h"

namespace credence::feature {
namespace {

using record::ValueKind;

ValueKind KindOfField(const record::FieldDecl& field) {
  switch (record::SlotTypeOf(field)) {
    case record::SlotType::kBoolean:
      return ValueKind::kBoolean;
    case record::SlotType::kInteger:
      return ValueKind::kInteger;
    case record::SlotType::kDecimal:
      return ValueKind::kDecimal;
    case record::SlotType::kMoney:
      return ValueKind::kMoney;
    case record::SlotType::kString:
      return ValueKind::kString;
    case record::SlotType::kDuration:
      return ValueKind::kDuration;
    case record::SlotType::kDate:
      return ValueKind::kDate;
    case record::SlotType::kTimestamp:
      return ValueKind::kTimestamp;
    case record::SlotType::kToken:
      return ValueKind::kToken;
  }
  CREDENCE_UNREACHABLE();
}

// kAbsent for types that no cell can hold.
ValueKind KindOfType(const feel::Type& type) {
  switch (type.id()) {
    case feel::Type::Id::kNumber:
      return ValueKind::kDecimal;
    case feel::Type::Id::kString:
      return ValueKind::kString;
    case feel::Type::Id::kBoolean:
      return ValueKind::kBoolean;
    case feel::Type::Id::kDate:
      return ValueKind::kDate;
    case feel::Type::Id::kDateTime:
      return ValueKind::kTimestamp;
    case feel::Type::Id::kDaysDuration:
      return ValueKind::kDuration;
    default:
      return ValueKind::kAbsent;
  }
}

record::SlotType SlotTypeOfKind(ValueKind kind) {
  switch (kind) {
    case ValueKind::kBoolean:
      return record::SlotType::kBoolean;
    case ValueKind::kInteger:
      return record::SlotType::kInteger;
    case ValueKind::kDecimal:
      return record::SlotType::kDecimal;
    case ValueKind::kMoney:
      return record::SlotType::kMoney;
    case ValueKind::kDuration:
      return record::SlotType::kDuration;
    case ValueKind::kDate:
      return record::SlotType::kDate;
    case ValueKind::kTimestamp:
      return record::SlotType::kTimestamp;
    case ValueKind::kToken:
      return record::SlotType::kToken;
    default:
      return record::SlotType::kString;
  }
}

bool IsSummable(ValueKind kind) {
  return kind == ValueKind::kInteger || kind == ValueKind::kDecimal || kind == ValueKind::kMoney ||
         kind == ValueKind::kDuration;
}

bool IsOrdered(ValueKind kind) {
  return IsSummable(kind) || kind == ValueKind::kDate || kind == ValueKind::kTimestamp ||
         kind == ValueKind::kString;
}

record::SlotDecl SlotOf(std::string name, Aggregator aggregator, ValueKind kind) {
  record::SlotDecl slot;
  slot.name = std::move(name);
  slot.origin = record::SlotOrigin::kFeature;
  slot.nullable = true;
  switch (aggregator) {
    case Aggregator::kCount:
    case Aggregator::kDistinct:
      slot.type = record::SlotType::kInteger;
      slot.nullable = false;
      break;
    case Aggregator::kMean:
    case Aggregator::kVariance:
    case Aggregator::kStddev:
      slot.type = record::SlotType::kDecimal;
      break;
    case Aggregator::kSinceFirst:
    case Aggregator::kSinceLast:
      slot.type = record::SlotType::kDuration;
      break;
    case Aggregator::kSum:
      slot.type = SlotTypeOfKind(kind);
      // A sum of decimals always has a value; the others are absent beyond 64 bits.
      slot.nullable = kind != ValueKind::kDecimal;
      break;
    default:
      slot.type = SlotTypeOfKind(kind);
  }
  return slot;
}

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

template <class Item>
uint32_t FindOrAppend(std::vector<Item>* items, const auto& matches, Item item) {
  for (uint32_t i = 0; i < items->size(); ++i) {
    if (matches((*items)[i])) return i;
  }
  items->push_back(std::move(item));
  return static_cast<uint32_t>(items->size() - 1);
}

}  // namespace

class PlanBuilder {
 public:
  PlanBuilder(const record::Schema& schema, const Tuning& tuning,
              std::vector<Diagnostic>* diagnostics)
      : schema_(schema), diagnostics_(diagnostics), rep_(std::make_unique<FeaturePlan::Rep>()) {
    rep_->bounds = schema.bounds;
    rep_->base_currency = schema.base_currency;
    rep_->tuning = tuning;
    rep_->entities.resize(schema.entities.size());
    rep_->events.resize(schema.event_types.size());
    compiled_.resize(schema.event_types.size());
    for (size_t type = 0; type < schema.event_types.size(); ++type) {
      rep_->events[type].field_count =
          static_cast<uint32_t>(schema.event_types[type].fields.size());
      for (const record::FieldDecl& field : schema.event_types[type].fields) {
        compiled_[type].scope.Add(field.name, record::FeelType(record::SlotTypeOf(field)));
      }
    }
  }

  std::optional<FeaturePlan> Build(std::span<const FeatureSpec> specs) {
    const size_t before = diagnostics_->size();
    if (specs.size() > kFeaturesMax) {
      Error(specs[kFeaturesMax].position, "too-many-features",
            "a pack may have at most " + std::to_string(kFeaturesMax) + " features");
      return std::nullopt;
    }
    for (const FeatureSpec& spec : specs) AddFeature(spec);
    if (HasErrors(std::span(*diagnostics_).subspan(before))) return std::nullopt;
    Arrange();
    return FeaturePlan(std::move(rep_));
  }

 private:
  // What was compiled for an event type; an empty value stands for a text with errors.
  struct Compiled {
    feel::Scope scope;
    std::map<std::string, std::optional<uint32_t>> filters;
    std::map<std::tuple<bool, std::string, int>, std::optional<uint32_t>> inputs;
  };

  void Error(const SourcePosition& at, std::string code, std::string message,
             std::string hint = {}) {
    diagnostics_->push_back({Severity::kError, at.file, at.line, at.column, std::move(code),
                             std::move(message), std::move(hint)});
  }

  template <class Items>
  static std::string Nearest(std::string_view name, const Items& items) {
    std::vector<std::string> names;
    for (const auto& item : items) names.push_back(item.name);
    const std::string_view nearest = NearestName(name, names);
    return nearest.empty() ? std::string() : "did you mean '" + std::string(nearest) + "'?";
  }

  static feel::CompileOptions OptionsAt(const SourcePosition& at) {
    feel::CompileOptions options;
    options.file = at.file;
    options.line = at.line;
    options.column = at.column;
    options.strictness = feel::Strictness::kStrict;
    return options;
  }

  // Position of a text; the feature's own where the text has none.
  static const SourcePosition& Or(const SourcePosition& at, const SourcePosition& otherwise) {
    return at.line != 0 ? at : otherwise;
  }

  std::optional<uint32_t> Filter(uint32_t type, const FeatureSpec& spec) {
    auto [entry, added] = compiled_[type].filters.try_emplace(spec.where);
    if (!added) return entry->second;
    const SourcePosition& at = Or(spec.where_position, spec.position);
    std::vector<feel::Expression>& filters = rep_->events[type].filters;
    if (filters.size() >= kFiltersMax) {
      Error(at, "too-many-filters",
            "an event type may have at most " + std::to_string(kFiltersMax) +
                " different 'where' texts");
      return std::nullopt;
    }
    std::optional<feel::Expression> expression =
        feel::Compile(spec.where.empty() ? "true" : spec.where, compiled_[type].scope,
                      OptionsAt(at), diagnostics_);
    if (!expression) return std::nullopt;
    if (expression->type().id() != feel::Type::Id::kBoolean) {
      Error(at, "where-not-boolean",
            "'where' must be true or false, but this is of type " + expression->type().ToString());
      return std::nullopt;
    }
    filters.push_back(std::move(*expression));
    entry->second = static_cast<uint32_t>(filters.size() - 1);
    return entry->second;
  }

  std::optional<uint32_t> ArgumentInput(uint32_t type, const FeatureSpec& spec) {
    const int scale = spec.argument_is_feel ? spec.scale.value_or(-1) : -1;
    auto [entry, added] =
        compiled_[type].inputs.try_emplace(std::tuple(spec.argument_is_feel, spec.argument, scale));
    if (!added) return entry->second;
    Input input;
    input.name = spec.argument;
    input.is_field = !spec.argument_is_feel;
    if (!(spec.argument_is_feel ? FillExpression(type, spec, &input)
                                : FillField(type, spec, &input))) {
      return std::nullopt;
    }
    std::vector<Input>& inputs = rep_->events[type].inputs;
    inputs.push_back(std::move(input));
    entry->second = static_cast<uint32_t>(inputs.size() - 1);
    return entry->second;
  }

  bool FillField(uint32_t type, const FeatureSpec& spec, Input* input) {
    const record::EventType& event = schema_.event_types[type];
    const SourcePosition& at = Or(spec.argument_position, spec.position);
    const std::optional<uint32_t> field = event.FieldIndex(spec.argument);
    if (!field) {
      Error(at, "unknown-field", "event '" + event.name + "' has no field '" + spec.argument + "'",
            Nearest(spec.argument, event.fields));
      return false;
    }
    const record::FieldDecl& decl = event.fields[*field];
    if (decl.protection == record::Protection::kSealed) {
      Error(at, "sealed-field",
            "field '" + decl.name +
                "' is sealed, so no feature can read it; give it 'personal: both'");
      return false;
    }
    input->field = *field;
    input->kind = KindOfField(decl);
    input->scale = input->kind == ValueKind::kDecimal ? decl.scale : 0;
    return true;
  }

  bool FillExpression(uint32_t type, const FeatureSpec& spec, Input* input) {
    const SourcePosition& at = Or(spec.argument_position, spec.position);
    std::optional<feel::Expression> expression =
        feel::Compile(spec.argument, compiled_[type].scope, OptionsAt(at), diagnostics_);
    if (!expression) return false;
    input->kind = KindOfType(expression->type());
    if (input->kind == ValueKind::kAbsent) {
      Error(at, "argument-type",
            "an argument must be a number, string, boolean, date, date and time or duration, but "
            "this is of type " +
                expression->type().ToString());
      return false;
    }
    if (input->kind == ValueKind::kDecimal) {
      if (!spec.scale) {
        Error(at, "missing-scale",
              "a numeric expression needs 'scale', its digits after the point");
        return false;
      }
      if (*spec.scale < 0 || *spec.scale > record::kDecimalScaleMax) {
        Error(at, "scale-out-of-range",
              "'scale' must be between 0 and " + std::to_string(record::kDecimalScaleMax));
        return false;
      }
      input->scale = *spec.scale;
    }
    input->expression = std::move(*expression);
    return true;
  }

  bool CheckArgument(const FeatureSpec& spec, ValueKind kind) {
    const bool summing =
        spec.aggregator == Aggregator::kSum || spec.aggregator == Aggregator::kMean ||
        spec.aggregator == Aggregator::kVariance || spec.aggregator == Aggregator::kStddev;
    const bool ordering =
        spec.aggregator == Aggregator::kMin || spec.aggregator == Aggregator::kMax;
    if ((!summing || IsSummable(kind)) && (!ordering || IsOrdered(kind))) return true;
    Error(Or(spec.argument_position, spec.position), "argument-type",
          "'" + std::string(AggregatorName(spec.aggregator)) + "' needs " +
              (summing ? "a number, money or a duration" : "values that have an order") +
              ", which '" + spec.argument + "' is not");
    return false;
  }

  bool CheckWindow(const FeatureSpec& spec) {
    const bool good = spec.window_ns >= 0 && spec.window_ns <= kWindowNsMax && spec.delay_ns >= 0 &&
                      spec.delay_ns <= kWindowNsMax;
    if (!good) {
      Error(spec.position, "window-out-of-range",
            "windows and delays must be between 0 and " + DurationToString(kWindowNsMax));
    }
    return good;
  }

  // Entity and event type, if both exist and belong together.
  bool FindSource(const FeatureSpec& spec, uint32_t* entity, uint32_t* type) {
    const std::optional<uint32_t> found_entity = schema_.EntityIndex(spec.entity);
    if (!found_entity) {
      Error(spec.position, "unknown-entity", "there is no entity '" + spec.entity + "'",
            Nearest(spec.entity, schema_.entities));
    }
    const std::optional<uint32_t> found_type = schema_.EventTypeIndex(spec.from);
    if (!found_type) {
      Error(spec.position, "unknown-event", "there is no event type '" + spec.from + "'",
            Nearest(spec.from, schema_.event_types));
    }
    if (!found_entity || !found_type) return false;
    const std::vector<record::EntityKey>& keys = schema_.event_types[*found_type].keys;
    const bool touches = std::any_of(keys.begin(), keys.end(), [&](const record::EntityKey& key) {
      return key.entity == *found_entity;
    });
    if (!touches) {
      Error(spec.position, "event-without-entity",
            "event '" + spec.from + "' has no field '" + schema_.entities[*found_entity].key_field +
                "', so it touches no '" + spec.entity + "'");
    }
    *entity = *found_entity;
    *type = *found_type;
    return touches;
  }

  LogPlan* FindOrAddLog(uint32_t entity, uint32_t type, uint32_t* index) {
    std::vector<LogPlan>& logs = rep_->entities[entity].logs;
    LogPlan log;
    log.event_type = type;
    *index = FindOrAppend(
        &logs, [&](const LogPlan& l) { return l.event_type == type; }, std::move(log));
    return &logs[*index];
  }

  void AddFeature(const FeatureSpec& spec) {
    uint32_t entity = 0;
    uint32_t type = 0;
    if (!FindSource(spec, &entity, &type) || !CheckWindow(spec)) return;
    const std::optional<uint32_t> filter = Filter(type, spec);
    std::optional<uint32_t> input;
    ValueKind kind = ValueKind::kAbsent;
    if (TakesArgument(spec.aggregator)) {
      input = ArgumentInput(type, spec);
      if (!input) return;
      kind = rep_->events[type].inputs[*input].kind;
      if (!CheckArgument(spec, kind)) return;
    }
    if (!filter) return;
    std::string name = SlotName(spec);
    if (!rep_->by_name.try_emplace(name, static_cast<uint32_t>(rep_->features.size())).second) {
      Error(spec.position, "duplicate-feature", "there is already a feature '" + name + "'",
            "give the stream another name with 'as'");
      return;
    }
    Place(spec, entity, type, *filter, input, SlotOf(std::move(name), spec.aggregator, kind));
  }

  void Place(const FeatureSpec& spec, uint32_t entity, uint32_t type, uint32_t filter,
             std::optional<uint32_t> input, record::SlotDecl slot) {
    Feature feature;
    feature.slot = std::move(slot);
    feature.definition = DefinitionDigest(spec);
    feature.aggregator = spec.aggregator;
    feature.entity = entity;
    LogPlan& log = *FindOrAddLog(entity, type, &feature.log);

    uint32_t column = kNoColumn;
    if (input) {
      const Input& source = rep_->events[type].inputs[*input];
      column = FindOrAppend(
          &log.columns, [&](const Column& c) { return c.input == *input; },
          Column{source.kind, source.scale, *input});
    }
    feature.series = FindOrAppend(
        &log.series, [&](const Series& s) { return s.filter == filter && s.column == column; },
        Series{filter, column, {}});
    if (log.series.size() > kSeriesMax || log.columns.size() > kColumnsMax) {
      Error(spec.position, "too-many-series",
            "an entity may keep at most " + std::to_string(kColumnsMax) + " arguments and " +
                std::to_string(kSeriesMax) + " pairs of 'where' and argument of one event type");
      return;
    }
    const Needs needs = Needs::Of(spec.aggregator);
    log.series[feature.series].needs.Add(needs);

    const bool prior = spec.prior && spec.delay_ns == 0;
    Group group;
    group.delay_ns = spec.delay_ns;
    group.prior = prior;
    feature.group = FindOrAppend(
        &log.groups,
        [&](const Group& g) { return g.delay_ns == spec.delay_ns && g.prior == prior; },
        std::move(group));
    Group& chosen = log.groups[feature.group];
    feature.window = FindOrAppend(
        &chosen.windows, [&](const Window& w) { return w.length_ns == spec.window_ns; },
        Window{spec.window_ns});
    feature.member = FindOrAppend(
        &chosen.members, [&](const Group::Member& m) { return m.series == feature.series; },
        Group::Member{feature.series, {}});
    chosen.members[feature.member].needs.Add(needs);
    log.reach_ns =
        std::max(log.reach_ns,
                 spec.window_ns == 0 ? INT64_MAX : SaturatingAdd(spec.window_ns, spec.delay_ns));
    rep_->features.push_back(std::move(feature));
  }

  // Puts logs, windows in their order, and gives every feature its flat places.
  void Arrange() {
    for (uint32_t e = 0; e < rep_->entities.size(); ++e) ArrangeEntity(e);
    for (uint32_t f = 0; f < rep_->features.size(); ++f) {
      rep_->entities[rep_->features[f].entity].features.push_back(f);
    }
    for (uint32_t e = 0; e < rep_->entities.size(); ++e) {
      for (uint32_t l = 0; l < rep_->entities[e].logs.size(); ++l) {
        rep_->events[rep_->entities[e].logs[l].event_type].logs.emplace_back(e, l);
      }
    }
    for (size_t type = 0; type < rep_->events.size(); ++type) {
      std::vector<uint32_t>& read = rep_->events[type].fields_read;
      for (const feel::Expression& filter : rep_->events[type].filters) {
        read.insert(read.end(), filter.slots_read().begin(), filter.slots_read().end());
      }
      for (const Input& input : rep_->events[type].inputs) {
        if (input.is_field) continue;
        const std::vector<uint32_t>& slots = input.expression.slots_read();
        read.insert(read.end(), slots.begin(), slots.end());
      }
      std::sort(read.begin(), read.end());
      read.erase(std::unique(read.begin(), read.end()), read.end());
    }
    FeaturePlan plan(std::move(rep_));
    std::vector<ReadSet> all;
    for (uint32_t e = 0; e < plan.entity_count(); ++e) {
      all.push_back(plan.Select(e, plan.entity(e).features));
    }
    rep_ = std::move(plan.rep_);
    rep_->all = std::move(all);
  }

  void ArrangeEntity(uint32_t entity) {
    std::vector<LogPlan>& logs = rep_->entities[entity].logs;
    std::vector<uint32_t> order(logs.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return logs[a].event_type < logs[b].event_type; });
    std::vector<LogPlan> sorted;
    std::vector<uint32_t> place(logs.size());
    for (uint32_t i = 0; i < order.size(); ++i) {
      place[order[i]] = i;
      sorted.push_back(std::move(logs[order[i]]));
    }
    logs = std::move(sorted);
    for (Feature& feature : rep_->features) {
      if (feature.entity == entity) feature.log = place[feature.log];
    }
    for (uint32_t l = 0; l < logs.size(); ++l) ArrangeLog(entity, l);
  }

  static void AddTextField(LogPlan* log, uint32_t column, uint32_t field) {
    log->text_fields.push_back({field, {}});
    uint32_t flat_member = 0;
    for (const Group& group : log->groups) {
      for (const Group::Member& member : group.members) {
        if (member.needs.distinct && log->series[member.series].column == column) {
          log->text_fields.back().distinct.push_back(flat_member);
        }
        ++flat_member;
      }
    }
  }

  void ArrangeLog(uint32_t entity, uint32_t index) {
    LogPlan& log = rep_->entities[entity].logs[index];
    log.mask_words = (log.series.size() + 63) / 64;
    log.has_text = std::any_of(log.columns.begin(), log.columns.end(),
                               [](const Column& column) { return column.is_text(); });
    log.definition = LogDigest(entity, log);
    for (uint32_t c = 0; c < log.columns.size(); ++c) {
      const Input& input = rep_->events[log.event_type].inputs[log.columns[c].input];
      if (log.columns[c].is_text() && input.is_field) AddTextField(&log, c, input.field);
    }
    for (uint32_t g = 0; g < log.groups.size(); ++g) {
      Group& group = log.groups[g];
      const std::vector<Window> unsorted = group.windows;
      std::sort(group.windows.begin(), group.windows.end(), [](const Window& a, const Window& b) {
        return a.length_ns != 0 && (b.length_ns == 0 || a.length_ns < b.length_ns);
      });
      for (Feature& feature : rep_->features) {
        if (feature.entity != entity || feature.log != index || feature.group != g) continue;
        const int64_t length = unsorted[feature.window].length_ns;
        feature.window = FindOrAppend(
            &group.windows, [&](const Window& w) { return w.length_ns == length; }, Window{});
        feature.flat_window = static_cast<uint32_t>(log.flat_windows + feature.window);
        feature.flat_member = static_cast<uint32_t>(log.flat_members + feature.member);
        feature.flat_edge = static_cast<uint32_t>(
            log.flat_edges + feature.window * group.members.size() + feature.member);
      }
      log.flat_windows += group.windows.size();
      log.flat_members += group.members.size();
      log.flat_edges += group.windows.size() * group.members.size();
    }
  }

  Digest LogDigest(uint32_t entity, const LogPlan& log) const {
    const EventPlan& event = rep_->events[log.event_type];
    std::string bytes;
    ByteWriter out(&bytes);
    out.PutU8(1);  // version of this encoding
    out.PutBytes(schema_.entities[entity].name);
    out.PutBytes(schema_.entities[entity].key_field);
    out.PutBytes(schema_.event_types[log.event_type].name);
    out.PutVarint(schema_.base_currency.numeric());
    out.PutVarint(log.columns.size());
    for (const Column& column : log.columns) {
      out.PutU8(static_cast<uint8_t>(column.kind));
      out.PutVarint(static_cast<uint64_t>(column.scale));
      out.PutU8(event.inputs[column.input].is_field ? 1 : 2);
      out.PutBytes(event.inputs[column.input].name);
    }
    out.PutVarint(log.series.size());
    for (const Series& series : log.series) {
      out.PutBytes(event.filters[series.filter].text());
      out.PutVarint(series.column == kNoColumn ? 0 : series.column + 1);
    }
    return Sha256(bytes);
  }

  const record::Schema& schema_;
  std::vector<Diagnostic>* diagnostics_;
  std::unique_ptr<FeaturePlan::Rep> rep_;
  std::vector<Compiled> compiled_;
};

std::optional<FeaturePlan> FeaturePlan::Build(const record::Schema& schema,
                                              std::span<const FeatureSpec> specs,
                                              std::vector<Diagnostic>* diagnostics,
                                              const Tuning& tuning) {
  CREDENCE_ASSERT(tuning.chunk_rows >= 2 && tuning.chunk_rows <= 128);
  return PlanBuilder(schema, tuning, diagnostics).Build(specs);
}

}  // namespace credence::feature
