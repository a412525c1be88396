// credence serve: the engine behind HTTP, until a signal ends it.

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>

#include "apps/checkpoints.h"
#include "apps/commands.h"
#include "apps/load.h"
#include "apps/reserved_memory.h"
#include "apps/terminal.h"
#include "src/api/service.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

constexpr uint16_t kPortDefault = 8080;

struct Options {
  std::string pack;
  std::string store;
  std::string listen = "127.0.0.1:8080";
  std::string keys;
  std::string api_keys;
  std::string ready_file;
  std::string log = "errors";
  double stop_after = 0;
  int threads = 1;
  bool history = false;
  bool single_approval = false;
  size_t queue = api::kQueueEventsMax;
  int header_timeout_ms = 10'000;
  int body_timeout_ms = 30'000;
  int idle_timeout_ms = 75'000;
  size_t connections = http::kConnectionsMax;
  uint64_t segment_bytes = journal::kSegmentBytesDefault;
  engine::CheckpointOptions checkpoints;
  uint64_t reserve_bytes = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t NowNs() override { return Now().ns; }
};

struct Address {
  std::string ip;
  uint16_t port = kPortDefault;
  [[nodiscard]] bool loopback() const { return ip.starts_with("127.") || ip == "::1"; }
};

// "127.0.0.1:8080", "[::1]:0", "0.0.0.0", ":8080".
std::optional<Address> ParseAddress(const std::string& text) {
  Address address;
  std::string port;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string::npos || (end + 1 < text.size() && text[end + 1] != ':')) return {};
    address.ip = text.substr(1, end - 1);
    if (end + 1 < text.size()) port = text.substr(end + 2);
  } else {
    const size_t colon = text.find(':');
    address.ip = text.substr(0, colon);
    if (colon != std::string::npos) port = text.substr(colon + 1);
  }
  if (address.ip.empty()) address.ip = "127.0.0.1";
  if (port.empty()) return address;
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos) return {};
  const int number = std::stoi(port);
  if (number > 65'535) return {};
  address.port = static_cast<uint16_t>(number);
  return address;
}

// Signals that end the server come to the main thread alone, when it asks for them. Before any
// thread is made.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Until SIGTERM, SIGINT or the given time. SIGHUP, and each second that passes, reads the API keys
// again.
void WaitForEnd(const sigset_t& signals, double stop_after, api::Service* service) {
  const Timestamp begin = Now();
  std::string complaint;
  while (true) {
    const timespec second{1, 0};
    timespec patience = second;
    if (stop_after > 0) {
      const double left =
          stop_after - static_cast<double>(Now().ns - begin.ns) / static_cast<double>(kNsPerSecond);
      if (left <= 0) return;
      if (left < 1) patience = {0, static_cast<long>(left * 1e9)};
    }
    const int number = sigtimedwait(&signals, nullptr, &patience);
    if (number == SIGTERM || number == SIGINT) return;
    const Status read = service->ReloadKeys();
    if (!read.ok() && read.message() != complaint) {
      fmt::print(stderr, "credence: the API keys stay as they were: {}\n", read.message());
    }
    complaint = read.ok() ? "" : read.message();
  }
}

Result<std::unique_ptr<api::Service>> OpenService(const Options& options, FileSystem& files,
                                                  Clock* clock, SystemZones* zones,
                                                  std::shared_ptr<const pack::Pack> pack) {
  api::ServiceOptions service;
  service.store = options.store;
  service.person_keys = options.keys;
  service.api_keys = options.api_keys;
  service.first_pack = std::move(pack);
  service.zones = zones;
  service.single_approval = options.single_approval;
  service.queue_events_max = options.queue;
  service.arrival = options.history ? engine::Arrival::kHistory : engine::Arrival::kLive;
  service.log_level = options.log == "none"     ? api::LogLevel::kNone
                      : options.log == "errors" ? api::LogLevel::kErrors
                                                : api::LogLevel::kRequests;
  service.log = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  service.engine.own_journal_thread = true;
  service.engine.journal.segment_bytes = options.segment_bytes;
  service.engine.journal.write_ahead = journal::WriteAhead::kSegments;
  service.engine.journal.own_ahead_thread = true;
  service.engine.journal.past_page_cache = !service.read_model;  // which is folded from it
  if (options.checkpoints.every_events > 0) {
    service.engine.checkpoints = options.checkpoints;
    service.engine.checkpoints.backing = CheckpointsOf(options.store);
  }
  return api::Service::Open(files, clock, std::move(service));
}

Result<std::unique_ptr<http::Server>> StartServer(const Options& options, const Address& address,
                                                  api::Service* service) {
  http::ServerOptions server;
  server.address = address.ip;
  server.port = address.port;
  server.threads = options.threads;
  server.connections_max = options.connections;
  server.header_timeout = std::chrono::milliseconds(options.header_timeout_ms);
  server.body_timeout = std::chrono::milliseconds(options.body_timeout_ms);
  server.idle_timeout = std::chrono::milliseconds(options.idle_timeout_ms);
  server.on_refused = [service](int status) { service->CountStatus(status); };
  return http::Server::Start(
      server,
      [service](http::Request request, http::Responder responder) {
        service->Handle(std::move(request), std::move(responder));
      },
      [service](const http::Request& head) { return service->Check(head); });
}

