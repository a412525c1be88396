#include "src/model/pmml_reader.h"

#include <algorithm>

#include "src/model/pmml.h"

namespace credence::model {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool Contains(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Quoted(std::string_view text) {
  constexpr size_t kShownMax = 80;
  std::string shown(text.substr(0, kShownMax));
  while (!shown.empty() && text.size() > kShownMax &&
         (static_cast<unsigned char>(text[shown.size()]) & 0xC0) == 0x80) {
    shown.pop_back();  // not inside a character
  }
  return "'" + shown + (text.size() > kShownMax ? "…'" : "'");
}

}  // namespace

std::string_view DataTypeName(DataType type) {
  switch (type) {
    case DataType::kString:
      return "string";
    case DataType::kInteger:
      return "integer";
    case DataType::kNumber:
      return "double";
    case DataType::kBoolean:
      return "boolean";
  }
  return "";
}

std::optional<Decimal> ParseNumber(std::string_view text) {
  constexpr int kDigitsMax = 30;
  const std::optional<Decimal> number = Decimal::Parse(Trim(text));
  if (!number || !number->IsFinite()) return std::nullopt;
  if (number->Abs() >= Decimal::FromScaled(1, kDigitsMax)) return std::nullopt;
  if (number->Canonical().Scale() > kDigitsMax) return std::nullopt;
  return number;
}

void PmmlReader::Add(Severity severity, Position at, std::string_view code, std::string message,
                     std::string hint) {
  if (severity == Severity::kError) failed_ = true;
  if (reported_ == kDiagnosticsMax) {
    ++reported_;
    diagnostics_->push_back({Severity::kError, std::string(file_), 0, 0, "too-many",
                             "there are more diagnostics than " + std::to_string(kDiagnosticsMax) +
                                 "; the rest is left out",
                             ""});
    failed_ = true;
  }
  if (reported_ > kDiagnosticsMax) return;
  ++reported_;
  diagnostics_->push_back({severity, std::string(file_), at.line, at.column, std::string(code),
                           std::move(message), std::move(hint)});
}

void PmmlReader::Error(Position at, std::string_view code, std::string message, std::string hint) {
  Add(Severity::kError, at, code, std::move(message), std::move(hint));
}

void PmmlReader::Warn(Position at, std::string_view code, std::string message) {
  Add(Severity::kWarning, at, code, std::move(message), "");
}

std::string PmmlReader::Nearest(std::string_view name, std::span<const std::string> candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  return nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?";
}

std::string PmmlReader::Nearest(std::string_view name, Names candidates) {
  const std::vector<std::string> list(candidates.begin(), candidates.end());
  return Nearest(name, list);
}

bool PmmlReader::EnterRoot(pugi::xml_node root) {
  const std::string_view name = root.name();
  const size_t colon = name.find(':');
  if (colon != std::string_view::npos) prefix_ = name.substr(0, colon + 1);
  if (name.substr(prefix_.size()) != "PMML") {
    Error(At(root), "unknown-element", "the root element is " + Quoted(name) + ", not 'PMML'");
    return false;
  }
  const std::string space_name =
      prefix_.empty() ? "xmlns" : "xmlns:" + prefix_.substr(0, prefix_.size() - 1);
  const std::string_view space = Text(root, space_name.c_str());
  const std::string_view version = Required(root, "version");
  for (const auto& [number, uri] : {std::pair{"4.1", "http://www.dmg.org/PMML-4_1"},
                                    std::pair{"4.2", "http://www.dmg.org/PMML-4_2"},
                                    std::pair{"4.3", "http://www.dmg.org/PMML-4_3"},
                                    std::pair{"4.4", "http://www.dmg.org/PMML-4_4"}}) {
    if (space == uri) {
      // "4.2.1" and "4.4.1" are corrections of their version and keep its namespace.
      if (version == number || version.starts_with(std::string(number) + ".")) return true;
      Error(At(root, "version"), "bad-version",
            "version " + Quoted(version) + " does not belong to the namespace " + std::string(uri));
      return false;
    }
  }
  Error(At(root, space_name), "bad-namespace",
        "the namespace is " + Quoted(space) + "; expected http://www.dmg.org/PMML-4_1 to PMML-4_4");
  return false;
}

std::string_view PmmlReader::Local(pugi::xml_node node) const {
  std::string_view name = node.name();
  if (!name.starts_with(prefix_)) return {};
  name.remove_prefix(prefix_.size());
  return name.find(':') == std::string_view::npos ? name : std::string_view();
}

void PmmlReader::CheckAttributes(pugi::xml_node node, Names known) {
  for (const pugi::xml_attribute attribute : node.attributes()) {
    const std::string_view name = attribute.name();
    if (Contains(known, name)) continue;
    const bool is_root = node.parent().type() == pugi::node_document;
    if (name == "xmlns" || name.starts_with("xmlns:")) {
      if (is_root) continue;
      Error(At(node, name), "unsupported", "a namespace may be declared on the root element only");
    } else if (is_root && name.starts_with("xsi:")) {
      continue;
    } else if (name.starts_with("x-")) {
      Add(Severity::kNote, At(node, name), "not-read",
          "the extension attribute " + Quoted(name) + " does not change the score and is not read",
          "");
    } else {
      Error(At(node, name), "unknown-attribute",
            std::string(node.name()) + " has no attribute " + Quoted(name), Nearest(name, known));
    }
  }
}

std::vector<pugi::xml_node> PmmlReader::Children(pugi::xml_node node, Names known, Names unread) {
  std::vector<pugi::xml_node> children;
  for (const pugi::xml_node child : node.children()) {
    if (child.type() != pugi::node_element) {
      if (child.type() == pugi::node_comment || Trim(child.value()).empty()) continue;
      Error(At(child), "unexpected-text",
            std::string(node.name()) + " holds text where none belongs");
      continue;
    }
    const std::string_view name = Local(child);
    if (Contains(known, name)) {
      children.push_back(child);
    } else if (name == "Extension" || Contains(unread, name)) {
      Add(Severity::kNote, At(child), "not-read",
          std::string(name) + " does not change the score and is not read", "");
    } else {
      Error(At(child), "unknown-element",
            std::string(node.name()) + " may not hold " + Quoted(child.name()) +
                ", or Credence does not support it there",
            Nearest(name, known));
    }
  }
  return children;
}

pugi::xml_node PmmlReader::One(std::span<const pugi::xml_node> children, std::string_view name) {
  pugi::xml_node found;
  for (const pugi::xml_node child : children) {
    if (Local(child) != name) continue;
    if (found) Error(At(child), "duplicate-element", "a second " + std::string(name));
    if (!found) found = child;
  }
  return found;
}

std::string_view PmmlReader::Required(pugi::xml_node node, const char* attribute) {
  const std::string_view text = Text(node, attribute);
  if (text.empty()) {
    Error(At(node), "missing-attribute",
          std::string(node.name()) + " needs the attribute '" + attribute + "'");
  }
  return text;
}

std::optional<Decimal> PmmlReader::Number(pugi::xml_node node, const char* attribute) {
  if (!Has(node, attribute)) return std::nullopt;
  const std::optional<Decimal> number = ParseNumber(Text(node, attribute));
  if (!number) {
    Error(
        At(node, attribute), "bad-number",
        std::string(attribute) + " is " + Quoted(Text(node, attribute)) + ", not a finite number");
  }
  return number;
}

std::optional<bool> PmmlReader::Boolean(pugi::xml_node node, const char* attribute) {
  if (!Has(node, attribute)) return std::nullopt;
  const std::string_view text = Text(node, attribute);
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  Error(At(node, attribute), "bad-value",
        std::string(attribute) + " is " + Quoted(text) + ", not 'true' or 'false'");
  return std::nullopt;
}

std::optional<uint32_t> PmmlReader::Count(pugi::xml_node node, const char* attribute) {
  const std::optional<Decimal> number = Number(node, attribute);
  if (!number) return std::nullopt;
  const std::optional<int64_t> value = number->ToInt64();
  if (!value || *value < 0 || *value > INT32_MAX) {
    Error(At(node, attribute), "bad-number", std::string(attribute) + " is not a count");
    return std::nullopt;
  }
  return static_cast<uint32_t>(*value);
}

void PmmlReader::BadChoice(pugi::xml_node node, const char* attribute, std::string_view text,
                           std::span<const std::string> names) {
  std::string message = std::string(attribute) + " is " + Quoted(text) + "; supported are ";
  for (size_t i = 0; i < names.size(); ++i) message += (i == 0 ? "" : ", ") + names[i];
  Error(At(node, attribute), "bad-value", std::move(message), Nearest(text, names));
}

std::optional<Constant> PmmlReader::ParseConstant(Position at, std::string_view text,
                                                  DataType type) {
  Constant constant;
  constant.type = type;
  switch (type) {
    case DataType::kString:
      constant.text = text;
      return constant;
    case DataType::kBoolean: {
      const std::string_view word = Trim(text);
      constant.boolean = word == "true" || word == "1";
      if (constant.boolean || word == "false" || word == "0") return constant;
      break;
    }
    case DataType::kInteger:
    case DataType::kNumber: {
      const std::optional<Decimal> number = ParseNumber(text);
      if (!number) break;
      constant.number = *number;
      return constant;
    }
  }
  Error(at, "bad-value",
        Quoted(text) + " is not a value of type " + std::string(DataTypeName(type)));
  return std::nullopt;
}

}  // namespace credence::model
