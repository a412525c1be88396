// The endpoints that look: decisions, entities, activity, what operators did. They ask the read
// model, which follows the journal, and say up to which sequence it shows it.

#include <charconv>

#include "src/api/decision_json.h"
#include "src/api/json_writer.h"
#include "src/api/service.h"
#include "src/base/bytes.h"

namespace credence::api {

namespace {

using projection::PageRequest;

constexpr std::string_view kTokenPrefix = "token:";
constexpr size_t kEntityRowsShown = 20;  // of events and of decisions, with an entity

Problem InvalidParameter(std::string_view name, std::string expected) {
  return {400, "invalid-parameter", "A parameter of the query is not what it should be",
          std::string(name), std::move(expected)};
}

Problem ReadProblem(const Status& status) {
  if (status.code() == StatusCode::kInvalidArgument) return InvalidParameter("", status.message());
  if (status.code() == StatusCode::kNotFound) {
    return {404, "not-held", "The record is no longer held", "",
            "expected a record of a segment that was not retired"};
  }
  return {503, "read-model", "The read model cannot answer", "",
          "expected to be sent again; if it lasts, the operator remakes it with credence project"};
}

bool ParseNumber(std::string_view text, uint64_t max, uint64_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && *out <= max;
}

// "token:" and 32 hexadecimal digits name the entity of a personal value.
projection::EntityKey EntityKeyOf(std::string_view type, std::string_view key) {
  std::string raw;
  if (key.starts_with(kTokenPrefix) && FromHex(key.substr(kTokenPrefix.size()), &raw) &&
      raw.size() == Protection::kTokenBytes) {
    return {std::string(type), raw, true};
  }
  return {std::string(type), std::string(key), false};
}

// The parameters of a query, each known and of its form; the first fault is the problem.
class Query {
 public:
  explicit Query(const http::Target& target) : target_(target) {}

  std::string Text(std::string_view name) {
    return std::string(target_.Parameter(name).value_or(""));
  }
  std::optional<Timestamp> Time(std::string_view name) {
    const auto text = target_.Parameter(name);
    if (!text) return std::nullopt;
    const auto time = Timestamp::Parse(*text);
    if (time.ok()) return *time;
    Fail(name, "expected a time of RFC 3339 with offset");
    return std::nullopt;
  }
  PageRequest Page() {
    PageRequest page;
    uint64_t limit = 0;
    if (const auto text = target_.Parameter("limit")) {
      if (!ParseNumber(*text, projection::kPageRowsMax, &limit) || limit == 0) {
        Fail("limit", "expected 1 to " + std::to_string(projection::kPageRowsMax));
      }
      page.limit = static_cast<size_t>(limit);
    }
    page.cursor = Text("cursor");
    return page;
  }
  void Fail(std::string_view name, std::string expected) {
    if (problem_.code.empty()) problem_ = InvalidParameter(name, std::move(expected));
  }
  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] bool ok() const { return problem_.code.empty(); }

