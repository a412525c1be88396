#include "src/decision/decide.h"

#include <algorithm>
#include <new>

#include "src/base/bytes.h"
#include "src/feel/number.h"
#include "src/record/feel_value.h"

namespace credence::decision {

using record::DecisionPath;
using record::DecisionRecord;
using record::Value;

namespace {

// What a derived feature gave, as a slot value. Null, and any value that the slot's type does not
// have, is absent.
Value FromFeel(const feel::Value& value, record::SlotType type) {
  switch (type) {
    case record::SlotType::kDecimal:
      return value.IsNumber() ? Value::OfDecimal(value.number().Canonical()) : Value::Absent();
    case record::SlotType::kBoolean:
      return value.IsBoolean() ? Value::Boolean(value.boolean()) : Value::Absent();
    case record::SlotType::kString:
      return value.IsString() ? Value::String(value.string()) : Value::Absent();
    case record::SlotType::kDate:
      return value.kind() == feel::Kind::kDate ? Value::OfDate(value.date()) : Value::Absent();
    case record::SlotType::kDuration: {
      if (value.kind() != feel::Kind::kDaysDuration) return Value::Absent();
      const Int128 ns = value.duration_ns();
      return ns >= INT64_MIN && ns <= INT64_MAX ? Value::Duration(static_cast<int64_t>(ns))
                                                : Value::Absent();
    }
    default:
      return Value::Absent();
  }
}

// One decision on its way.
class Run {
 public:
  Run(const DecisionPlan& plan, std::span<Value> slots, Scratch* scratch, Explanation* explanation,
      DecisionRecord* record)
      : plan_(plan),
        slots_(slots),
        scratch_(*scratch),
        explanation_(explanation),
        record_(*record),
        base_digits_(plan.base_currency.digits()) {}

  void Go(bool killed);

 private:
  void Derive();
  bool ScoreModels();
  Decimal ProbabilityOfDefault(const ModelStep& step, Decimal points);
  void AskPolicy();
  bool ReadResult(const feel::Value& result);
  bool ReadReasons(const feel::Value& reasons);
  void AddModelReasons();
  void FallBack(std::string why);
  void KeepSlots();
  // Made in its place: a copy of what was just written in halves would wait for the store.
  [[gnu::always_inline]] void SetFeelSlot(uint32_t slot) {
    new (&scratch_.feel_slots[slot])
        feel::Value(record::ToFeel(slots_[slot], base_digits_, &scratch_.arena));
  }
  // Only where somebody asked: the texts cost more than the decision.
  void Explain(std::string what, std::string value, std::string note) {
    explanation_->steps.push_back({std::move(what), std::move(value), std::move(note)});
  }

