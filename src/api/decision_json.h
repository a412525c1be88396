#pragma once
// The JSON of a decision, and of what became of one event: for people and machines. Members come in
// one order, always all of them; what is absent is null. docs/EVENTS.md shows an example.
//
// Amounts are decimal strings in their currency, or in the pack's where none is named. Score,
// probability and number slots are JSON numbers with all their digits. Durations are texts as packs
// write them ("1h30m"), dates and times ISO 8601. A personal value appears as the first four bytes
// of its token and in no other way.

#include <string>
#include <string_view>

#include "src/api/problem.h"
#include "src/engine/engine.h"
#include "src/pack/pack.h"
#include "src/record/fact.h"

namespace credence::api {

class JsonWriter;

// Whether the slots that models and policy read are written.
enum class SlotsShown : uint8_t { kAll, kNone };

// `pack` is the one that made the decision: its digest is the record's (assertion). `source` and
// `event_id` name the event that asked; null where they are empty.
[[nodiscard]] std::string ToJson(const record::DecisionRecord& decision, const pack::Pack& pack,
                                 std::string_view source, std::string_view event_id,
                                 SlotsShown slots = SlotsShown::kAll);

// {"result": "applied" | "decided" | "duplicate" | "refused", "event": {…}, …}: with the decision
// where there is one, and the problem where the event was refused. `pack` may be null where
// `outcome` has no decision. Only where the event, or its decision, commanded money stands, before
// the problem, "money", or "money_of_decision": {"applied": 2, "reversed": 0, "transfers": 3,
// "refused": null | "hold credit", "status": null | "exceeds_headroom"}.
[[nodiscard]] std::string ToJson(const engine::Outcome& outcome, const pack::Pack* pack,
                                 std::string_view source, std::string_view event_id,
                                 SlotsShown slots = SlotsShown::kAll);

// The value of a slot, as a decision shows it; amounts in `base`.
void WriteValue(const record::Value& value, Currency base, JsonWriter* out);
// A decision with its slots, between two other members.
void WriteDecision(const record::DecisionRecord& decision, const pack::Pack& pack,
                   std::string_view source, std::string_view event_id, SlotsShown slots,
                   JsonWriter* out);
[[nodiscard]] std::string_view PathName(record::DecisionPath path);

// An event that the gate refused: {"result": "refused", "event": null, …, "problem": {…}}.
[[nodiscard]] std::string RefusedJson(const Problem& problem);

// The engine's refusal as a problem. `outcome` is refused (assertion).
[[nodiscard]] Problem ToProblem(const engine::Outcome& outcome);

}  // namespace credence::api