 private:
  const http::Target& target_;
  Problem problem_;
};

void WriteNumber(std::string_view name, uint64_t value, JsonWriter* out) {
  out->Key(name);
  out->Integer(static_cast<int64_t>(value));
}

void WriteOptionalDecimal(std::string_view name, const std::optional<Decimal>& value,
                          JsonWriter* out) {
  out->Key(name);
  if (value) {
    out->Number(value->ToString());
  } else {
    out->Null();
  }
}

void WriteAsOf(const projection::AsOf& as_of, JsonWriter* out) {
  WriteNumber("as_of", as_of.seq.value(), out);
}

void WriteKey(const projection::EntityKey& key, JsonWriter* out) {
  out->TextMember("type", key.type);
  out->TextMember("key", key.KeyText());
}

// The members of an event.
void WriteEventRow(const projection::EventRow& event, JsonWriter* out) {
  WriteNumber("sequence", event.seq.value(), out);
  out->OptionalTextMember("type", event.type);
  out->TextMember("source", event.source);
  out->TextMember("id", event.id);
  out->TextMember("time", event.time.ToString());
  out->TextMember("stamp", event.stamp.ToString());
  out->OptionalTextMember("about", event.about);
  out->OptionalTextMember("reverses", event.reverses);
  out->Key("entities");
  out->BeginArray();
  for (const auto& entity : event.entities) {
    out->BeginObject();
    WriteKey(entity, out);
    out->EndObject();
  }
  out->EndArray();
}

void WriteDecisionRow(const projection::DecisionRow& row, JsonWriter* out) {
  out->BeginObject();
  out->TextMember("id", record::DecisionRecord::IdFor(row.seq));
  out->TextMember("decision", row.decision);
  out->TextMember("time", row.time.ToString());
  out->OptionalTextMember("outcome", row.outcome);
  out->TextMember("path", PathName(row.path));
  WriteOptionalDecimal("score", row.score, out);
  WriteOptionalDecimal("probability_of_default", row.probability_of_default, out);
  out->Key("reasons");
  out->BeginArray();
  for (const std::string& reason : row.reasons) out->Text(reason);
  out->EndArray();
  out->TextMember("pack", row.pack.ToHex());
  out->Key("event");
  out->BeginObject();
  WriteEventRow(row.event, out);
  out->EndObject();
  out->EndObject();
}

void WriteEntityEvents(std::string_view name,
                       const projection::Page<projection::EntityEventRow>& page, JsonWriter* out) {
  out->Key(name);
  out->BeginArray();
  for (const auto& row : page.rows) {
    out->BeginObject();
    WriteEventRow(row.event, out);
    out->OptionalTextMember("decision_id", row.decision_seq.value() == 0
                                               ? ""
                                               : record::DecisionRecord::IdFor(row.decision_seq));
    out->OptionalTextMember("decision", row.decision);
    out->OptionalTextMember("outcome", row.outcome);
    out->EndObject();
  }
  out->EndArray();
}

void WriteExplanation(const decision::Explanation& explanation, JsonWriter* out) {
  out->Key("explanation");
  out->BeginArray();
  for (const auto& step : explanation.steps) {
    out->BeginObject();
    out->TextMember("step", step.what);
    out->TextMember("value", step.value);
    out->OptionalTextMember("note", step.note);
    out->EndObject();
  }
  out->EndArray();
}

study::FramePlace PlaceOf(const projection::RecordPlace& place) {
  return {place.frame, place.segment, place.offset};
}

}  // namespace

bool Service::WaitForRead(ReplyTo* reply, Seq seq, std::string_view field) {
  if (projector_->WaitFor(seq, kReadPatience)) return true;
  SendProblem(reply,
              {503, "read-model-behind", "The read model does not show it yet", std::string(field),
               "expected to be sent again: the read model follows the journal"});
  return false;
}

void Service::RunRead(ApiCall call, std::function<void(ApiCall*)> read) {
  if (readers_ == nullptr) {
    return SendProblem(&call.reply, {503, "no-read-model", "There is no read model", "",
                                     "expected a server with a read model"});
  }
  uint64_t at_least = 0;
  if (const auto text = call.target.Parameter("at_least")) {
    // What was not acknowledged may never come: nobody waits for it.
    if (!ParseNumber(*text, writer_->durable().last_seq.value(), &at_least)) {
      return SendProblem(&call.reply,
                         InvalidParameter("at_least", "expected a sequence that was acknowledged"));
    }
  }
  RunWork(std::move(call), [this, at_least, run = std::move(read)](ApiCall* asked) {
    if (at_least == 0 || WaitForRead(&asked->reply, Seq(at_least), "at_least")) run(asked);
  });
}

Result<std::shared_ptr<const pack::Pack>> Service::PackOf(const Digest& digest) {
  {
    const std::lock_guard lock(packs_mutex_);
    const auto known = packs_.find(digest);
    if (known != packs_.end()) return known->second.pack;
  }
  return engine::LoadStoredPack(*artefacts_, digest);
}

