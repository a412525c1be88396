// The endpoints of packs: upload, check, activate with two persons, list, compare.

#include <algorithm>

#include "src/api/json_body.h"
#include "src/api/json_writer.h"
#include "src/api/pack_cases.h"
#include "src/api/service.h"
#include "src/base/bytes.h"

namespace credence::api {

namespace {

constexpr std::string_view kManifest = ".manifest";
constexpr std::string_view kLabel = "pack";  // before the paths of an uploaded pack

void WriteDiagnostics(const std::vector<Diagnostic>& diagnostics, JsonWriter* out) {
  static constexpr std::string_view kSeverities[] = {"", "error", "warning", "note"};
  out->Key("diagnostics");
  out->BeginArray();
  for (const Diagnostic& diagnostic : diagnostics) {
    out->BeginObject();
    out->TextMember("severity", kSeverities[static_cast<size_t>(diagnostic.severity)]);
    out->OptionalTextMember("file", diagnostic.file);
    out->Key("line");
    out->Integer(diagnostic.line);
    out->Key("column");
    out->Integer(diagnostic.column);
    out->TextMember("code", diagnostic.code);
    out->TextMember("message", diagnostic.message);
    out->OptionalTextMember("hint", diagnostic.hint);
    out->EndObject();
  }
  out->EndArray();
}

void WritePack(const pack::Pack& pack, bool active, std::string_view requested_by,
               JsonWriter* out) {
  out->TextMember("digest", pack.digest.ToHex());
  out->TextMember("name", pack.name);
  out->Key("version");
  out->Integer(pack.version);
  out->Key("title");
  out->BeginObject();
  out->TextMember("en", pack.title[static_cast<size_t>(pack::Language::kEnglish)]);
  out->TextMember("zh", pack.title[static_cast<size_t>(pack::Language::kChinese)]);
  out->EndObject();
  out->Key("active");
  out->Boolean(active);
  out->OptionalTextMember("activation_requested_by", requested_by);
}

// Names of one kind in one pack and not in the other.
void WriteNames(std::string_view key, std::vector<std::string> a, std::vector<std::string> b,
                JsonWriter* out) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto list = [&](std::string_view name, const auto& from, const auto& but) {
    std::vector<std::string> only;
    std::set_difference(from.begin(), from.end(), but.begin(), but.end(), std::back_inserter(only));
    out->Key(name);
    out->BeginArray();
    for (const std::string& each : only) out->Text(each);
    out->EndArray();
  };
  out->Key(key);
  out->BeginObject();
  list("removed", a, b);
  list("added", b, a);
  out->EndObject();
}

std::vector<std::string> EventNames(const pack::Pack& pack) {
  std::vector<std::string> names;
  for (const auto& type : pack.schema.event_types) names.push_back(type.name);
  return names;
}

std::vector<std::string> DecisionNames(const pack::Pack& pack) {
  std::vector<std::string> names;
  for (const auto& plan : pack.decisions) names.push_back(plan.name);
  return names;
}

// With the definition, so that one whose definition changed is in neither.
std::vector<std::string> FeatureNames(const pack::Pack& pack) {
  std::vector<std::string> names;
  for (const auto& feature : pack.features.features()) {
    names.push_back(feature.slot.name + " " + feature.definition.ToHex().substr(0, 16));
  }
  return names;
}

bool IsPackPath(std::string_view path) {
  if (path.empty() || path.size() > 256 || path.front() == '/' || path.back() == '/') return false;
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
  });
  return plain && path.find("..") == std::string_view::npos &&
         path.find("//") == std::string_view::npos && path.substr(0, 7) != "tzdata/";
}

}  // namespace

