#include "apps/load.h"

#include <fmt/format.h>

#include <chrono>

#include "apps/terminal.h"

namespace credence::apps {

std::optional<std::string> SystemZones::Read(std::string_view zone_name) {
  if (zone_name.empty() || zone_name.front() == '/' ||
      zone_name.find("..") != std::string_view::npos) {
    return std::nullopt;
  }
  constexpr uint64_t kZoneBytesMax = uint64_t{1} << 20;
  auto bytes =
      ReadWholeFile(files_, "/usr/share/zoneinfo/" + std::string(zone_name), kZoneBytesMax);
  if (!bytes.ok()) return std::nullopt;
  return std::move(*bytes);
}

const Zone* SystemZones::Find(std::string_view zone_name) {
  const auto known = zones_.find(zone_name);
  if (known != zones_.end()) return known->second.get();
  std::unique_ptr<Zone>& slot = zones_[std::string(zone_name)];
  const auto bytes = Read(zone_name);
  if (!bytes) return nullptr;
  auto zone = Zone::FromTzif(std::string(zone_name), *bytes);
  if (zone.ok()) slot = std::make_unique<Zone>(std::move(*zone));
  return slot.get();
}

std::shared_ptr<const pack::Pack> LoadPack(FileSystem& files, const std::string& folder) {
  auto content = pack::ReadFolder(files, folder);
  if (!content.ok()) {
    Fail("cannot read the pack " + folder + ": " + content.status().message());
    return nullptr;
  }
  std::string label = folder;
  while (label.size() > 1 && label.back() == '/') label.pop_back();
  SystemZones zones(files);
  std::vector<Diagnostic> diagnostics;
  auto pack = pack::Load(std::move(*content), label, &zones, &diagnostics);
  Print(diagnostics);
  if (pack == nullptr) {
    size_t errors = 0;
    for (const Diagnostic& diagnostic : diagnostics)
      errors += diagnostic.severity == Severity::kError ? 1 : 0;
    Fail(fmt::format("{} has {} error{}", folder, errors, errors == 1 ? "" : "s"));
  }
  return pack;
}

std::optional<Timestamp> FirstEventTime(FileSystem& files, const std::string& path) {
  auto lines = LineReader::Open(files, path);
  if (!lines.ok()) return std::nullopt;
  std::string_view line;
  for (int i = 0; i < 1000; ++i) {
    const auto more = (*lines)->Next(&line);
    if (!more.ok() || !*more) return std::nullopt;
    // The gate judges the event; here its time alone is looked for.
    const size_t key = line.find("\"time\"");
    const size_t open = key == std::string_view::npos ? key : line.find('"', key + 6);
    const size_t close = open == std::string_view::npos ? open : line.find('"', open + 1);
    if (close == std::string_view::npos) continue;
    const auto time = Timestamp::Parse(line.substr(open + 1, close - open - 1));
    if (time.ok()) return *time;
  }
  return std::nullopt;
}

Result<std::unique_ptr<LineReader>> LineReader::Open(FileSystem& files, const std::string& path) {
  auto reader = std::make_unique<LineReader>();
  CREDENCE_ASSIGN(reader->file_, files.Open(path, OpenMode::kRead));
  CREDENCE_ASSIGN(reader->size_, reader->file_->Size());
  return reader;
}

Result<bool> LineReader::Next(std::string_view* line) {
  while (true) {
    const size_t end = part_.find('\n', at_);
    if (end != std::string::npos) {
      *line = std::string_view(part_).substr(at_, end - at_);
      at_ = end + 1;
      ++line_number_;
      return true;
    }
    if (offset_ >= size_ || part_.size() - at_ > kLineBytesMax) {
      if (at_ >= part_.size()) return false;
      *line = std::string_view(part_).substr(at_);
      at_ = part_.size();
      ++line_number_;
      return true;
    }
    part_.erase(0, at_);
    at_ = 0;
    CREDENCE_TRY(file_->ReadAt(offset_, kPartBytes, &next_));
    if (next_.empty()) offset_ = size_;
    offset_ += next_.size();
    part_ += next_;
  }
}

Timestamp Now() {
  return Timestamp{std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count()};
}

}  // namespace credence::apps
