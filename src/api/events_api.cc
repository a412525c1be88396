// The endpoints that take events.

#include "src/api/batch_reply.h"
#include "src/api/decision_json.h"
#include "src/api/json_body.h"
#include "src/api/service.h"

namespace credence::api {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kLinesType = "application/x-ndjson";

int64_t NsSince(SteadyClock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - begin).count();
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.push_back(line);
  }
  return lines;
}

Problem InvalidParameter(std::string_view name, std::string expected) {
  return {400, "invalid-parameter", "A parameter of the query is not what it should be",
          std::string(name), std::move(expected)};
}

}  // namespace

// --- from the writer ---

void Service::Done(Job* job, const engine::Outcome& outcome) {
  using Kind = engine::Outcome::Kind;
  // Before the answer leaves: who has it may ask for the metrics at once.
  const auto observe_total = [&] { metrics_.Observe(Stage::kTotal, NsSince(job->reply.received)); };
  switch (outcome.kind) {
    case Kind::kApplied:
      metrics_.applied.fetch_add(1, std::memory_order_relaxed);
      break;
    case Kind::kDecided:
      metrics_.decided.fetch_add(1, std::memory_order_relaxed);
      break;
    case Kind::kDuplicate:
      metrics_.duplicates.fetch_add(1, std::memory_order_relaxed);
      if (job->batch == nullptr && readers_ != nullptr &&
          job->pack->schema.event_types[job->event.type].decision) {
        observe_total();
        return SendDuplicate(job, outcome);
      }
      break;
    case Kind::kRefused:
      observe_total();
      return Refused(job, ToProblem(outcome));
  }
  std::string json = ToJson(outcome, job->pack.get(), job->event.source, job->event.id,
                            job->show_slots ? SlotsShown::kAll : SlotsShown::kNone);
  observe_total();
  if (job->batch != nullptr) return AddLine(job->batch, job->line, std::move(json));
  SendJson(&job->reply, 200, std::move(json));
}

void Service::Refused(Job* job, const Problem& problem) {
  if (job->batch == nullptr) return SendProblem(&job->reply, problem);
  metrics_.CountRefusal(problem.code);
  AddLine(job->batch, job->line, RefusedJson(problem));
}

void Service::AddLine(const std::shared_ptr<BatchReply>& batch, size_t line, std::string json) {
  batch->lines[line] = std::move(json);
  if (batch->missing.fetch_sub(1, std::memory_order_acq_rel) == 1) SendLines(batch.get());
}

void Service::SendLines(BatchReply* batch) {
  http::Response response;
  response.content_type = batch->as_array ? http::kJsonType : kLinesType;
  if (batch->as_array) response.body += '[';
  for (size_t i = 0; i < batch->lines.size(); ++i) {
    if (batch->as_array && i > 0) response.body += ',';
    response.body += batch->lines[i];
    if (!batch->as_array) response.body += '\n';
  }
  if (batch->as_array) response.body += ']';
  Send(&batch->reply, std::move(response));
}

// --- from callers ---

bool Service::SlotsShownTo(ApiCall* call, bool* show) {
  const auto slots = call->target.Parameter("slots").value_or("all");
  *show = slots != "none";
  if (slots == "all" || slots == "none") return true;
  SendProblem(&call->reply, InvalidParameter("slots", "expected all or none"));
  return false;
}

void Service::PostEvents(ApiCall call) {
  const auto media = http::ParseMediaType(call.request.Header("content-type"));
  const std::string type = media.value_or("");
  if (type == kLinesType || type == "application/cloudevents-batch+json") {
    return TakeBatch(&call, type);
  }
  TakeOne(&call, false);
}

void Service::PostDecisions(ApiCall call) { TakeOne(&call, true); }