// The packs that are kept beside the journal, so that an upload outlives a restart.
Status Service::LoadPacks(const pack::Pack* active) {
  const std::string folder = options_.store + "/artefacts";
  if (!files_.Exists(folder)) return {};
  CREDENCE_ASSIGN(const auto names, files_.List(folder));
  const std::lock_guard lock(packs_mutex_);
  for (const std::string& name : names) {
    std::string raw;
    Digest digest;
    if (!name.ends_with(kManifest) ||
        !FromHex(std::string_view(name).substr(0, name.size() - kManifest.size()), &raw) ||
        !Digest::FromRaw(raw, &digest)) {
      continue;
    }
    if (active != nullptr && active->digest == digest) continue;
    if (packs_.size() == kPacksMax) break;
    CREDENCE_ASSIGN(pack::FileSet files, artefacts_->Get(digest));
    std::vector<Diagnostic> diagnostics;
    auto pack = pack::Load(std::move(files), kLabel, options_.zones, &diagnostics);
    // One that an older release took and this one does not is left where it is.
    if (pack != nullptr) packs_[digest].pack = std::move(pack);
  }
  return {};
}

std::shared_ptr<const pack::Pack> Service::FindPack(ReplyTo* reply, std::string_view hex) {
  std::string raw;
  Digest digest;
  if (FromHex(hex, &raw) && Digest::FromRaw(raw, &digest)) {
    const std::lock_guard lock(packs_mutex_);
    const auto found = packs_.find(digest);
    if (found != packs_.end()) return found->second.pack;
  }
  SendProblem(reply, {404, "unknown-pack", "There is no such pack", "digest",
                      "expected the digest of a pack that was uploaded: 64 hexadecimal digits"});
  return nullptr;
}

void Service::GetPacks(ApiCall call) {
  const auto active = gate_->pack();
  JsonWriter out;
  out.BeginObject();
  out.Key("packs");
  out.BeginArray();
  {
    const std::lock_guard lock(packs_mutex_);
    for (const auto& [digest, entry] : packs_) {
      out.BeginObject();
      WritePack(*entry.pack, active != nullptr && active->digest == digest, entry.requested_by,
                &out);
      out.EndObject();
    }
  }
  out.EndArray();
  out.EndObject();
  SendJson(&call.reply, 200, out.Finish());
}

void Service::GetPack(ApiCall call) {
  const auto pack = FindPack(&call.reply, call.target.segments[2]);
  if (pack == nullptr) return;
  const auto active = gate_->pack();
  std::string requested_by;
  {
    const std::lock_guard lock(packs_mutex_);
    requested_by = packs_[pack->digest].requested_by;
  }
  JsonWriter out;
  out.BeginObject();
  WritePack(*pack, active != nullptr && active->digest == pack->digest, requested_by, &out);
  out.Key("files");
  out.BeginArray();
  for (const auto& [path, content] : pack->files) {
    out.BeginObject();
    out.TextMember("path", path);
    out.Key("bytes");
    out.Integer(static_cast<int64_t>(content.size()));
    out.TextMember("sha256", Sha256(content).ToHex());
    out.EndObject();
  }
  out.EndArray();
  const auto names = [&](std::string_view key, const std::vector<std::string>& list) {
    out.Key(key);
    out.BeginArray();
    for (const std::string& name : list) out.Text(name);
    out.EndArray();
  };
  names("event_types", EventNames(*pack));
  names("decisions", DecisionNames(*pack));
  out.Key("features");
  out.Integer(static_cast<int64_t>(pack->features.features().size()));
  out.Key("cases");
  out.Integer(static_cast<int64_t>(pack->cases.size()));
  out.EndObject();
  SendJson(&call.reply, 200, out.Finish());
}

