#include "src/api/service.h"

#include <algorithm>

#include "src/api/batch_reply.h"
#include "src/api/decision_json.h"
#include "src/base/assert.h"

namespace credence::api {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kNoBody;
constexpr std::string_view kJson = " application/json ";
constexpr std::string_view kOneEvent = " application/cloudevents+json application/json ";
constexpr std::string_view kEvents =
    " application/cloudevents+json application/json application/x-ndjson "
    "application/cloudevents-batch+json ";
constexpr Roles kIngest = static_cast<Roles>(Role::kIngest);
constexpr Roles kRead = static_cast<Roles>(Role::kRead);
constexpr Roles kDecide = static_cast<Roles>(Role::kDecide);
constexpr Roles kPolicy = static_cast<Roles>(Role::kPolicy);
constexpr Roles kAdmin = static_cast<Roles>(Role::kAdmin);

constexpr std::string_view kDecisionsQuery =
    " decision outcome reason event_type path entity_type entity_key from until limit cursor "
    "at_least ";

bool Holds(std::string_view words, std::string_view word) {
  return words.find(" " + std::string(word) + " ") != std::string_view::npos;
}

bool PathMatches(std::string_view path, const std::vector<std::string>& segments) {
  for (const std::string& segment : segments) {
    if (path.empty()) return false;
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view wanted = path.substr(0, end);
    if (wanted != "*" && wanted != segment) return false;
    path.remove_prefix(end);
  }
  return path.empty();
}

// An IP address or "localhost", with or without a port.
bool NamesThisMachine(std::string_view host) {
  if (!host.empty() && host.front() == '[') return true;  // IPv6
  host = host.substr(0, host.find(':'));
  if (http::EqualsIgnoringCase(host, "localhost")) return true;
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

http::Response ProblemAnswer(const Problem& problem) {
  http::Response response;
  response.status = problem.status;
  response.content_type = kProblemMediaType;
  response.body = ToJson(problem);
  if (problem.status == 401) response.headers = {{"WWW-Authenticate", "Bearer"}};
  if (problem.status == 429 || problem.status == 503 || problem.status == 507) {
    response.headers = {{"Retry-After", "1"}};
  }
  return response;
}

}  // namespace

// --- routes ---

std::span<const Route> Service::Routes() {
  static const Route kAll[] = {
      {"POST", "/v1/events", kIngest, kEvents, kBatchBytesMax, " slots ", &Service::PostEvents},
      {"POST", "/v1/decisions", kDecide, kOneEvent, kEventBytesMax, " slots dry_run ",
       &Service::PostDecisions},
      {"GET", "/v1/decisions", kRead, kNoBody, 0, kDecisionsQuery, &Service::GetDecisions},
      {"GET", "/v1/decisions/*", kRead, kNoBody, 0, " at_least ", &Service::GetDecision},
      {"GET", "/v1/entities/*/*", kRead, kNoBody, 0, " at_least ", &Service::GetEntity},
      {"GET", "/v1/activity", kRead, kNoBody, 0, " from until width utc_offset_hours at_least ",
       &Service::GetActivity},
      {"GET", "/v1/actions", Role::kRead | Role::kAdmin, kNoBody, 0, " limit cursor at_least ",
       &Service::GetActions},
      {"GET", "/v1/packs", Role::kRead | Role::kPolicy, kNoBody, 0, "", &Service::GetPacks},
      {"POST", "/v1/packs", kPolicy, kJson, kPackUploadBytesMax, "", &Service::PostPacks},
      {"GET", "/v1/packs/*", Role::kRead | Role::kPolicy, kNoBody, 0, "", &Service::GetPack},
      {"POST", "/v1/packs/*/check", kPolicy, kJson, kAdminBytesMax, "", &Service::CheckPack},
      {"POST", "/v1/packs/*/activate", kPolicy, kJson, kAdminBytesMax, "", &Service::ActivatePack},
      {"GET", "/v1/packs/*/diff/*", Role::kRead | Role::kPolicy, kNoBody, 0, "",
       &Service::DiffPacks},
      {"GET", "/v1/kill-switch", Role::kRead | Role::kAdmin, kNoBody, 0, "",
       &Service::GetKillSwitch},
      {"POST", "/v1/kill-switch", kAdmin, kJson, kAdminBytesMax, "", &Service::PostKillSwitch},
      {"GET", "/v1/rates", Role::kRead | Role::kAdmin, kNoBody, 0, "", &Service::GetRates},
      {"POST", "/v1/rates", kAdmin, kJson, kAdminBytesMax, "", &Service::PostRates},
      {"GET", "/v1/state", kAdmin, kNoBody, 0, " hash ", &Service::GetState},
      {"GET", "/metrics", Role::kRead | Role::kAdmin, kNoBody, 0, "", &Service::GetMetrics},
      {"GET", "/healthz", kNoRole, kNoBody, 0, "", &Service::GetHealth},
      {"GET", "/readyz", kNoRole, kNoBody, 0, "", &Service::GetReady},
      {"GET", "/openapi.json", kNoRole, kNoBody, 0, "", &Service::GetOpenApi},
  };
  return kAll;
}

// Null with a problem; `*allow` is set where only the method is wrong.
const Route* Service::FindRoute(const http::Request& head, const http::Target& target,
                                Problem* problem, std::string* allow) const {
  std::string_view method = head.method();
  if (method == "HEAD") method = "GET";
  for (const Route& route : Routes()) {
    if (!PathMatches(route.path, target.segments)) continue;
    if (route.method == method) return &route;
    if (!allow->empty()) *allow += ", ";
    *allow += route.method == "GET" ? "GET, HEAD" : std::string(route.method);
  }
  if (allow->empty()) {
    *problem = {404, "not-found", "There is no such resource", "", "expected a path of the API"};
  } else {
    *problem = {405, "method-not-allowed", "The resource does not have this method", "",
                "expected one of the methods in the header Allow"};
  }
  return nullptr;
}

bool Service::Authorise(const http::Request& head, Roles roles, std::string* by,
                        Problem* problem) const {
  const std::lock_guard lock(keys_mutex_);
  if (keys_.empty() && options_.api_keys.empty()) {
    *by = "local";
    if (head.Header("host").empty() || NamesThisMachine(head.Header("host"))) return true;
    *problem = {421, "misdirected-request", "The request is for another host", "",
                "expected an IP address or localhost as the host, since there are no API keys"};
    return false;
  }
  if (roles == kNoRole) return true;
  const auto token = http::ParseBearer(head.Header("authorization"));
  const ApiKey* key = token ? keys_.Find(*token) : nullptr;
  if (key == nullptr) {
    *problem = {401, "unauthorized", "There is no such API key", "",
                "expected the header Authorization: Bearer with an API key"};
    return false;
  }
  if ((key->roles & roles) == 0) {
    *problem = {403, "forbidden", "The API key does not have the role", "",
                "expected a key with one of the roles: " + RolesText(roles)};
    return false;
  }
  *by = key->name;
  return true;
}

http::HeadVerdict Service::Check(const http::Request& head) {
  http::HeadVerdict verdict;
  Problem problem;
  const auto refuse = [&](const Problem& why) {
    metrics_.CountRefusal(why.code);
    verdict.answered = true;
    verdict.answer = ProblemAnswer(why);
    return verdict;
  };
  http::Target target;
  const Status parsed = http::ParseTarget(head.target(), &target);
  if (!parsed.ok()) {
    return refuse(
        {400, "invalid-target", "The target is not a URI of the API", "", parsed.message()});
  }
  std::string allow;
  const Route* route = FindRoute(head, target, &problem, &allow);
  std::string by;
  // Who may not call anything learns nothing of what there is.
  Problem refused;
  const bool allowed = Authorise(head, route != nullptr ? route->roles : kAllRoles, &by, &refused);
  if (!allowed && (route != nullptr || refused.status != 403)) return refuse(refused);
  if (route == nullptr) {
    refuse(problem);
    if (!allow.empty()) verdict.answer.headers = {{"Allow", allow}};
    return verdict;
  }
  for (const auto& [name, value] : target.query) {
    if (Holds(route->parameters, name)) continue;
    return refuse({400, "invalid-parameter", "A parameter of the query is not what it should be",
                   "",
                   route->parameters.empty()
                       ? "expected no parameters"
                       : "expected no parameters but:" + std::string(route->parameters)});
  }
  verdict.body_bytes_max = route->body_bytes_max;
  const std::string_view type = head.Header("content-type");
  const bool has_body = !head.Header("content-length").empty()
                            ? head.Header("content-length") != "0"
                            : !head.Header("transfer-encoding").empty();
  if (!head.Header("content-encoding").empty() &&
      !http::EqualsIgnoringCase(head.Header("content-encoding"), "identity")) {
    return refuse({415, "content-encoding", "The content coding is not known", "",
                   "expected no Content-Encoding"});
  }
  const bool event = route->body_bytes_max == kEventBytesMax || route->media == kEvents;
  if (!route->media.empty() && (has_body || event)) {
    const auto media = http::ParseMediaType(type);
    if (!media || !Holds(route->media, *media)) {
      return refuse(
          {415, "media-type", "The media type is not taken here", "",
           "expected Content-Type to be one of:" + std::string(route->media) + "in UTF-8"});
    }
    if (event && media->find("json") != std::string::npos && *media != "application/x-ndjson" &&
        *media != "application/cloudevents-batch+json") {
      verdict.body_bytes_max = kEventBytesMax;
    }
  }
  return verdict;
}

void Service::Handle(http::Request request, http::Responder responder) {
  ApiCall call;
  call.reply.responder = std::move(responder);
  call.reply.received = request.received;
  call.request = std::move(request);
  Problem problem;
  std::string allow;
  const Status parsed = http::ParseTarget(call.request.target(), &call.target);
  if (parsed.ok()) call.reply.route = FindRoute(call.request, call.target, &problem, &allow);
  // The keys may have changed since the headers were judged.
  if (call.reply.route == nullptr ||
      !Authorise(call.request, call.reply.route->roles, &call.by, &problem)) {
    return SendProblem(&call.reply, problem);
  }
  const auto handle = call.reply.route->handle;
  (this->*handle)(std::move(call));
}

// --- answers ---

void Service::Send(ReplyTo* reply, http::Response response) {
  metrics_.CountStatus(response.status);
  if (options_.log_level != LogLevel::kNone) Log(*reply, response.status);
  reply->responder(std::move(response));
}

void Service::SendJson(ReplyTo* reply, int status, std::string json) {
  http::Response response;
  response.status = status;
  response.content_type = http::kJsonType;
  response.body = std::move(json);
  Send(reply, std::move(response));
}

void Service::SendProblem(ReplyTo* reply, const Problem& problem) {
  metrics_.CountRefusal(problem.code);
  Send(reply, ProblemAnswer(problem));
}

void Service::SendBusy(ReplyTo* reply) {
  SendProblem(reply, {429, "too-busy", "There is more to do than can wait", "",
                      "expected to be sent again after the seconds in the header Retry-After"});
}

void Service::Log(const ReplyTo& reply, int status) {
  if (!options_.log) return;
  const bool error = status >= 400;
  if (options_.log_level == LogLevel::kErrors && !error) return;
  uint64_t left_out = 0;
  if (options_.log_level == LogLevel::kErrors) {
    const std::lock_guard lock(log_mutex_);
    const int64_t second = clock_->NowNs() / kNsPerSecond;
    if (second != log_second_) {
      log_second_ = second;
      log_lines_ = 0;
      left_out = log_left_out_;
      log_left_out_ = 0;
    }
    if (++log_lines_ > kErrorLinesPerSecondMax) {
      ++log_left_out_;
      return;
    }
  }
  std::string line = Timestamp{clock_->NowNs()}.ToString();
  line += ' ';
  line += reply.route == nullptr
              ? "-"
              : std::string(reply.route->method) + " " + std::string(reply.route->path);
  line += ' ' + std::to_string(status) + ' ';
  line += std::to_string(
      std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - reply.received)
          .count());
  line += "us";
  if (left_out > 0) line += " (" + std::to_string(left_out) + " lines before it left out)";
  options_.log(line);
}

