#pragma once
// What several commands need of the machine: packs from folders, time zones from the system, a
// store.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/base/file.h"
#include "src/engine/engine.h"
#include "src/pack/pack.h"

namespace credence::apps {

// The system's zone database. Zones are made when they are first asked for; one thread at a time.
class SystemZones final : public pack::TzifSource, public ZoneSource {
 public:
  explicit SystemZones(FileSystem& files) : files_(files) {}
  std::optional<std::string> Read(std::string_view zone_name) override;
  const Zone* Find(std::string_view zone_name) override;

 private:
  FileSystem& files_;
  std::map<std::string, std::unique_ptr<Zone>, std::less<>> zones_;
};

// Loads and checks the pack in `folder`; prints its diagnostics. Null after errors.
std::shared_ptr<const pack::Pack> LoadPack(FileSystem& files, const std::string& folder);

// The time of the first event in a file of events (one CloudEvent a line); nothing if there is none
// that has one.
std::optional<Timestamp> FirstEventTime(FileSystem& files, const std::string& path);

// Reads a file line by line, without holding more than a part of it.
class LineReader {
 public:
  static constexpr size_t kPartBytes = size_t{1} << 20;
  static constexpr size_t kLineBytesMax = size_t{1}
                                          << 20;  // a longer line is cut there, and refused later
  static Result<std::unique_ptr<LineReader>> Open(FileSystem& files, const std::string& path);
  // False at the end. The view lives until the next call.
  Result<bool> Next(std::string_view* line);
  [[nodiscard]] uint64_t position() const { return offset_ - (part_.size() - at_); }
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] uint64_t line_number() const { return line_number_; }

 private:
  std::unique_ptr<File> file_;
  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  std::string part_;
  size_t at_ = 0;
  uint64_t line_number_ = 0;
  std::string next_;
};

// The system's clock.
Timestamp Now();

}  // namespace credence::apps
