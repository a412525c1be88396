#include "bench/peers/peers_run.h"

#include <cmath>
#include <filesystem>
#include <optional>
#include <unordered_map>

namespace credence::bench {

namespace {

constexpr double kRounding = 1e-9;
constexpr size_t kExamplesMax = 3;  // of a kind

Result<std::unique_ptr<Peer>> Start(const std::string& name,
                                    const std::shared_ptr<const pack::Pack>& pack,
                                    const PeerOptions& options) {
  if (name == "credence") return StartCredence(pack, options);
  if (name == "redis") return StartRedis(pack, options);
  if (name == "postgres") return StartPostgres(pack, options);
  return InvalidArgument("there is no peer '" + name + "'; there are credence, redis, postgres");
}

// Which orders are older than one before them of the same entity.
Result<std::vector<bool>> FindLate(const std::shared_ptr<const pack::Pack>& pack,
                                   std::span<const std::string> texts) {
  Decider decider(pack);
  Arena arena;
  std::unordered_map<std::string, int64_t> newest;
  std::vector<bool> late(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    arena.Reset();
    Order order;
    CREDENCE_TRY(decider.Parse(texts[i], i + 1, &arena, &order));
    for (const std::string_view key : order.keys) {
      int64_t& time = newest.try_emplace(std::string(key), order.time_us).first->second;
      if (order.time_us < time) late[i] = true;
      time = std::max(time, order.time_us);
    }
  }
  return late;
}

std::optional<double> NumberOf(const record::Value& value) {
  switch (value.kind()) {
    case record::ValueKind::kInteger:
      return static_cast<double>(value.integer());
    case record::ValueKind::kDecimal:
      return value.decimal().ToDouble();
    case record::ValueKind::kMoney:
      return static_cast<double>(value.base_minor());
    case record::ValueKind::kDuration:
      return static_cast<double>(value.duration_ns());
    default:
      return std::nullopt;
  }
}

bool OnlyRounded(const record::Value& a, const record::Value& b) {
  const auto left = NumberOf(a);
  const auto right = NumberOf(b);
  if (a.kind() != b.kind() || !left || !right) return false;
  const double difference = std::abs(*left - *right);
  if (a.kind() == record::ValueKind::kDuration) return difference <= 1'000;
  return difference <= kRounding * std::max(std::abs(*left), std::abs(*right));
}

class Comparer {
 public:
  Comparer(const pack::Pack& pack, const std::vector<bool>& late, uint64_t preload, size_t stride)
      : features_(pack.features.features()), late_(late), preload_(preload), stride_(stride) {}

  Comparison Compare(const Recorder& ours, const Recorder& theirs, bool concurrent) {
    Comparison result;
    for (size_t i = 0; i < ours.samples().size(); ++i) {
      const auto& left = ours.samples()[i];
      const auto& right = theirs.samples()[i];
      for (size_t f = 0; f < std::min(left.size(), right.size()); ++f) {
        ++result.values;
        if (left[f] == right[f]) {
          ++result.equal;
          continue;
        }
        const uint64_t order = preload_ + i * stride_;
        const auto note = [&](uint64_t* count, const char* kind) {
          if (++*count > kExamplesMax) return;
          result.examples.push_back(std::string(kind) + ": order " + std::to_string(order + 1) +
                                    ", " + features_[f].slot.name + ": " + ToString(left[f]) +
                                    ", theirs " + ToString(right[f]));
        };
        if (OnlyRounded(left[f], right[f])) {
          note(&result.rounded, "rounded");
        } else if (late_[order]) {
          note(&result.late, "late");
        } else if (concurrent) {
          note(&result.concurrent, "concurrent");
        } else {
          note(&result.unexplained, "unexplained");
        }
      }
    }
    for (size_t i = 0; i < ours.outcomes().size(); ++i) {
      ++result.decisions;
      if (ours.outcomes()[i] != theirs.outcomes()[i]) ++result.decided_otherwise;
    }
    return result;
  }

 private:
  const std::vector<feature::Feature>& features_;
  const std::vector<bool>& late_;
  uint64_t preload_;
  size_t stride_;
};

Status RunOne(Peer* peer, const std::vector<std::string>& texts, const PeersOptions& options,
              const pack::Pack& pack, PeerReport* report, Recorder* recorder) {
  const std::span all(texts);
  report->version = peer->version();
  report->in_flight = peer->in_flight();
  CREDENCE_TRY(peer->Preload(all.first(options.preload)));
  CREDENCE_ASSIGN(report->before, peer->Measure());
  const Clock::time_point begin = Clock::now();
  CREDENCE_TRY(peer->Run(all.subspan(options.preload, options.events), options.preload + 1, false,
                         recorder));
  report->seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  report->events = options.events;
  report->latency = recorder->latency();
  CREDENCE_ASSIGN(report->after, peer->Measure());
  Recorder singles(pack, options.singles, options.stride);
  CREDENCE_TRY(peer->Run(all.subspan(options.preload + options.events, options.singles),
                         options.preload + options.events + 1, true, &singles));
  report->alone = singles.latency();
  return {};
}

}  // namespace

Result<std::vector<PeerReport>> RunPeers(const std::shared_ptr<const pack::Pack>& pack,
                                         const std::vector<std::string>& texts,
                                         const PeersOptions& options) {
  if (texts.size() < options.preload + options.events + options.singles) {
    return InvalidArgument("there are " + std::to_string(texts.size()) +
                           " events: fewer than preload, events and singles together");
  }
  CREDENCE_ASSIGN(const std::vector<bool> late, FindLate(pack, texts));
  Comparer comparer(*pack, late, options.preload, options.stride);
  std::vector<PeerReport> reports;
  std::unique_ptr<Recorder> reference;
  for (const std::string& name : options.peers) {
    PeerReport& report = reports.emplace_back();
    report.name = name;
    PeerOptions own = options.peer;
    own.folder = options.folder + "/" + name;
    auto peer = Start(name, pack, own);
    if (!peer.ok() && peer.status().code() == StatusCode::kUnavailable) {
      report.skipped = peer.status().message();
      continue;
    }
    if (!peer.ok()) return peer.status();
    auto recorder = std::make_unique<Recorder>(*pack, options.events, options.stride);
    CREDENCE_TRY(RunOne(peer->get(), texts, options, *pack, &report, recorder.get()));
    if (reference == nullptr) {
      reference = std::move(recorder);
    } else {
      report.comparison =
          comparer.Compare(*reference, *recorder, name == "postgres" && report.in_flight > 1);
    }
  }
  return reports;
}

}  // namespace credence::bench
