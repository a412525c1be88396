#include "tests/conformance/scenario_file.h"

#include <rapidjson/document.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

namespace credence::conformance {
namespace {

void Generalise(Step& step) {
  const std::string& text = step.text;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') {
      const size_t end = text.find('"', i + 1);
      if (end == std::string::npos) {
        step.kind += text.substr(i);
        return;
      }
      step.args.push_back(text.substr(i + 1, end - i - 1));
      step.kind += "\"X\"";
      i = end + 1;
    } else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0) {
      size_t end = i;
      const auto digit = [&](size_t at) {
        return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
      };
      while (digit(end)) ++end;
      if (end < text.size() && text[end] == '.' && digit(end + 1)) {
        ++end;
        while (digit(end)) ++end;
      }
      step.args.push_back(text.substr(i, end - i));
      step.kind += 'N';
      i = end;
    } else {
      step.kind += text[i++];
    }
  }
}

// Empty where the line has the form of scenario_file.h.
std::string WhatIsWrong(const rapidjson::Document& json) {
  if (json.HasParseError()) {
    return "no JSON from byte " + std::to_string(json.GetErrorOffset()) + " on";
  }
  const auto text = [](const rapidjson::Value& value, const char* name) {
    return value.HasMember(name) && value[name].IsString();
  };
  if (!json.IsObject() || !text(json, "file") || !text(json, "name") || !json.HasMember("line") ||
      !json["line"].IsInt() || !json.HasMember("steps") || !json["steps"].IsArray()) {
    return "expected file, line, name and steps";
  }
  for (rapidjson::SizeType i = 0; i < json["steps"].Size(); ++i) {
    const auto& step = json["steps"][i];
    const std::string where = "step " + std::to_string(i + 1) + ": ";
    if (!step.IsObject() || !text(step, "text")) return where + "expected a text";
    if (!step.HasMember("table") || step["table"].IsNull()) continue;
    if (!step["table"].IsArray()) return where + "expected a table of rows";
    for (const auto& row : step["table"].GetArray()) {
      if (!row.IsArray()) return where + "expected a table of rows";
      for (const auto& cell : row.GetArray()) {
        if (!cell.IsString()) return where + "expected cells of text";
      }
      if (row.Size() != step["table"][0].Size()) return where + "a row of another length";
    }
  }
  return "";
}

}  // namespace

std::string Step::Cell(size_t row, std::string_view column) const {
  if (table.empty() || row >= table.size()) return "";
  for (size_t i = 0; i < table[0].size(); ++i) {
    if (table[0][i] == column) return i < table[row].size() ? table[row][i] : "";
  }
  return "";
}

bool Step::Has(std::string_view column) const {
  return !table.empty() && std::find(table[0].begin(), table[0].end(), column) != table[0].end();
}

Result<std::vector<Scenario>> ReadScenarios(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return NotFound("no file " + path);
  std::string text;
  std::array<char, 1 << 16> buffer;
  int got = 0;
  while ((got = gzread(file, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  gzclose(file);
  if (got < 0) return DataLoss(path + " is not whole");
  std::vector<Scenario> scenarios;
  std::istringstream in(text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    rapidjson::Document json;
    json.Parse(line.c_str());
    Scenario scenario;
    scenario.id = path.substr(path.rfind('/') + 1) + ":" + std::to_string(number);
    if (const std::string why = WhatIsWrong(json); !why.empty()) {
      scenario.unreadable = scenario.id + ": " + why;
      scenarios.push_back(std::move(scenario));
      continue;
    }
    scenario.id =
        std::string(json["file"].GetString()) + ":" + std::to_string(json["line"].GetInt());
    scenario.name = json["name"].GetString();
    for (const auto& item : json["steps"].GetArray()) {
      Step step;
      step.text = item["text"].GetString();
      if (item.HasMember("table") && item["table"].IsArray()) {
        for (const auto& cells : item["table"].GetArray()) {
          Row row;
          for (const auto& cell : cells.GetArray()) row.emplace_back(cell.GetString());
          step.table.push_back(std::move(row));
        }
      }
      Generalise(step);
      scenario.steps.push_back(std::move(step));
    }
    scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

}  // namespace credence::conformance