void Service::TakeOne(ApiCall* call, bool must_decide) {
  bool show_slots = true;
  if (!SlotsShownTo(call, &show_slots)) return;
  const auto dry = call->target.Parameter("dry_run").value_or("false");
  if (dry != "true" && dry != "false") {
    return SendProblem(&call->reply, InvalidParameter("dry_run", "expected true or false"));
  }
  if (dry == "true" && !must_decide) {
    return SendProblem(&call->reply,
                       InvalidParameter("dry_run", "expected only with /v1/decisions"));
  }
  Job* job = writer_->NewJob();
  job->reply = std::move(call->reply);
  job->text = std::move(call->request.body);
  job->show_slots = show_slots;
  Problem problem;
  const bool read = gate_->Read(job, &problem);
  metrics_.Observe(Stage::kParse, NsSince(job->reply.received));
  if (read && must_decide && !job->pack->schema.event_types[job->event.type].decision) {
    problem = {422, "no-decision", "Events of this type ask for no decision", "type",
               "expected an event type that asks for a decision; others go to /v1/events"};
  }
  if (!problem.code.empty()) {
    SendProblem(&job->reply, problem);
    return writer_->Forget(job);
  }
  if (dry == "true") return DryRun(job);
  if (writer_->Take(&job, 1)) return;
  SendBusy(&job->reply);
  writer_->Forget(job);
}

void Service::DryRun(Job* job) {
  const bool taken = writer_->Run([this, job](engine::Engine* engine) {
    Problem problem;
    if (job->pack.get() != engine->pack() && !gate_->Read(job, &problem)) {
      SendProblem(&job->reply, problem);
      return writer_->Forget(job);
    }
    const engine::Outcome outcome = engine->DryRun(job->event, writer_->arrival(), writer_->Now());
    metrics_.dry_runs.fetch_add(1, std::memory_order_relaxed);
    if (outcome.kind == engine::Outcome::Kind::kRefused) {
      SendProblem(&job->reply, ToProblem(outcome));
    } else {
      SendJson(&job->reply, 200,
               ToJson(outcome, job->pack.get(), job->event.source, job->event.id,
                      job->show_slots ? SlotsShown::kAll : SlotsShown::kNone));
    }
    writer_->Forget(job);
  });
  if (taken) return;
  SendBusy(&job->reply);
  writer_->Forget(job);
}

void Service::TakeBatch(ApiCall* call, std::string_view media_type) {
  const std::string body = std::move(call->request.body);
  const bool as_array = media_type != kLinesType;
  std::vector<std::string_view> lines;
  if (as_array) {
    Problem problem;
    if (!SplitArray(body, kBatchLinesMax, &lines, &problem)) {
      return SendProblem(&call->reply, problem);
    }
  } else {
    lines = Lines(body);
    if (lines.size() > kBatchLinesMax) {
      return SendProblem(&call->reply,
                         {413, "too-many-events", "There are too many events in one request", "",
                          "expected at most " + std::to_string(kBatchLinesMax) + " events"});
    }
  }
  TakeLines(call, lines, as_array);
}

// All that the gate lets pass go to the writer, or none.
void Service::TakeLines(ApiCall* call, const std::vector<std::string_view>& lines, bool as_array) {
  bool show_slots = true;
  if (!SlotsShownTo(call, &show_slots)) return;
  if (lines.empty()) {
    return SendProblem(&call->reply, {400, "malformed-event", "There is no event", "",
                                      "expected at least one event"});
  }
  const auto batch = std::make_shared<BatchReply>();
  batch->reply = std::move(call->reply);
  batch->as_array = as_array;
  batch->lines.resize(lines.size());
  std::vector<Job*> jobs;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto begun = SteadyClock::now();
    Job* job = writer_->NewJob();
    job->reply.received = batch->reply.received;
    job->text = lines[i];
    job->show_slots = show_slots;
    Problem problem;
    const bool read = gate_->Read(job, &problem);
    metrics_.Observe(Stage::kParse, NsSince(begun));
    if (read) {
      job->batch = batch;
      job->line = i;
      jobs.push_back(job);
      continue;
    }
    metrics_.CountRefusal(problem.code);
    batch->lines[i] = RefusedJson(problem);
    writer_->Forget(job);
  }
  batch->missing = jobs.size();
  if (jobs.empty()) return SendLines(batch.get());
  if (writer_->Take(jobs.data(), jobs.size())) return;
  for (Job* job : jobs) writer_->Forget(job);
  SendBusy(&batch->reply);
}

}  // namespace credence::api