void Service::PostPacks(ApiCall call) {
  RunWork(std::move(call), [this](ApiCall* asked) {
    JsonBody body;
    Problem problem;
    std::vector<std::pair<std::string, std::string>> given;
    if (!body.Parse(asked->request.body, {"files"}, &problem) ||
        !body.Texts("files", pack::kPackFilesMax, &given, &problem)) {
      return SendProblem(&asked->reply, problem);
    }
    pack::FileSet files;
    for (auto& [path, content] : given) {
      if (!IsPackPath(path)) {
        return SendProblem(&asked->reply,
                           {422, "invalid-member", "A member of the body is not what it should be",
                            "files", "expected paths inside the pack, such as models/score.pmml"});
      }
      files.emplace(std::move(path), std::move(content));
    }
    std::vector<Diagnostic> diagnostics;
    const auto pack = pack::Load(std::move(files), kLabel, options_.zones, &diagnostics);
    JsonWriter out;
    out.BeginObject();
    if (pack == nullptr) {
      problem = {422, "invalid-pack", "The pack has errors", "files",
                 "expected a pack without errors; see diagnostics"};
      metrics_.CountRefusal(problem.code);
      WriteProblem(problem, &out);
      WriteDiagnostics(diagnostics, &out);
      out.EndObject();
      http::Response response;
      response.status = 422;
      response.content_type = kProblemMediaType;
      response.body = out.Finish();
      return Send(&asked->reply, std::move(response));
    }
    bool is_new = false;
    {
      const std::lock_guard lock(packs_mutex_);
      is_new = packs_.find(pack->digest) == packs_.end();
      if (is_new && packs_.size() >= kPacksMax) {
        problem = {409, "too-many-packs", "There are too many packs", "",
                   "expected at most " + std::to_string(kPacksMax) + " packs"};
      }
    }
    if (!problem.code.empty()) return SendProblem(&asked->reply, problem);
    WritePack(*pack, false, "", &out);
    WriteDiagnostics(diagnostics, &out);
    out.EndObject();
    // Kept on disk by the one thread that writes there.
    const auto reply = std::make_shared<ReplyTo>(std::move(asked->reply));
    const bool taken =
        writer_->Run([this, reply, pack, is_new, json = out.Finish()](engine::Engine* engine) {
          Digest digest;
          const Status kept = artefacts_->Put(pack->files, &digest);
          if (!kept.ok()) return SendProblem(reply.get(), EngineProblem(kept));
          {
            const std::lock_guard lock(packs_mutex_);
            packs_[digest].pack = pack;
          }
          ShowRequests(*engine);
          SendJson(reply.get(), is_new ? 201 : 200, json);
        });
    if (!taken) SendBusy(reply.get());
  });
}

void Service::CheckPack(ApiCall call) {
  auto pack = FindPack(&call.reply, call.target.segments[2]);
  if (pack == nullptr) return;
  JsonBody body;
  Problem problem;
  if (!body.Parse(call.request.body, {}, &problem)) return SendProblem(&call.reply, problem);
  RunWork(std::move(call), [this, pack = std::move(pack)](ApiCall* asked) {
    std::vector<Diagnostic> diagnostics;
    static_cast<void>(pack::Load(pack->files, kLabel, options_.zones, &diagnostics));
    size_t failed = 0;
    JsonWriter out;
    out.BeginObject();
    out.TextMember("digest", pack->digest.ToHex());
    out.Key("cases");
    out.BeginArray();
    for (const pack::Case& example : pack->cases) {
      const std::vector<std::string> failures = RunPackCase(example, pack);
      failed += failures.empty() ? 0 : 1;
      out.BeginObject();
      out.TextMember("name", example.name);
      out.TextMember("file", example.file);
      out.Key("passed");
      out.Boolean(failures.empty());
      out.Key("failures");
      out.BeginArray();
      for (const std::string& failure : failures) out.Text(failure);
      out.EndArray();
      out.EndObject();
    }
    out.EndArray();
    out.Key("passed");
    out.Boolean(failed == 0);
    WriteDiagnostics(diagnostics, &out);
    out.EndObject();
    SendJson(&asked->reply, 200, out.Finish());
  });
}

void Service::ActivatePack(ApiCall call) {
  auto pack = FindPack(&call.reply, call.target.segments[2]);
  if (pack == nullptr) return;
  JsonBody body;
  Problem problem;
  if (!body.Parse(call.request.body, {}, &problem)) return SendProblem(&call.reply, problem);
  RunCommand(std::move(call), [this, pack = std::move(pack)](ApiCall* asked,
                                                             engine::Engine* engine) {
    if (options_.single_approval || options_.api_keys.empty()) {
      return PutInCharge(asked, engine, pack, asked->by, "");
    }
    const auto& requests = engine->state().activation_requests;
    const auto request = requests.find(pack->digest);
    if (request == requests.end()) return AskForApproval(asked, engine, pack);
    const std::string asked_by = request->second;
    if (asked_by == asked->by) {
      return SendProblem(&asked->reply, {409, "second-person", "A second person has to approve", "",
                                         "expected the API key of another person than who asked"});
    }
    PutInCharge(asked, engine, pack, asked_by, asked->by);
  });
}

