#pragma once
// Service: the endpoints of the HTTP interface over one engine (docs/API.md, openapi.json). It owns
// engine, writer and workers; an http::Server calls Check and Handle.
//
// Check looks at the headers alone: path, method, key, role, media type and size are judged before
// a body is read. Without API keys everything is allowed, to callers that name the server by an IP
// address or "localhost" (so that no web page can reach it by a name of its own); whoever starts
// the server must then bind it to a loopback address.
//
// Nothing that a caller sent is logged: a line has method, route, status, time and the id of the
// key.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/api/api_keys.h"
#include "src/api/metrics.h"
#include "src/api/projector.h"
#include "src/api/workers.h"
#include "src/api/writer.h"
#include "src/engine/artefacts.h"
#include "src/http/server.h"
#include "src/http/target.h"

namespace credence::api {

inline constexpr size_t kBatchLinesMax = 1'000;                 // events of one request
inline constexpr size_t kBatchBytesMax = size_t{4} << 20;       // of a request with several
inline constexpr size_t kPackUploadBytesMax = size_t{8} << 20;  // JSON of a pack's files
inline constexpr size_t kAdminBytesMax = size_t{16} << 10;      // body of any other request
inline constexpr size_t kPacksMax = 64;                         // known at a time
inline constexpr size_t kByBytesMax = 64;
inline constexpr size_t kReasonTextBytesMax = 1'024;
inline constexpr size_t kWorkerThreads = 2;
inline constexpr size_t kWorkerQueueMax = 64;
// How long a read waits for the read model to show what was asked for.
inline constexpr std::chrono::milliseconds kReadPatience{2'000};
inline constexpr int kErrorLinesPerSecondMax = 10;

enum class LogLevel : uint8_t { kNone = 0, kErrors = 1, kRequests = 2 };

struct ServiceOptions {
  std::string store;  // folder
  engine::Options engine;
  engine::Arrival arrival = engine::Arrival::kLive;
  std::string person_keys;  // folder of the keys of personal fields; empty: none
  std::string api_keys;     // file; empty: none
  // Put in charge where the store has no active pack. May be null.
  std::shared_ptr<const pack::Pack> first_pack;
  // Keep the read model (projector.h) beside the journal. Without it what reads decisions and
  // events answers 503. Needs real files.
  bool read_model = true;
  // One person may activate a pack alone. Always so without API keys.
  bool single_approval = false;
  size_t queue_events_max = kQueueEventsMax;
  pack::TzifSource* zones = nullptr;  // for packs that are uploaded
  LogLevel log_level = LogLevel::kErrors;
  std::function<void(std::string_view line)> log;  // any thread; may be empty
};

// One request on its way through an endpoint.
struct ApiCall {
  http::Request request;
  http::Target target;
  ReplyTo reply;
  std::string by;  // name of the key's owner
};

class Service final : public Writer::Audience {
 public:
  static Result<std::unique_ptr<Service>> Open(FileSystem& files, Clock* clock,
                                               ServiceOptions options);
  ~Service() override;

  // For http::Server::Start. The service outlives the server.
  http::HeadVerdict Check(const http::Request& head);
  void Handle(http::Request request, http::Responder responder);
  void CountStatus(int status) { metrics_.CountStatus(status); }
  // Whose connections /metrics tells. Null: none.
  void SetServer(const http::Server* server) { server_.store(server); }

  // Reads the file of API keys again. A file that cannot be read leaves the keys as they were.
  Status ReloadKeys();
  [[nodiscard]] bool has_keys() const;
  [[nodiscard]] std::shared_ptr<const pack::Pack> pack() const { return gate_->pack(); }
  [[nodiscard]] EngineView view() const { return writer_->view(); }
  [[nodiscard]] const engine::OpenReport& opened() const { return opened_; }

  // What was taken is done; the engine is closed. After the server has stopped. Its status.
  Status Stop();

 private:
  struct PackEntry {
    std::shared_ptr<const pack::Pack> pack;
    std::string requested_by;  // asked for its activation, which waits for a second person
  };

  Service(FileSystem& files, Clock* clock, ServiceOptions options);
  Status Start();
  Status LoadPacks(const pack::Pack* active);

  // service.cc
  static std::span<const Route> Routes();
  void Done(Job* job, const engine::Outcome& outcome) override;
  void Refused(Job* job, const Problem& problem) override;
  const Route* FindRoute(const http::Request& head, const http::Target& target, Problem* problem,
                         std::string* allow) const;
  bool Authorise(const http::Request& head, Roles roles, std::string* by, Problem* problem) const;
  void Send(ReplyTo* reply, http::Response response);
  void SendJson(ReplyTo* reply, int status, std::string json);
  void SendProblem(ReplyTo* reply, const Problem& problem);
  void SendBusy(ReplyTo* reply);
  void Log(const ReplyTo& reply, int status);
  // The command runs on the writer's thread, or the caller is told that there is no room.
  void RunCommand(ApiCall call, std::function<void(ApiCall*, engine::Engine*)> command);
  void RunWork(ApiCall call, std::function<void(ApiCall*)> work);

  // events_api.cc
  void PostEvents(ApiCall call);
  void PostDecisions(ApiCall call);
  void TakeOne(ApiCall* call, bool must_decide);
  void TakeBatch(ApiCall* call, std::string_view media_type);
  void TakeLines(ApiCall* call, const std::vector<std::string_view>& lines, bool as_array);
  void DryRun(Job* job);
  void AddLine(const std::shared_ptr<BatchReply>& batch, size_t line, std::string json);
  void SendLines(BatchReply* batch);
  bool SlotsShownTo(ApiCall* call, bool* show);

  // admin_api.cc
  void GetHealth(ApiCall call);
  void GetReady(ApiCall call);
  void GetMetrics(ApiCall call);
  void GetOpenApi(ApiCall call);
  void GetState(ApiCall call);
  void GetKillSwitch(ApiCall call);
  void PostKillSwitch(ApiCall call);
  void GetRates(ApiCall call);
  void PostRates(ApiCall call);

  // packs_api.cc
  void GetPacks(ApiCall call);
  void GetPack(ApiCall call);
  void PostPacks(ApiCall call);
  void CheckPack(ApiCall call);
  void ActivatePack(ApiCall call);
  void DiffPacks(ApiCall call);
  std::shared_ptr<const pack::Pack> FindPack(ReplyTo* reply, std::string_view hex);
  void AskForApproval(ApiCall* asked, engine::Engine* engine,
                      const std::shared_ptr<const pack::Pack>& pack);
  void PutInCharge(ApiCall* asked, engine::Engine* engine,
                   const std::shared_ptr<const pack::Pack>& pack, const std::string& asked_by,
                   const std::string& approved_by);
  void SendActivationProblem(ApiCall* asked, const Status& status);
  void SendActivation(ApiCall* asked, int http_status, std::string_view state, const Digest& pack,
                      const std::string& asked_by, const std::string& approved_by,
                      const engine::Engine& engine);
  void ShowRequests(const engine::Engine& engine);

  // reads_api.cc
  void GetDecision(ApiCall call);
  void GetDecisions(ApiCall call);
  void GetEntity(ApiCall call);
  void GetActivity(ApiCall call);
  void GetActions(ApiCall call);
  // A read of the read model, on a worker, once it shows what the caller asks for.
  void RunRead(ApiCall call, std::function<void(ApiCall*)> read);
  // False, and answered 503: the read model does not show this sequence in time.
  bool WaitForRead(ReplyTo* reply, Seq seq, std::string_view field);
  void SendEntity(std::shared_ptr<ApiCall> asked, const projection::EntityKey& key);
  Result<std::shared_ptr<const pack::Pack>> PackOf(const Digest& digest);
  Result<study::StoredDecision> ReadStored(const projection::DecisionRow& row);
  // The answer to an event that was here before: with the decision that was made then.
  void SendDuplicate(Job* job, const engine::Outcome& outcome);

  FileSystem& files_;
  Clock* const clock_;
  const ServiceOptions options_;
  ServerMetrics metrics_;
  engine::OpenReport opened_;
  std::unique_ptr<Protection> protection_;
  std::unique_ptr<SharedGate> gate_;
  std::unique_ptr<engine::ArtefactStore> artefacts_;  // of the writer's thread
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Workers> workers_;
  study::DurableHead durable_;
  std::unique_ptr<Projector> projector_;          // null without a read model
  std::unique_ptr<projection::Readers> readers_;  // the same
  std::atomic<const http::Server*> server_{nullptr};

  mutable std::mutex keys_mutex_;
  ApiKeys keys_;  // guarded by keys_mutex_

  mutable std::mutex packs_mutex_;
  std::map<Digest, PackEntry> packs_;  // guarded by packs_mutex_

  std::mutex log_mutex_;
  int64_t log_second_ = 0;     // guarded by log_mutex_
  int log_lines_ = 0;          // guarded by log_mutex_
  uint64_t log_left_out_ = 0;  // guarded by log_mutex_
};

// One endpoint.
struct Route {
  std::string_view method;
  std::string_view path;  // "/v1/packs/*/check"; a star stands for any one segment
  Roles roles;            // any of them will do; kNoRole: open to all
  // Media types that a body may have, between spaces; empty: there is no body.
  std::string_view media;
  size_t body_bytes_max;
  std::string_view parameters;  // of the query, between spaces
  void (Service::*handle)(ApiCall call);
};

// The text of /openapi.json.
[[nodiscard]] std::string_view OpenApiText();

}  // namespace credence::api
