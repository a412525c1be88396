#include "sim/stall.h"

#include "src/base/diagnostic.h"
#include "src/journal/posix_file.h"

namespace credence::sim {

namespace {

constexpr size_t kRemembered = 8;

Status Edit(pack::FileSet* files, const std::string& file, std::string_view from,
            std::string_view to) {
  const auto found = files->find(file);
  const size_t at = found == files->end() ? std::string::npos : found->second.find(from);
  if (at == std::string::npos) {
    return Internal("sim/pack/" + file + " does not hold '" + std::string(from) + "'");
  }
  found->second.replace(at, from.size(), to);
  return OkStatus();
}

// TZif version 2 (RFC 8536) of a zone that is UTC for ever: the pack's bytes must not depend on the
// machine's zone database.
std::string UtcZone() {
  const auto header = [](char chars) {
    std::string bytes = "TZif2" + std::string(15, '\0');
    for (int count = 0; count < 4; ++count) bytes += std::string(4, '\0');
    bytes += std::string(3, '\0') + '\1';
    return bytes + std::string(3, '\0') + chars;
  };
  return header('\1') + std::string(7, '\0') + header('\4') + std::string(6, '\0') +
         std::string("UTC\0", 4) + "\nUTC0\n";
}

void Remember(std::string what, std::vector<std::string>* kept) {
  if (kept->size() == kRemembered) kept->erase(kept->begin());
  kept->push_back(std::move(what));
}

}  // namespace

Result<std::shared_ptr<const pack::Pack>> LoadStall(StallPack which) {
  journal::PosixFileSystem disk;
  CREDENCE_ASSIGN(pack::FileSet files, pack::ReadFolder(disk, CREDENCE_SOURCE_DIR "/sim/pack"));
  files["tzdata/UTC"] = UtcZone();
  if (which == StallPack::kOtherPolicy) {
    CREDENCE_TRY(Edit(&files, "policy.dmn", "&gt; 900", "&gt; 500"));
  } else if (which == StallPack::kMoreFeatures) {
    CREDENCE_TRY(Edit(&files, "features.yaml", "windows: [1h, 1d]", "windows: [1h, 6h, 1d]"));
  }
  std::vector<Diagnostic> diagnostics;
  auto pack = pack::Load(std::move(files), "sim/pack", nullptr, &diagnostics);
  if (pack == nullptr) return Internal(ToString(diagnostics.front()));
  return pack;
}

std::string StallEvents::Next() {
  // Slowly enough that an event which is sent again after some hundred others is not too late.
  if (random_.OneIn(20)) now_.ns += random_.Between(1, 60) * kNsPerMinute;
  now_.ns += random_.Between(1, 900) * 1'000'000;
  if (!sent_.empty() && random_.OneIn(12)) return sent_[random_.Below(sent_.size())];
  const std::string id = prefix_ + std::to_string(++count_);
  const std::string buyer = "\"b" + std::to_string(random_.Below(4)) + "\"";
  const std::string host = "\"h" + std::to_string(random_.Below(2)) + "\"";
  const std::string amount = "\"" + std::to_string(random_.Between(1, 999)) + "." +
                             std::to_string(random_.Between(10, 99)) + "\"";
  // Some arrive late, some from a clock that is fast.
  Timestamp time = now_;
  if (random_.OneIn(5)) time.ns -= random_.Between(0, 40) * kNsPerMinute;
  if (random_.OneIn(9)) time.ns += random_.Between(0, 20) * kNsPerMinute;
  std::string type;
  std::string data;
  std::string reverses;
  const uint64_t kind = random_.Below(8);
  if (kind < 4) {
    type = "order.placed";
    data = "\"buyer_id\":" + buyer + ",\"host_id\":" + host + ",\"amount\":" + amount;
    Remember(id, &orders_);
  } else if (kind < 7 || orders_.empty()) {
    type = "payment.made";
    data = "\"buyer_id\":" + buyer + ",\"amount\":" + amount;
    if (random_.OneIn(3)) {
      data += ",\"note\":\"" + std::string(random_.Below(300), 'n') + "\"";
    }
  } else {
    type = "order.cancelled";
    data = "\"buyer_id\":" + buyer;
    reverses = ",\"reverses\":\"" + orders_[random_.Below(orders_.size())] + "\"";
  }
  std::string json = R"({"specversion":"1.0","id":")" + id + R"(","source":"stall","type":")" +
                     type + R"(","time":")" + time.ToString() + "\"" + reverses + ",\"data\":{" +
                     data + "}}";
  Remember(json, &sent_);
  return json;
}

}  // namespace credence::sim
