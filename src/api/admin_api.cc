// The endpoints of operators: health, metrics, state, kill switch, exchange rates.

#include "src/api/json_body.h"
#include "src/api/json_writer.h"
#include "src/api/service.h"

namespace credence::api {

namespace {

// What the engine says to a command of a caller.
Problem CommandProblem(const Status& status, std::string_view field) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kOutOfRange:
      return {422, "refused", "The command is refused", std::string(field), status.message()};
    default:
      return EngineProblem(status);
  }
}

void WriteSequence(Seq seq, JsonWriter* out) {
  out->Key("sequence");
  out->Integer(static_cast<int64_t>(seq.value()));
}

Problem NoPack() { return {503, "no-pack", "No pack is active", "", "expected an active pack"}; }

}  // namespace

void Service::GetHealth(ApiCall call) { SendJson(&call.reply, 200, R"({"status":"ok"})"); }

void Service::GetReady(ApiCall call) {
  const EngineView view = writer_->view();
  if (!view.stopped.ok()) return SendProblem(&call.reply, EngineProblem(view.stopped));
  const auto active = gate_->pack();
  if (active == nullptr) return SendProblem(&call.reply, NoPack());
  JsonWriter out;
  out.BeginObject();
  out.TextMember("status", "ready");
  WriteSequence(writer_->durable().last_seq, &out);
  out.TextMember("pack", active->digest.ToHex());
  out.EndObject();
  SendJson(&call.reply, 200, out.Finish());
}

void Service::GetOpenApi(ApiCall call) { SendJson(&call.reply, 200, std::string(OpenApiText())); }