// On the writer's thread, as what follows.
void Service::AskForApproval(ApiCall* asked, engine::Engine* engine,
                             const std::shared_ptr<const pack::Pack>& pack) {
  const Status status = engine->RequestActivation(*pack, asked->by, writer_->CommandTime(*engine));
  if (!status.ok()) return SendActivationProblem(asked, status);
  ShowRequests(*engine);
  SendActivation(asked, 202, "waits-for-approval", pack->digest, asked->by, "", *engine);
}

void Service::PutInCharge(ApiCall* asked, engine::Engine* engine,
                          const std::shared_ptr<const pack::Pack>& pack,
                          const std::string& asked_by, const std::string& approved_by) {
  const Status status =
      engine->Activate(pack, asked_by, approved_by, writer_->CommandTime(*engine));
  // It may be in charge though the journal failed: nothing more is taken then.
  gate_->SetPack(engine->state().pack);
  ShowRequests(*engine);
  if (!status.ok()) return SendActivationProblem(asked, status);
  SendActivation(asked, 200, "active", pack->digest, asked_by, approved_by, *engine);
}

void Service::SendActivationProblem(ApiCall* asked, const Status& status) {
  SendProblem(&asked->reply,
              status.code() == StatusCode::kInvalidArgument
                  ? Problem{422, "refused", "The command is refused", "digest", status.message()}
                  : EngineProblem(status));
}

void Service::SendActivation(ApiCall* asked, int http_status, std::string_view state,
                             const Digest& pack, const std::string& asked_by,
                             const std::string& approved_by, const engine::Engine& engine) {
  JsonWriter out;
  out.BeginObject();
  out.TextMember("state", state);
  out.TextMember("digest", pack.ToHex());
  out.TextMember("activated_by", asked_by);
  out.OptionalTextMember("approved_by", approved_by);
  out.Key("sequence");
  out.Integer(static_cast<int64_t>(engine.state().last_seq.value()));
  out.EndObject();
  SendJson(&asked->reply, http_status, out.Finish());
}

// To those who list packs: which activations wait.
void Service::ShowRequests(const engine::Engine& engine) {
  const std::lock_guard lock(packs_mutex_);
  for (auto& [digest, entry] : packs_) {
    const auto request = engine.state().activation_requests.find(digest);
    entry.requested_by = request == engine.state().activation_requests.end() ? "" : request->second;
  }
}

void Service::DiffPacks(ApiCall call) {
  const auto a = FindPack(&call.reply, call.target.segments[2]);
  if (a == nullptr) return;
  const auto b = FindPack(&call.reply, call.target.segments[4]);
  if (b == nullptr) return;
  JsonWriter out;
  out.BeginObject();
  out.TextMember("from", a->digest.ToHex());
  out.TextMember("to", b->digest.ToHex());
  out.Key("files");
  out.BeginArray();
  const auto write = [&](std::string_view path, std::string_view change) {
    out.BeginObject();
    out.TextMember("path", path);
    out.TextMember("change", change);
    out.EndObject();
  };
  for (const auto& [path, content] : a->files) {
    const auto other = b->files.find(path);
    if (other == b->files.end()) {
      write(path, "removed");
    } else if (other->second != content) {
      write(path, "changed");
    }
  }
  for (const auto& [path, content] : b->files) {
    if (a->files.find(path) == a->files.end()) write(path, "added");
  }
  out.EndArray();
  WriteNames("event_types", EventNames(*a), EventNames(*b), &out);
  WriteNames("decisions", DecisionNames(*a), DecisionNames(*b), &out);
  WriteNames("features", FeatureNames(*a), FeatureNames(*b), &out);
  out.EndObject();
  SendJson(&call.reply, 200, out.Finish());
}

}  // namespace credence::api