Result<study::StoredDecision> Service::ReadStored(const projection::DecisionRow& row) {
  return study::ReadDecision(files_, options_.store + "/journal", row.seq, PlaceOf(row.place),
                             PlaceOf(row.event_place),
                             [this](const Digest& digest) { return PackOf(digest); });
}

void Service::GetDecision(ApiCall call) {
  const auto seq = record::DecisionRecord::SeqFromId(call.target.segments[2]);
  if (!seq) {
    return SendProblem(&call.reply, {404, "unknown-decision", "There is no such decision", "id",
                                     "expected D- and at least twelve digits"});
  }
  RunRead(std::move(call), [this, seq = *seq](ApiCall* asked) {
    // One that was just made is shown as soon as the read model has it, and never denied before.
    if (seq <= writer_->durable().last_seq && !WaitForRead(&asked->reply, seq, "id")) return;
    const auto found = readers_->Decision(seq);
    if (!found.ok()) return SendProblem(&asked->reply, ReadProblem(found.status()));
    if (!found->row) {
      return SendProblem(&asked->reply, {404, "unknown-decision", "There is no such decision", "id",
                                         "expected the id of a decision that was made"});
    }
    const auto stored = ReadStored(*found->row);
    if (!stored.ok()) return SendProblem(&asked->reply, ReadProblem(stored.status()));
    const auto about = readers_->EventsAbout(found->row->event.source, found->row->event.id, {});
    if (!about.ok()) return SendProblem(&asked->reply, ReadProblem(about.status()));
    JsonWriter out;
    out.BeginObject();
    WriteAsOf(found->as_of, &out);
    out.Key("decision");
    WriteDecision(stored->found.record, *stored->found.pack, stored->found.event_source,
                  stored->found.event_id, SlotsShown::kAll, &out);
    WriteExplanation(stored->found.explanation, &out);
    out.Key("event");
    out.BeginObject();
    WriteEventRow(found->row->event, &out);
    out.EndObject();
    WriteEntityEvents("about", *about, &out);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetDecisions(ApiCall call) {
  Query query(call.target);
  projection::DecisionFilter filter;
  filter.decision = query.Text("decision");
  filter.outcome = query.Text("outcome");
  filter.reason = query.Text("reason");
  filter.event_type = query.Text("event_type");
  filter.from = query.Time("from");
  filter.until = query.Time("until");
  if (call.target.Parameter("path")) {
    const std::string path = query.Text("path");
    using record::DecisionPath;
    for (const auto each : {DecisionPath::kPolicy, DecisionPath::kFallback,
                            DecisionPath::kKillSwitch, DecisionPath::kParked}) {
      if (PathName(each) == path) filter.path = each;
    }
    if (!filter.path) query.Fail("path", "expected policy, fallback, kill-switch or parked");
  }
  const std::string type = query.Text("entity_type");
  const std::string key = query.Text("entity_key");
  if (type.empty() != key.empty()) {
    query.Fail(type.empty() ? "entity_type" : "entity_key",
               "expected entity_type and entity_key together");
  }
  if (!type.empty()) filter.entity = EntityKeyOf(type, key);
  const PageRequest page = query.Page();
  if (!query.ok()) return SendProblem(&call.reply, query.problem());
  RunRead(std::move(call), [this, filter, page](ApiCall* asked) {
    const auto found = readers_->Decisions(filter, page);
    if (!found.ok()) return SendProblem(&asked->reply, ReadProblem(found.status()));
    JsonWriter out;
    out.BeginObject();
    WriteAsOf(found->as_of, &out);
    out.Key("decisions");
    out.BeginArray();
    for (const auto& row : found->rows) WriteDecisionRow(row, &out);
    out.EndArray();
    out.OptionalTextMember("next", found->next);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetEntity(ApiCall call) {
  const projection::EntityKey key = EntityKeyOf(call.target.segments[2], call.target.segments[3]);
  const auto active = gate_->pack();
  if (active == nullptr || !active->schema.EntityIndex(key.type)) {
    return SendProblem(&call.reply, {404, "unknown-entity", "There is no such entity", "type",
                                     "expected a type of entity of the active pack"});
  }
  RunRead(std::move(call), [this, key](ApiCall* asked) {
    SendEntity(std::make_shared<ApiCall>(std::move(*asked)), key);
  });
}

// What the read model has of it, and then its features from the writer's thread.
void Service::SendEntity(std::shared_ptr<ApiCall> asked, const projection::EntityKey& key) {
  PageRequest page;
  page.limit = kEntityRowsShown;
  const auto entity = readers_->Entity(key);
  const auto events = readers_->EntityEvents(key, false, page);
  const auto decided = readers_->EntityEvents(key, true, page);
  for (const Status& status : {entity.status(), events.status(), decided.status()}) {
    if (!status.ok()) return SendProblem(&asked->reply, ReadProblem(status));
  }
  const auto out = std::make_shared<JsonWriter>();
  out->BeginObject();
  WriteKey(key, out.get());
  WriteAsOf(entity->as_of, out.get());
  const bool known = entity->row.has_value();
  const projection::EntityRow row = known ? *entity->row : projection::EntityRow();
  out->OptionalTextMember("first_time", known ? row.first_time.ToString() : "");
  out->OptionalTextMember("last_time", known ? row.last_time.ToString() : "");
  WriteNumber("event_count", row.events, out.get());
  WriteNumber("decision_count", row.decisions, out.get());
  WriteEntityEvents("events", *events, out.get());
  WriteEntityEvents("decisions", *decided, out.get());
  const bool taken = writer_->Run([this, asked, key, known, out](engine::Engine* engine) {
    const Timestamp at = writer_->CommandTime(*engine);
    const auto features = engine->ReadEntity(key.type, key.key, at);
    const Status& read = engine->state().entities.status();
    if (!read.ok()) return SendProblem(&asked->reply, EngineProblem(read));
    if (!features && !known) {
      return SendProblem(&asked->reply, {404, "unknown-entity", "There is no such entity", "key",
                                         "expected the key of an entity that an event touched"});
    }
    WriteNumber("sequence", engine->state().last_seq.value(), out.get());
    out->TextMember("at", at.ToString());
    out->Key("slots");
    out->BeginObject();
    if (features) {
      for (const auto& [name, value] : *features) {
        out->Key(name);
        WriteValue(value, engine->pack()->schema.base_currency, out.get());
      }
    }
    out->EndObject();
    out->EndObject();
    SendJson(&asked->reply, 200, out->Finish());
  });
  if (!taken) SendBusy(&asked->reply);
}

void Service::GetActivity(ApiCall call) {
  Query query(call.target);
  projection::ActivityQuery wanted;
  const auto from = query.Time("from");
  const auto until = query.Time("until");
  if (!from) query.Fail("from", "expected a time of RFC 3339 with offset");
  if (!until) query.Fail("until", "expected a time of RFC 3339 with offset");
  const std::string width = query.Text("width");
  if (!width.empty() && width != "hour" && width != "day") {
    query.Fail("width", "expected hour or day");
  }
  if (const std::string offset = query.Text("utc_offset_hours"); !offset.empty()) {
    const auto [end, error] =
        std::from_chars(offset.data(), offset.data() + offset.size(), wanted.utc_offset_hours);
    if (error != std::errc() || end != offset.data() + offset.size()) {
      query.Fail("utc_offset_hours", "expected -12 to 14");
    }
  }
  if (!query.ok()) return SendProblem(&call.reply, query.problem());
  wanted.from = *from;
  wanted.until = *until;
  wanted.width = width == "day" ? projection::BucketWidth::kDay : projection::BucketWidth::kHour;
  RunRead(std::move(call), [this, wanted](ApiCall* asked) {
    const auto found = readers_->ReadActivity(wanted);
    if (!found.ok()) return SendProblem(&asked->reply, ReadProblem(found.status()));
    JsonWriter out;
    out.BeginObject();
    WriteAsOf(found->as_of, &out);
    out.Key("buckets");
    out.BeginArray();
    for (const auto& bucket : found->buckets) {
      out.BeginObject();
      out.TextMember("start", bucket.start.ToString());
      out.Key("events");
      out.BeginArray();
      for (const auto& events : bucket.events) {
        out.BeginObject();
        out.OptionalTextMember("type", events.type);
        WriteNumber("count", events.count, &out);
        out.EndObject();
      }
      out.EndArray();
      out.Key("decisions");
      out.BeginArray();
      for (const auto& decisions : bucket.decisions) {
        out.BeginObject();
        out.TextMember("decision", decisions.decision);
        out.OptionalTextMember("outcome", decisions.outcome);
        WriteNumber("count", decisions.count, &out);
        out.EndObject();
      }
      out.EndArray();
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetActions(ApiCall call) {
  Query query(call.target);
  const PageRequest page = query.Page();
  if (!query.ok()) return SendProblem(&call.reply, query.problem());
  RunRead(std::move(call), [this, page](ApiCall* asked) {
    const auto found = readers_->Actions(page);
    if (!found.ok()) return SendProblem(&asked->reply, ReadProblem(found.status()));
    using Kind = projection::ActionRow::Kind;
    JsonWriter out;
    out.BeginObject();
    WriteAsOf(found->as_of, &out);
    out.Key("actions");
    out.BeginArray();
    for (const auto& row : found->rows) {
      out.BeginObject();
      out.TextMember("kind", projection::ActionKindName(row.kind));
      WriteNumber("sequence", row.seq.value(), &out);
      out.TextMember("stamp", row.stamp.ToString());
      out.TextMember("by", row.by);
      if (row.kind == Kind::kActivation || row.kind == Kind::kActivationRequest) {
        if (row.kind == Kind::kActivation) {
          out.OptionalTextMember("approved_by", row.approved_by);
        }
        out.TextMember("pack_name", row.pack_name);
        out.OptionalTextMember("pack", row.pack ? row.pack->ToHex() : "");
      } else if (row.kind == Kind::kKillSwitch) {
        out.Key("on");
        out.Boolean(row.on);
        out.OptionalTextMember("decision", row.decision);
        out.TextMember("reason", row.reason);
      } else {
        out.TextMember("currency", row.currency);
        out.TextMember("rate", row.rate ? row.rate->ToString() : "");
      }
      out.EndObject();
    }
    out.EndArray();
    out.OptionalTextMember("next", found->next);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::SendDuplicate(Job* job, const engine::Outcome& outcome) {
  struct Again {
    ReplyTo reply;
    engine::Outcome outcome;
    std::string source;
    std::string id;
    bool show_slots = true;
  };
  const auto again = std::make_shared<Again>();
  *again = {std::move(job->reply), outcome, std::string(job->event.source),
            std::string(job->event.id), job->show_slots};
  const auto answer = [this, again](const pack::Pack* pack) {
    SendJson(&again->reply, 200,
             ToJson(again->outcome, pack, again->source, again->id,
                    again->show_slots ? SlotsShown::kAll : SlotsShown::kNone));
  };
  const bool taken = workers_->Run([this, again, answer] {
    projector_->WaitFor(again->outcome.seq, kReadPatience);
    const auto found = readers_->Decision(again->outcome.seq);
    if (!found.ok() || !found->row) return answer(nullptr);
    auto stored = ReadStored(*found->row);
    if (!stored.ok()) return answer(nullptr);
    again->outcome.decision =
        std::make_shared<record::DecisionRecord>(std::move(stored->found.record));
    answer(stored->found.pack.get());
  });
  // Without the decision; it is still to be had by its id.
  if (!taken) answer(nullptr);
}

}  // namespace credence::api