void Service::RunCommand(ApiCall call, std::function<void(ApiCall*, engine::Engine*)> command) {
  const auto kept = std::make_shared<ApiCall>(std::move(call));
  const bool taken = writer_->Run(
      [kept, run = std::move(command)](engine::Engine* engine) { run(kept.get(), engine); });
  if (!taken) SendBusy(&kept->reply);
}

void Service::RunWork(ApiCall call, std::function<void(ApiCall*)> work) {
  const auto kept = std::make_shared<ApiCall>(std::move(call));
  const bool taken = workers_->Run([kept, run = std::move(work)] { run(kept.get()); });
  if (!taken) SendBusy(&kept->reply);
}

// --- start and end ---

Service::Service(FileSystem& files, Clock* clock, ServiceOptions options)
    : files_(files), clock_(clock), options_(std::move(options)) {}

Service::~Service() { Stop().IgnoreError(); }

Result<std::unique_ptr<Service>> Service::Open(FileSystem& files, Clock* clock,
                                               ServiceOptions options) {
  std::unique_ptr<Service> service(new Service(files, clock, std::move(options)));
  CREDENCE_TRY(service->Start());
  return service;
}

Status Service::Start() {
  CREDENCE_TRY(ReloadKeys());
  if (!options_.person_keys.empty()) {
    CREDENCE_ASSIGN(protection_, Protection::Open(files_, options_.person_keys));
  }
  gate_ = std::make_unique<SharedGate>(protection_.get());
  artefacts_ = std::make_unique<engine::ArtefactStore>(files_, options_.store + "/artefacts");
  engine::Options engine_options = options_.engine;
  if (options_.first_pack != nullptr) engine_options.known_packs.push_back(options_.first_pack);
  CREDENCE_ASSIGN(auto engine, engine::Engine::Open(files_, options_.store, engine_options));
  opened_ = engine->opened();
  if (engine->pack() == nullptr && options_.first_pack != nullptr) {
    // Events of the past may follow where they arrive at their own time.
    const bool history = options_.arrival == engine::Arrival::kHistory;
    const Timestamp now = history ? Timestamp{INT64_MIN + 1} : Timestamp{clock_->NowNs()};
    CREDENCE_TRY(engine->Activate(options_.first_pack, "credence serve", "", now));
  }
  const std::shared_ptr<const pack::Pack> active = engine->state().pack;
  gate_->SetPack(active);
  CREDENCE_TRY(LoadPacks(active.get()));
  if (active != nullptr) packs_[active->digest].pack = active;
  ShowRequests(*engine);
  if (options_.read_model) {
    const uint64_t frames = engine->journal().durable().frames;
    CREDENCE_ASSIGN(projector_, Projector::Open(files_, options_.store, frames));
    CREDENCE_ASSIGN(readers_, projection::Readers::Open(ReadModelPath(options_.store)));
    projector_->Start(&durable_);
  }
  Writer::Options writing;
  writing.arrival = options_.arrival;
  writing.queue_events_max = options_.queue_events_max;
  writing.on_durable = [this](uint64_t frames) { durable_.Publish(frames); };
  writer_ =
      std::make_unique<Writer>(std::move(engine), gate_.get(), this, &metrics_, clock_, writing);
  workers_ = std::make_unique<Workers>(kWorkerThreads, kWorkerQueueMax);
  return {};
}

Status Service::ReloadKeys() {
  if (options_.api_keys.empty()) return {};
  CREDENCE_ASSIGN(ApiKeys keys, ApiKeys::Read(files_, options_.api_keys));
  const std::lock_guard lock(keys_mutex_);
  keys_ = std::move(keys);
  return {};
}

bool Service::has_keys() const {
  const std::lock_guard lock(keys_mutex_);
  return !keys_.empty();
}

Status Service::Stop() {
  // The writer may still hand work to the workers, and they to it: those that come too late are
  // told so.
  if (workers_ != nullptr) workers_->Stop();
  const Status stopped = writer_ == nullptr ? OkStatus() : writer_->Stop();
  durable_.Stop();
  if (projector_ == nullptr) return stopped;
  const Status closed = projector_->Finish();
  readers_.reset();
  projector_.reset();
  return stopped.ok() ? closed : stopped;
}

}  // namespace credence::api