  const DecisionPlan& plan_;
  std::span<Value> slots_;
  Scratch& scratch_;
  Explanation* explanation_;
  DecisionRecord& record_;
  int base_digits_;
};

// Scores are few and their probabilities dear.
Decimal Run::ProbabilityOfDefault(const ModelStep& step, Decimal points) {
  const auto digits = static_cast<uint64_t>(points.CanonicalBits());
  ProbabilityMemo& memo = scratch_.probabilities[digits % scratch_.probabilities.size()];
  const auto model = static_cast<uint64_t>(&step - plan_.models.data());
  const uint64_t of = (uint64_t{plan_.index} << 32 | model) + 1;
  if (memo.of != of || memo.points != points) {
    memo = {of, points, step.probability.ProbabilityOfDefault(points)};
  }
  return memo.probability;
}

void Run::Go(bool killed) {
  scratch_.feel_slots.resize(plan_.slots.size());
  for (const uint32_t slot : plan_.recorded) SetFeelSlot(slot);  // nobody reads the others
  Derive();
  if (killed) {
    record_.path = DecisionPath::kKillSwitch;
    record_.outcome = plan_.kill_switch;
  } else if (ScoreModels()) {
    AskPolicy();
  }
  KeepSlots();
}

void Run::Derive() {
  for (const DerivedSlot& derived : plan_.derived) {
    const feel::Value value = derived.expression.Evaluate(scratch_.feel_slots, scratch_.context);
    slots_[derived.slot] = FromFeel(value, plan_.slots.at(derived.slot).type);
    SetFeelSlot(derived.slot);
    if (explanation_ != nullptr) {
      Explain("derived " + plan_.slots.at(derived.slot).name, feel::ToFeel(value),
              value.IsNull() ? std::string(value.null_text()) : std::string());
    }
  }
}

bool Run::ScoreModels() {
  for (const ModelStep& step : plan_.models) {
    step.scorecard.Score(slots_, &scratch_.score);
    const model::ScoreResult& score = scratch_.score;
    if (!score.ok()) {
      FallBack("model " + step.name +
               " gave no score: " + std::string(model::ScoreFailureName(score.failure)) + " (" +
               std::string(score.culprit) + ")");
      return false;
    }
    const Decimal probability = ProbabilityOfDefault(step, score.points);
    slots_[step.points_slot] = Value::OfDecimal(score.points);
    slots_[step.probability_slot] = Value::OfDecimal(probability);
    SetFeelSlot(step.points_slot);
    SetFeelSlot(step.probability_slot);
    if (!record_.score) {
      record_.score = score.points;
      record_.probability_of_default = probability;
    }
    for (const model::RankedReason& reason : score.reasons) {
      if (!reason.points.IsZero()) scratch_.model_reasons.emplace_back(reason.code);
    }
    if (explanation_ == nullptr) continue;
    std::string note;
    for (const model::RankedReason& reason : score.reasons) {
      note +=
          (note.empty() ? "" : ", ") + std::string(reason.code) + " " + reason.points.ToString();
    }
    Explain("model " + step.name,
            score.points.ToString() + " points, probability of default " + probability.ToString(),
            note);
  }
  return true;
}

void Run::AskPolicy() {
  dmn::Trace trace;
  scratch_.log.trace = explanation_ != nullptr ? &trace : nullptr;
  const feel::Value result =
      plan_.policy->Evaluate(scratch_.feel_slots, scratch_.context, &scratch_.log);
  for (const dmn::MatchedRule& matched : scratch_.log.matched) {
    if (record_.matched_rules.size() == kMatchedRulesMax) break;
    record_.matched_rules.push_back(
        {plan_.policy->model().tables()[matched.table].owner, matched.row});
  }
  for (const dmn::TraceEntry& entry : trace.entries) {
    std::string note;
    for (const uint32_t row : entry.rows)
      note += (note.empty() ? "rules " : ", ") + std::to_string(row);
    for (uint32_t i = entry.nulls_begin; i < entry.nulls_end; ++i) {
      note += (note.empty() ? "" : "; ") + trace.nulls[i].text;
    }
    const char* kind = entry.kind == dmn::TraceKind::kDecision         ? "decision "
                       : entry.kind == dmn::TraceKind::kTable          ? "table in "
                       : entry.kind == dmn::TraceKind::kKnowledgeModel ? "knowledge model "
                                                                       : "service ";
    Explain(std::string(2 * entry.depth, ' ') + kind + std::string(entry.name),
            feel::ToFeel(entry.output), note);
  }
  scratch_.log.trace = nullptr;
  record_.reasons.reserve(1 + plan_.model_reasons);
  if (ReadResult(result)) AddModelReasons();
}

// The policy's answer, as docs/PACK.md lays it down. False after falling back.
bool Run::ReadResult(const feel::Value& result) {
  feel::Value outcome = result;
  if (result.IsContext()) {
    const auto entry = [&](std::string_view name) {
      const feel::Value* found = result.Find(name);
      return found == nullptr ? feel::Value() : *found;
    };
    if (const feel::Value needs = entry("needs"); needs.IsString() && !needs.string().empty()) {
      const bool known =
          std::any_of(plan_.sources.begin(), plan_.sources.end(),
                      [&](const SourceSlots& source) { return source.source == needs.string(); });
      if (!known) {
        FallBack("the policy needs the source '" +
                 std::string(needs.string().substr(0, kReasonBytesMax)) +
                 "', which the pack does not have");
        return false;
      }
      record_.path = DecisionPath::kParked;
      record_.needs = needs.string();
      return false;
    }
    outcome = entry("outcome");
    const feel::Value* reasons = result.Find("reasons");
    if (reasons != nullptr && !ReadReasons(*reasons)) return false;
    if (const feel::Value limit = entry("limit"); !limit.IsNull()) {
      const auto money = limit.IsNumber() ? Money::FromDecimal(limit.number(), plan_.base_currency,
                                                               Rounding::kDown)
                                          : Result<Money>(InvalidArgument("not a number"));
      if (!money.ok()) {
        FallBack("the policy gave a limit that is no amount: " + money.status().message());
        return false;
      }
      record_.limit = *money;
    }
    if (const feel::Value offer = entry("offer"); !offer.IsNull()) {
      if (!offer.IsString() || offer.string().size() > kReasonBytesMax) {
        FallBack("the policy gave an offer that is no name of at most " +
                 std::to_string(kReasonBytesMax) + " bytes");
        return false;
      }
      record_.offer = offer.string();
    }
  }
  if (!outcome.IsString()) {
    std::string why = "the policy gave no outcome";
    if (outcome.IsNull() && !outcome.null_text().empty())
      why += ": " + std::string(outcome.null_text());
    FallBack(std::move(why));
    return false;
  }
  if (std::find(plan_.outcomes.begin(), plan_.outcomes.end(), outcome.string()) ==
      plan_.outcomes.end()) {
    FallBack("the policy gave the outcome '" +
             std::string(outcome.string().substr(0, kReasonBytesMax)) +
             "', which the pack does not list");
    return false;
  }
  record_.path = DecisionPath::kPolicy;
  record_.outcome = outcome.string();
  return true;
}

bool Run::ReadReasons(const feel::Value& reasons) {
  const auto add = [&](const feel::Value& reason) {
    if (reason.IsNull()) return true;
    if (!reason.IsString() || reason.string().size() > kReasonBytesMax) return false;
    const std::string_view code = reason.string();
    if (std::find(record_.reasons.begin(), record_.reasons.end(), code) == record_.reasons.end()) {
      record_.reasons.emplace_back(code);
    }
    return record_.reasons.size() <= kReasonsMax;
  };
  bool ok = true;
  if (reasons.IsList()) {
    for (const feel::Value& reason : reasons.list()) ok = ok && add(reason);
  } else {
    ok = add(reasons);
  }
  if (!ok) {
    FallBack("the policy gave reasons that are not at most " + std::to_string(kReasonsMax) +
             " strings of at most " + std::to_string(kReasonBytesMax) + " bytes");
  }
  return ok;
}

void Run::AddModelReasons() {
  uint32_t added = 0;
  for (const std::string_view code : scratch_.model_reasons) {
    if (added == plan_.model_reasons) return;
    if (std::find(record_.reasons.begin(), record_.reasons.end(), code) != record_.reasons.end())
      continue;
    record_.reasons.emplace_back(code);
    ++added;
  }
}

void Run::FallBack(std::string why) {
  record_.path = DecisionPath::kFallback;
  record_.outcome = plan_.fallback;
  record_.failure = std::move(why);
  record_.reasons.clear();
  record_.limit.reset();
  record_.offer.clear();
}

// Slots into the record, their text into the record's own memory.
void Run::KeepSlots() {
  record_.slots.reserve(plan_.recorded.size());
  for (const uint32_t slot : plan_.recorded) record_.slots.emplace_back(slot, slots_[slot]);
  const auto is_text = [](const Value& value) {
    return value.kind() == record::ValueKind::kString || value.kind() == record::ValueKind::kToken;
  };
  size_t bytes = 0;
  for (const uint32_t i : plan_.recorded_texts) {
    const Value& value = record_.slots[i].value;
    if (is_text(value)) bytes += value.text().size();
  }
  record_.text.reserve(
      std::max(bytes, sizeof(std::string)));  // never in place: a move keeps the views
  for (const uint32_t i : plan_.recorded_texts) {
    Value& value = record_.slots[i].value;
    if (!is_text(value)) continue;
    const size_t at = record_.text.size();
    record_.text.append(value.text());
    const std::string_view own = std::string_view(record_.text).substr(at);
    value = value.kind() == record::ValueKind::kToken ? Value::Token(own) : Value::String(own);
  }
}

}  // namespace

void Decide(const DecisionPlan& plan, const Request& request, std::span<Value> slots,
            Scratch* scratch, DecisionRecord* record, Explanation* explanation) {
  CREDENCE_ASSERT(slots.size() == plan.slots.size());
  scratch->arena.Reset();
  scratch->model_reasons.clear();
  if (scratch->probabilities_of != plan.pack) {
    scratch->probabilities.fill({});
    scratch->probabilities_of = plan.pack;
  }
  scratch->context.now = request.time;
  scratch->context.zone = plan.zone;
  record->Clear();
  record->seq = request.seq;
  record->parked_seq = request.parked_seq;
  record->decision = plan.index;
  record->time = request.time;
  record->pack = plan.pack;
  record->artefacts = plan.artefacts;
  Run(plan, slots, scratch, explanation, record).Go(request.killed);
}

namespace {

// Whether a slot of this type may hold the value. Records come from a journal that somebody may
// have written by hand.
bool Fits(const Value& value, record::SlotType type) {
  using record::SlotType;
  using record::ValueKind;
  switch (value.kind()) {
    case ValueKind::kAbsent:
    case ValueKind::kIncomplete:
      return true;
    case ValueKind::kBoolean:
      return type == SlotType::kBoolean;
    case ValueKind::kInteger:
      return type == SlotType::kInteger;
    case ValueKind::kDecimal:
      return type == SlotType::kDecimal;
    case ValueKind::kMoney:
      return type == SlotType::kMoney;
    case ValueKind::kString:
      return type == SlotType::kString;
    case ValueKind::kDuration:
      return type == SlotType::kDuration;
    case ValueKind::kDate:
      return type == SlotType::kDate;
    case ValueKind::kTimestamp:
      return type == SlotType::kTimestamp;
    case ValueKind::kToken:
      return type == SlotType::kToken;
  }
  CREDENCE_UNREACHABLE();
}

Result<std::vector<Value>> SlotsOf(const DecisionPlan& plan, const DecisionRecord& record) {
  if (record.pack != plan.pack) {
    return DataLoss("decision " + record.Id() + " was made by pack " + record.pack.ToHex());
  }
  std::vector<Value> slots(plan.slots.size());
  for (const record::SlotValue& slot : record.slots) {
    if (slot.slot >= slots.size() || !Fits(slot.value, plan.slots.at(slot.slot).type)) {
      return DataLoss("decision " + record.Id() + " read slot " + std::to_string(slot.slot) +
                      ", which its pack does not have, or not of this type");
    }
    slots[slot.slot] = slot.value;
  }
  return slots;
}

}  // namespace

Result<DecisionRecord> Resume(const DecisionPlan& plan, const DecisionRecord& parked,
                              const record::Answer& answer, Scratch* scratch, bool killed) {
  CREDENCE_ASSIGN(std::vector<Value> slots, SlotsOf(plan, parked));
  const auto source = std::find_if(plan.sources.begin(), plan.sources.end(),
                                   [&](const SourceSlots& s) { return s.source == answer.source; });
  if (source == plan.sources.end()) {
    return InvalidArgument("decision " + plan.name + " has no source '" + answer.source + "'");
  }
  if (answer.status != "ok" && answer.status != "timeout" && answer.status != "error") {
    return InvalidArgument("source " + answer.source + ": expected ok, timeout or error as status");
  }
  slots[source->status_slot] = Value::String(answer.status);
  std::string_view last;
  for (const auto& [name, text] : answer.values) {
    if (&name != &answer.values.front().first && name <= last) {
      return InvalidArgument("source " + answer.source +
                             ": expected values in order of their names, each once");
    }
    last = name;
    const auto slot = std::find_if(source->values.begin(), source->values.end(),
                                   [&](const auto& value) { return value.first == name; });
    if (slot == source->values.end()) {
      return InvalidArgument("source " + answer.source + " has no value '" + name + "'");
    }
    const record::SlotDecl& decl = plan.slots.at(slot->second);
    if (decl.type == record::SlotType::kString && IsValidUtf8(text)) {
      slots[slot->second] = Value::String(text);
    } else if (decl.type == record::SlotType::kBoolean && (text == "true" || text == "false")) {
      slots[slot->second] = Value::Boolean(text == "true");
    } else if (const auto number = Decimal::Parse(text);
               number && number->IsFinite() && decl.type == record::SlotType::kDecimal) {
      slots[slot->second] = Value::OfDecimal(*number);
    } else {
      const char* type = decl.type == record::SlotType::kBoolean  ? "a boolean"
                         : decl.type == record::SlotType::kString ? "text in UTF-8"
                                                                  : "a number";
      return InvalidArgument("source " + answer.source + ", value '" + name + "': expected " +
                             type);
    }
  }
  Request request;
  request.seq = answer.seq;
  request.parked_seq = answer.parked_seq;
  request.time = parked.time;
  request.killed = killed;
  DecisionRecord record;
  Decide(plan, request, slots, scratch, &record);
  return record;
}

Result<DecisionRecord> DecideAgain(const DecisionPlan& plan, const DecisionRecord& kept,
                                   Scratch* scratch, Explanation* explanation) {
  CREDENCE_ASSIGN(std::vector<Value> slots, SlotsOf(plan, kept));
  for (const ModelStep& step : plan.models) {
    slots[step.points_slot] = Value::Absent();
    slots[step.probability_slot] = Value::Absent();
  }
  Request request;
  request.seq = kept.seq;
  request.parked_seq = kept.parked_seq;
  request.time = kept.time;
  request.killed = kept.path == DecisionPath::kKillSwitch;
  DecisionRecord record;
  Decide(plan, request, slots, scratch, &record, explanation);
  return record;
}

}  // namespace credence::decision
