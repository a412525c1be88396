#pragma once
// Zones for tests, read from the machine's own database.

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "src/calendar/zone.h"

namespace credence::feel {

class TestZones final : public ZoneSource {
 public:
  const Zone* Find(std::string_view name) override {
    const auto known = zones_.find(name);
    if (known != zones_.end()) return known->second.get();
    if (name.empty() || name[0] == '/' || name.find("..") != std::string_view::npos) return nullptr;
    std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
    std::stringstream bytes;
    if (!file || !(bytes << file.rdbuf())) return nullptr;
    auto zone = Zone::FromTzif(std::string(name), bytes.str());
    if (!zone.ok()) return nullptr;
    auto& place = zones_[std::string(name)];
    place = std::make_unique<Zone>(std::move(zone).value());
    return place.get();
  }

 private:
  std::map<std::string, std::unique_ptr<Zone>, std::less<>> zones_;
};

}  // namespace credence::feel