int Serve(const Options& options) {
  const sigset_t signals = BlockSignals();
  const auto address = ParseAddress(options.listen);
  if (!address) return Fail("--listen: expected ADDRESS:PORT, such as 127.0.0.1:8080");
  if (options.api_keys.empty() && !address->loopback()) {
    return Fail(
        "without API keys the server listens at a loopback address only: give --api-keys FILE "
        "(credence key api-new makes keys), or --listen 127.0.0.1:8080");
  }
  const Status reserved = ReserveMemory(options.reserve_bytes, false);
  if (!reserved.ok()) return Fail(reserved);
  journal::PosixFileSystem files;
  SystemClock clock;
  SystemZones zones(files);
  std::shared_ptr<const pack::Pack> pack;
  if (!options.pack.empty()) {
    pack = LoadPack(files, options.pack);
    if (pack == nullptr) return 1;
  }
  auto service = OpenService(options, files, &clock, &zones, pack);
  if (!service.ok()) {
    return Fail("cannot open the store " + options.store + ": " + service.status().message());
  }
  WarnOfDamage((*service)->opened().damaged_checkpoint);
  if (!options.api_keys.empty() && !(*service)->has_keys()) {
    return Fail("there are no API keys in " + options.api_keys +
                ": make one with credence key api-new");
  }
  const auto active = (*service)->pack();
  if (pack != nullptr && active->digest != pack->digest) {
    fmt::print(
        stderr,
        "credence: the store's active pack stays {} {} ({}); --pack is only for a new store: "
        "POST /v1/packs and activate it\n          已有配置包生效，--pack 仅用于新存储\n",
        active->name, active->version, active->digest.ToHex().substr(0, 16));
  }
  auto server = StartServer(options, *address, service->get());
  if (!server.ok()) return Fail(server.status());
  (*service)->SetServer(server->get());
  fmt::print("credence serves http://{} 服务已启动\n", (*server)->address());
  fmt::print("store {}, sequence {}, {}\n", options.store, (*service)->view().seq.value(),
             active == nullptr ? "no active pack"
                               : fmt::format("pack {} {} ({})", active->name, active->version,
                                             active->digest.ToHex().substr(0, 16)));
  if (options.api_keys.empty()) {
    fmt::print("no API keys: everything is allowed, to this machine alone 未启用密钥，仅限本机\n");
  }
  std::fflush(stdout);
  if (!options.ready_file.empty()) {
    const Status written = ReplaceFile(files, options.ready_file, (*server)->address() + "\n");
    if (!written.ok()) return Fail(written);
  }
  WaitForEnd(signals, options.stop_after, service->get());
  (*service)->SetServer(nullptr);
  (*server)->Stop();
  const Status stopped = (*service)->Stop();
  if (!stopped.ok()) return Fail(stopped);
  fmt::print("stopped at sequence {} 已停止\n", (*service)->view().seq.value());
  return 0;
}

}  // namespace

Action AddServe(CLI::App* app) {
  auto options = std::make_shared<Options>();
  app->add_option("--store", options->store,
                  "folder of journal, artefacts and checkpoints (made if missing) 存储目录")
      ->required();
  app->add_option("--pack", options->pack,
                  "folder of the pack that a new store begins with 配置包目录");
  app->add_option("--listen", options->listen, "address and port; port 0: any 监听地址")
      ->capture_default_str();
  app->add_option(
      "--api-keys", options->api_keys,
      "file of the API keys (credence key api-new); without it everything is allowed, at "
      "a loopback address only 接口密钥文件");
  app->add_option("--keys", options->keys,
                  "folder with the keys of personal fields (made if missing) 个人信息密钥目录");
  app->add_flag("--single-approval", options->single_approval,
                "one person may activate a pack alone 单人即可启用配置包");
  app->add_flag("--history", options->history,
                "old events: each arrives at its own time 事件按自身时间到达");
  AddCheckpointOptions(app, CheckpointUse::kWrites, &options->checkpoints);
  AddReserveOption(app, &options->reserve_bytes);
  app->add_option(
         "--segment-bytes", options->segment_bytes,
         "of a file of the journal; two of them are written ahead of what comes 日志段大小")
      ->check(CLI::Range(journal::kSegmentBytesMin, journal::kSegmentBytesMax))
      ->capture_default_str();
  app->add_option("--queue", options->queue, "events that may wait; more are refused with 429")
      ->check(CLI::Range(size_t{1}, size_t{1'000'000}))
      ->capture_default_str();
  app->add_option("--connections", options->connections, "connections at a time")
      ->check(CLI::Range(size_t{1}, size_t{100'000}))
      ->capture_default_str();
  app->add_option("--http-threads", options->threads, "threads that read and write connections")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app->add_option("--header-timeout-ms", options->header_timeout_ms,
                  "for the headers of a request, once it has begun")
      ->check(CLI::Range(1, 3'600'000));
  app->add_option("--body-timeout-ms", options->body_timeout_ms, "for its body")
      ->check(CLI::Range(1, 3'600'000));
  app->add_option("--idle-timeout-ms", options->idle_timeout_ms, "without a request")
      ->check(CLI::Range(1, 3'600'000));
  app->add_option("--log", options->log,
                  "requests: a line each; errors: at most ten lines a second; none. A line holds "
                  "nothing that was sent 日志")
      ->check(CLI::IsMember({"requests", "errors", "none"}))
      ->capture_default_str();
  app->add_option("--ready-file", options->ready_file,
                  "file that gets the address once requests are taken");
  app->add_option("--stop-after", options->stop_after, "stop after so many seconds");
  app->footer(
      "Examples:\n"
      "  credence serve --pack packs/bank-account-loan --store run/bank\n"
      "  credence key api-new run/api.keys --name shop --roles ingest,decide\n"
      "  credence serve --store run/bank --listen 0.0.0.0:8080 --api-keys run/api.keys\n"
      "SIGTERM and SIGINT answer what was accepted and close the store; SIGHUP reads the API keys "
      "again.\nThe interface: docs/API.md, and /openapi.json of the server.");
  return [options] { return Serve(*options); };
}

}  // namespace credence::apps