void Service::GetState(ApiCall call) {
  const auto hash = call.target.Parameter("hash").value_or("false");
  if (hash != "true" && hash != "false") {
    return SendProblem(
        &call.reply, {400, "invalid-parameter", "A parameter of the query is not what it should be",
                      "hash", "expected true or false"});
  }
  RunCommand(std::move(call), [this, with_hash = hash == "true"](ApiCall* asked,
                                                                 engine::Engine* engine) {
    const engine::State& state = engine->state();
    JsonWriter out;
    out.BeginObject();
    WriteSequence(state.last_seq, &out);
    out.OptionalTextMember("stamp", state.last_seq.value() == 0 ? "" : state.last_stamp.ToString());
    out.OptionalTextMember("pack", state.pack == nullptr ? "" : state.pack->digest.ToHex());
    if (with_hash) {
      const Digest digest = state.Hash();
      if (!state.entities.status().ok()) {
        return SendProblem(&asked->reply, EngineProblem(state.entities.status()));
      }
      out.TextMember("state_hash", digest.ToHex());
    }
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetKillSwitch(ApiCall call) {
  RunCommand(std::move(call), [this](ApiCall* asked, engine::Engine* engine) {
    const engine::State& state = engine->state();
    JsonWriter out;
    out.BeginObject();
    WriteSequence(state.last_seq, &out);
    out.Key("switches");
    out.BeginArray();
    for (const auto& [decision, on] : state.kill_switches) {
      out.BeginObject();
      out.OptionalTextMember("decision", decision);
      out.Key("on");
      out.Boolean(on);
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::PostKillSwitch(ApiCall call) {
  JsonBody body;
  Problem problem;
  bool on = false;
  std::string decision;
  std::string reason;
  if (!body.Parse(call.request.body, {"on", "decision", "reason"}, &problem) ||
      !body.Boolean("on", &on, &problem) ||
      !body.OptionalText("decision", record::kKeyBytesMax, &decision, &problem) ||
      !body.Text("reason", kReasonTextBytesMax, &reason, &problem)) {
    return SendProblem(&call.reply, problem);
  }
  RunCommand(std::move(call), [this, on, decision, reason](ApiCall* asked, engine::Engine* engine) {
    if (engine->pack() == nullptr) return SendProblem(&asked->reply, NoPack());
    const bool known = decision.empty() || engine->pack()->FindDecision(decision) != nullptr;
    const Status status =
        known
            ? engine->SetKillSwitch(on, decision, asked->by, reason, writer_->CommandTime(*engine))
            : NotFound("expected a decision of the active pack, or none for all");
    if (!status.ok()) return SendProblem(&asked->reply, CommandProblem(status, "decision"));
    JsonWriter out;
    out.BeginObject();
    WriteSequence(engine->state().last_seq, &out);
    out.Key("on");
    out.Boolean(on);
    out.OptionalTextMember("decision", decision);
    out.TextMember("by", asked->by);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetRates(ApiCall call) {
  RunCommand(std::move(call), [this](ApiCall* asked, engine::Engine* engine) {
    const engine::State& state = engine->state();
    JsonWriter out;
    out.BeginObject();
    WriteSequence(state.last_seq, &out);
    out.OptionalTextMember("base",
                           state.pack == nullptr ? "" : state.pack->schema.base_currency.code());
    out.Key("rates");
    out.BeginArray();
    for (const auto& [currency, rate] : state.rates) {
      out.BeginObject();
      out.TextMember("currency", currency.code());
      out.TextMember("rate", rate.ToString());
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::PostRates(ApiCall call) {
  constexpr size_t kRateBytesMax = 40;
  JsonBody body;
  Problem problem;
  std::string code;
  std::string text;
  if (!body.Parse(call.request.body, {"currency", "rate"}, &problem) ||
      !body.Text("currency", 3, &code, &problem) ||
      !body.Text("rate", kRateBytesMax, &text, &problem)) {
    return SendProblem(&call.reply, problem);
  }
  const auto currency = Currency::FromCode(code);
  const auto rate = Decimal::Parse(text);
  if (!currency || !rate || !rate->IsFinite() || rate->IsNegative() || rate->IsZero()) {
    return SendProblem(
        &call.reply,
        {422, "invalid-member", "A member of the body is not what it should be",
         currency ? "rate" : "currency",
         currency
             ? "expected a positive decimal number as a text: base units for one of the currency"
             : "expected an ISO 4217 code in capitals"});
  }
  RunCommand(std::move(call), [this, currency = *currency, rate = *rate](ApiCall* asked,
                                                                         engine::Engine* engine) {
    if (engine->pack() == nullptr) return SendProblem(&asked->reply, NoPack());
    const Status status = engine->SetRate(currency, rate, asked->by, writer_->CommandTime(*engine));
    if (!status.ok()) return SendProblem(&asked->reply, CommandProblem(status, "currency"));
    JsonWriter out;
    out.BeginObject();
    WriteSequence(engine->state().last_seq, &out);
    out.TextMember("currency", currency.code());
    out.TextMember("rate", rate.ToString());
    out.TextMember("by", asked->by);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::GetMetrics(ApiCall call) {
  MetricsText out;
  metrics_.Write(&out);
  const EngineView view = writer_->view();
  out.Family("credence_queue_events", "gauge", "Events and commands that wait for the writer");
  out.Value("", writer_->queued());
  out.Family("credence_durable_sequence", "gauge", "The last sequence that is on disk");
  out.Value("", writer_->durable().last_seq.value());
  out.Family("credence_journal_frames", "gauge", "Frames of the journal that are on disk");
  out.Value("", writer_->durable().frames);
  out.Family("credence_up", "gauge", "1 while events are taken, 0 once the engine has stopped");
  out.Value("", view.stopped.ok() ? 1 : 0);
  out.Family("credence_entities_in_memory", "gauge", "Entities that are in memory");
  out.Value("", view.entities_in_memory);
  out.Family("credence_entity_bytes", "gauge", "Bytes that they take");
  out.Value("", view.entity_bytes);
  out.Family("credence_cache_lookups_total", "counter", "Entities by where they were found");
  out.Value("found=\"memory\"", view.cache.hits);
  out.Value("found=\"prefetched\"", view.cache.prefetched);
  out.Value("found=\"store\"", view.cache.misses);
  out.Value("found=\"nowhere\"", view.cache.absent);
  out.Family("credence_cache_evictions_total", "counter", "Entities that left memory");
  out.Value("", view.cache.evicted);
  out.Family("credence_cache_hit_ratio", "gauge", "Share of lookups that memory answered");
  out.Real("", view.cache.hit_rate());
  out.Family("credence_checkpoints_total", "counter", "Checkpoints by what became of them");
  out.Value("result=\"written\"", view.checkpoints.checkpoints);
  out.Value("result=\"failed\"", view.checkpoints.failed);
  out.Family("credence_checkpoint_bytes_total", "counter", "Bytes of checkpoints");
  out.Value("", view.checkpoints.bytes);
  if (projector_ != nullptr) {
    out.Family("credence_read_model_sequence", "gauge", "What the read model shows");
    out.Value("", projector_->folded().seq.value());
    out.Family("credence_read_model_up", "gauge", "0 while the read model cannot be written");
    out.Value("", projector_->status().ok() ? 1 : 0);
  }
  if (const http::Server* server = server_.load()) {
    const http::ServerCounts counts = server->counts();
    out.Family("credence_http_connections", "gauge", "Open connections");
    out.Value("", counts.open);
    out.Family("credence_http_connections_total", "counter", "Connections by what became of them");
    out.Value("result=\"accepted\"", counts.accepted);
    out.Value("result=\"turned-away\"", counts.turned_away);
    out.Family("credence_http_requests_total", "counter", "Whole requests");
    out.Value("", counts.requests);
    out.Family("credence_http_timeouts_total", "counter", "Requests that came too slowly");
    out.Value("", counts.timeouts);
    out.Family("credence_http_bytes_total", "counter", "Bytes by direction");
    out.Value("direction=\"in\"", counts.bytes_in);
    out.Value("direction=\"out\"", counts.bytes_out);
  }
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = out.Take();
  Send(&call.reply, std::move(response));
}

}  // namespace credence::api
