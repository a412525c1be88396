#include "src/api/decision_json.h"

#include "src/api/json_writer.h"
#include "src/base/assert.h"

namespace credence::api {

using record::DecisionPath;
using record::Value;
using record::ValueKind;

std::string_view PathName(DecisionPath path) {
  switch (path) {
    case DecisionPath::kPolicy:
      return "policy";
    case DecisionPath::kFallback:
      return "fallback";
    case DecisionPath::kKillSwitch:
      return "kill-switch";
    case DecisionPath::kParked:
      return "parked";
  }
  CREDENCE_UNREACHABLE();
}

void WriteValue(const Value& value, Currency base, JsonWriter* out) {
  switch (value.kind()) {
    case ValueKind::kAbsent:
    case ValueKind::kIncomplete:
      return out->Null();
    case ValueKind::kBoolean:
      return out->Boolean(value.boolean());
    case ValueKind::kInteger:
      return out->Integer(value.integer());
    case ValueKind::kDecimal:
      return out->Number(value.decimal().ToString());
    case ValueKind::kMoney:
      return out->Text(Money{value.base_minor(), base}.ToString());
    case ValueKind::kString:
      return out->Text(value.text());
    case ValueKind::kDuration:
      return out->Text(DurationToString(value.duration_ns()));
    case ValueKind::kDate:
      return out->Text(value.date().ToString());
    case ValueKind::kTimestamp:
      return out->Text(value.timestamp().ToString());
    case ValueKind::kToken:
      return out->Text(record::ToString(value));
  }
  CREDENCE_UNREACHABLE();
}

namespace {

void WriteDecimal(std::string_view name, const std::optional<Decimal>& value, JsonWriter* out) {
  out->Key(name);
  if (value) {
    out->Number(value->ToString());
  } else {
    out->Null();
  }
}

void WriteEvent(std::string_view source, std::string_view event_id, JsonWriter* out) {
  out->Key("event");
  out->BeginObject();
  out->OptionalTextMember("source", source);
  out->OptionalTextMember("id", event_id);
  out->EndObject();
}

void WriteTexts(std::string_view english, std::string_view chinese, JsonWriter* out) {
  out->TextMember("en", english);
  out->TextMember("zh", chinese);
}

void WriteOutcome(const record::DecisionRecord& decision, const pack::Pack& pack, JsonWriter* out) {
  out->Key("outcome");
  if (decision.outcome.empty()) return out->Null();
  out->BeginObject();
  out->TextMember("code", decision.outcome);
  WriteTexts(pack.OutcomeText(decision.outcome, pack::Language::kEnglish),
             pack.OutcomeText(decision.outcome, pack::Language::kChinese), out);
  out->EndObject();
}

void WriteLimit(const std::optional<Money>& limit, JsonWriter* out) {
  out->Key("limit");
  if (!limit) return out->Null();
  out->BeginObject();
  out->TextMember("amount", limit->ToString());
  out->TextMember("currency", limit->currency.code());
  out->EndObject();
}

void WriteReasons(const record::DecisionRecord& decision, const pack::Pack& pack, JsonWriter* out) {
  out->Key("reasons");
  out->BeginArray();
  for (const std::string& code : decision.reasons) {
    out->BeginObject();
    out->TextMember("code", code);
    WriteTexts(pack.ReasonText(code, pack::Language::kEnglish),
               pack.ReasonText(code, pack::Language::kChinese), out);
    out->EndObject();
  }
  out->EndArray();
}

void WriteRules(const record::DecisionRecord& decision, JsonWriter* out) {
  out->Key("matched_rules");
  out->BeginArray();
  for (const auto& matched : decision.matched_rules) {
    out->BeginObject();
    out->TextMember("table", matched.table);
    out->Key("rule");
    out->Integer(matched.rule);
    out->EndObject();
  }
  out->EndArray();
}

void WriteSlots(const record::DecisionRecord& decision, const decision::DecisionPlan& plan,
                SlotsShown shown, JsonWriter* out) {
  out->Key("slots");
  if (shown == SlotsShown::kNone) {
    out->Null();
    out->Key("incomplete_slots");
    return out->Null();
  }
  out->BeginObject();
  for (const record::SlotValue& slot : decision.slots) {
    CREDENCE_ASSERT(slot.slot < plan.slots.size());
    out->Key(plan.slots.at(slot.slot).name);
    WriteValue(slot.value, plan.base_currency, out);
  }
  out->EndObject();
  // Null above, as an absent one: the history that they cover is not whole yet.
  out->Key("incomplete_slots");
  out->BeginArray();
  for (const record::SlotValue& slot : decision.slots) {
    if (slot.value.kind() == ValueKind::kIncomplete) out->Text(plan.slots.at(slot.slot).name);
  }
  out->EndArray();
}

struct RefusalTerms {
  int status;
  std::string_view title;
};

RefusalTerms TermsOf(engine::Refusal refusal) {
  switch (refusal) {
    case engine::Refusal::kNoPack:
      return {503, "No pack is active"};
    case engine::Refusal::kIdWithOtherContent:
      return {409, "The id was sent before with other content"};
    case engine::Refusal::kTooFarInFuture:
      return {422, "The event's time is too far in the future"};
    case engine::Refusal::kTooLate:
      return {422, "The event came too late"};
    case engine::Refusal::kNoRate:
      return {422, "There is no rate for the currency"};
    case engine::Refusal::kAmountOutOfRange:
      return {422, "The amount does not fit the base currency"};
    case engine::Refusal::kReversesUnknown:
      return {422, "There is no such event to reverse"};
    case engine::Refusal::kReversesTwice:
      return {409, "The event was reversed before"};
    case engine::Refusal::kStoreFailed:
      return {503, "The state could not be read"};
    case engine::Refusal::kNone:
      break;
  }
  CREDENCE_UNREACHABLE();
}

}  // namespace

void WriteDecision(const record::DecisionRecord& decision, const pack::Pack& pack,
                   std::string_view source, std::string_view event_id, SlotsShown slots,
                   JsonWriter* out) {
  CREDENCE_ASSERT(decision.pack == pack.digest);
  CREDENCE_ASSERT(decision.decision < pack.decisions.size());
  const decision::DecisionPlan& plan = pack.decisions[decision.decision];
  out->BeginObject();
  out->TextMember("id", decision.Id());
  WriteEvent(source, event_id, out);
  out->TextMember("decision", plan.name);
  out->TextMember("time", decision.time.ToString());
  WriteOutcome(decision, pack, out);
  out->TextMember("path", PathName(decision.path));
  out->OptionalTextMember("failure", decision.failure);
  out->OptionalTextMember("needs", decision.needs);
  out->OptionalTextMember("resumes", decision.parked_seq.value() == 0
                                         ? ""
                                         : record::DecisionRecord::IdFor(decision.parked_seq));
  WriteDecimal("probability_of_default", decision.probability_of_default, out);
  WriteDecimal("score", decision.score, out);
  WriteLimit(decision.limit, out);
  out->OptionalTextMember("offer", decision.offer);
  WriteReasons(decision, pack, out);
  WriteRules(decision, out);
  out->TextMember("currency", pack.schema.base_currency.code());
  WriteSlots(decision, plan, slots, out);
  out->TextMember("pack", decision.pack.ToHex());
  out->EndObject();
}

std::string ToJson(const record::DecisionRecord& decision, const pack::Pack& pack,
                   std::string_view source, std::string_view event_id, SlotsShown slots) {
  JsonWriter out;
  WriteDecision(decision, pack, source, event_id, slots, &out);
  return out.Finish();
}

namespace {

void WriteMoney(std::string_view name, const std::optional<engine::MoneyReport>& report,
                JsonWriter* out) {
  if (!report) return;
  out->Key(name);
  out->BeginObject();
  for (const auto& [member, count] :
       {std::pair{"applied", report->applied}, std::pair{"reversed", report->reversed},
        std::pair{"transfers", report->transfers}}) {
    out->Key(member);
    out->Integer(count);
  }
  out->OptionalTextMember("refused", report->refused);
  out->OptionalTextMember("status", report->status);
  out->EndObject();
}

}  // namespace

std::string ToJson(const engine::Outcome& outcome, const pack::Pack* pack, std::string_view source,
                   std::string_view event_id, SlotsShown slots) {
  const bool refused = outcome.kind == engine::Outcome::Kind::kRefused;
  JsonWriter out;
  out.BeginObject();
  out.TextMember("result", engine::OutcomeKindName(outcome.kind));
  WriteEvent(source, event_id, &out);
  out.Key("sequence");
  if (refused) {
    out.Null();
  } else {
    out.Integer(static_cast<int64_t>(outcome.seq.value()));
  }
  const bool stamped = !refused && outcome.kind != engine::Outcome::Kind::kDuplicate;
  out.OptionalTextMember("stamp", stamped ? outcome.stamp.ToString() : "");
  out.Key("decision");
  if (outcome.decision != nullptr) {
    CREDENCE_ASSERT(pack != nullptr);
    WriteDecision(*outcome.decision, *pack, source, event_id, slots, &out);
  } else {
    out.Null();
  }
  WriteMoney("money", outcome.money, &out);
  WriteMoney("money_of_decision", outcome.money_of_decision, &out);
  out.Key("problem");
  if (refused) {
    out.BeginObject();
    WriteProblem(ToProblem(outcome), &out);
    out.EndObject();
  } else {
    out.Null();
  }
  out.EndObject();
  return out.Finish();
}

std::string RefusedJson(const Problem& problem) {
  JsonWriter out;
  out.BeginObject();
  out.TextMember("result", "refused");
  for (const std::string_view absent : {"event", "sequence", "stamp", "decision"}) {
    out.Key(absent);
    out.Null();
  }
  out.Key("problem");
  out.BeginObject();
  WriteProblem(problem, &out);
  out.EndObject();
  out.EndObject();
  return out.Finish();
}

Problem ToProblem(const engine::Outcome& outcome) {
  CREDENCE_ASSERT(outcome.kind == engine::Outcome::Kind::kRefused);
  const RefusalTerms terms = TermsOf(outcome.refusal);
  // The engine's sentence holds the amount, which may be a person's.
  const bool amount = outcome.refusal == engine::Refusal::kAmountOutOfRange;
  return {terms.status, std::string(engine::RefusalName(outcome.refusal)), std::string(terms.title),
          outcome.field,
          amount ? "expected an amount within 64 bits of minor units of the base currency"
                 : outcome.expected};
}

}  // namespace credence::api
