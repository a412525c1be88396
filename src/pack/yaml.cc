#include "src/pack/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace credence::pack {

void Reporter::Error(uint32_t line, uint32_t column, std::string code, std::string message,
                     std::string hint) {
  if (diagnostics_->size() > kErrorsMax) return;
  if (diagnostics_->size() == kErrorsMax) {
    diagnostics_->push_back({Severity::kError, file_, 0, 0, "too-many-errors",
                             "there are more errors than the first " + std::to_string(kErrorsMax),
                             ""});
    return;
  }
  diagnostics_->push_back({Severity::kError, file_, line, column, std::move(code),
                           std::move(message), std::move(hint)});
}

void Reporter::Unknown(const Node& at, std::string_view what, std::string_view name,
                       const std::vector<std::string>& known) {
  const std::string_view nearest = NearestName(name, known);
  Error(at, "unknown-name",
        "unknown " + std::string(what) + " '" + std::string(name.substr(0, 64)) + "'",
        nearest.empty() ? "" : "did you mean '" + std::string(nearest) + "'?");
}

namespace {

// Builds the tree from the parser's events. Stops building (but not parsing) at the first refusal.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Reporter* reporter) : reporter_(reporter) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Refuse(mark, anchor, "");
    Place(Scalar(mark, "", false));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "aliases are not allowed: write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Refuse(mark, anchor, tag);
    Place(Scalar(mark, value, tag == "!"));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Refuse(mark, anchor, tag);
    Open(mark, Node::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Refuse(mark, anchor, tag);
    Open(mark, Node::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  [[nodiscard]] bool failed() const { return failed_; }
  std::optional<Node> Root() { return failed_ ? std::nullopt : std::move(root_); }

 private:
  struct Level {
    Node node;
    std::optional<Node> key;  // of a map, while its value is awaited
  };

  static Node Scalar(const YAML::Mark& mark, const std::string& text, bool quoted) {
    Node node;
    node.text = text;
    node.quoted = quoted;
    node.line = static_cast<uint32_t>(mark.line + 1);
    node.column = static_cast<uint32_t>(mark.column + 1);
    return node;
  }
  void Fail(const YAML::Mark& mark, std::string message) {
    if (!failed_) {
      reporter_->Error(static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1),
                       "yaml", std::move(message));
    }
    failed_ = true;
  }
  void Refuse(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag) {
    if (anchor != 0) Fail(mark, "anchors are not allowed: write the value out where it is needed");
    if (!tag.empty() && tag != "?" && tag != "!") Fail(mark, "tags are not allowed");
    if (++nodes_ > kYamlNodesMax) Fail(mark, "the file has too many values");
  }
  void Open(const YAML::Mark& mark, Node::Kind kind) {
    if (levels_.size() >= kYamlDepthMax) {
      Fail(mark, "expected at most " + std::to_string(kYamlDepthMax) + " levels of nesting");
    }
    Level level;
    level.node = Scalar(mark, "", false);
    level.node.kind = kind;
    if (!failed_) levels_.push_back(std::move(level));
  }
  void Close() {
    if (failed_) return;
    Node node = std::move(levels_.back().node);
    levels_.pop_back();
    Place(std::move(node));
  }
  void Place(Node node) {
    if (failed_) return;
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::kList) {
      level.node.items.push_back(std::move(node));
    } else if (!level.key) {
      PlaceKey(&level, std::move(node));
    } else {
      level.node.keys.push_back(std::move(*level.key));
      level.node.items.push_back(std::move(node));
      level.key.reset();
    }
  }
  void PlaceKey(Level* level, Node key) {
    YAML::Mark mark;
    mark.line = static_cast<int>(key.line) - 1;
    mark.column = static_cast<int>(key.column) - 1;
    if (key.kind != Node::Kind::kScalar) return Fail(mark, "expected a key that is text");
    if (key.text == "<<" && !key.quoted) return Fail(mark, "merge keys are not allowed");
    if (level->node.keys.size() == kYamlKeysMax) {
      return Fail(mark, "expected at most " + std::to_string(kYamlKeysMax) + " keys in one map");
    }
    for (const Node& other : level->node.keys) {
      if (other.text == key.text) {
        reporter_->Error(key, "duplicate-key", "the key '" + key.text + "' stands here twice",
                         "the first is on line " + std::to_string(other.line));
      }
    }
    level->key = std::move(key);
  }

  Reporter* reporter_;
  std::vector<Level> levels_;
  std::optional<Node> root_;
  size_t nodes_ = 0;
  bool failed_ = false;
};

// Whether the line (from 0) begins with white space that holds a tab.
bool IndentedByTab(std::string_view text, int line) {
  size_t at = 0;
  for (; line > 0 && at != std::string_view::npos; --line) {
    at = text.find('\n', at);
    if (at != std::string_view::npos) ++at;
  }
  if (line != 0 || at == std::string_view::npos) return false;
  const size_t end = text.find_first_not_of(" \t", at);
  return text.substr(at, end - at).find('\t') != std::string_view::npos;
}

}  // namespace

std::optional<Node> ParseYaml(std::string_view text, Reporter* reporter) {
  if (text.size() > kYamlBytesMax) {
    reporter->Error(0, 0, "too-large",
                    "expected at most " + std::to_string(kYamlBytesMax) + " bytes");
    return std::nullopt;
  }
  uint32_t line_number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    ++line_number;
    if (!IsValidUtf8(line) || line.find('\0') != std::string_view::npos) {
      reporter->Error(line_number, 0, "encoding", "expected text in UTF-8, without NUL");
      return std::nullopt;
    }
    at = end + 1;
  }
  // Nesting is counted before parsing: the parser itself recurses.
  size_t depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kYamlDepthMax * 8) {
      reporter->Error(0, 0, "yaml",
                      "expected at most " + std::to_string(kYamlDepthMax) + " levels of nesting");
      return std::nullopt;
    }
  }
  TreeBuilder builder(reporter);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      Node empty;
      empty.kind = Node::Kind::kMap;
      empty.line = empty.column = 1;
      return empty;
    }
    TreeBuilder second(reporter);
    if (!builder.failed() && parser.HandleNextDocument(second)) {
      reporter->Error(0, 0, "yaml", "expected one document");
      return std::nullopt;
    }
  } catch (const YAML::Exception& error) {
    reporter->Error(static_cast<uint32_t>(error.mark.line + 1),
                    static_cast<uint32_t>(error.mark.column + 1), "yaml",
                    "not well-formed YAML: " + error.msg,
                    IndentedByTab(text, error.mark.line) ? "indentation is made of spaces, not tabs"
                    : error.msg == "unknown token"
                        ? "inside {} and [] text with a ? needs quotes: {coupon: \"money?\"}"
                        : "");
    return std::nullopt;
  }
  return builder.Root();
}

MapReader::MapReader(const Node& node, std::string what, Reporter* reporter)
    : node_(node), what_(std::move(what)), reporter_(reporter) {
  if (node.kind != Node::Kind::kMap) {
    reporter_->Error(node, "wrong-type", what_ + ": expected a map");
  }
}

const Node* MapReader::Take(std::string_view name) {
  asked_.emplace_back(name);
  if (node_.kind != Node::Kind::kMap) return nullptr;
  for (size_t i = 0; i < node_.keys.size(); ++i) {
    if (node_.keys[i].text == name) return &node_.items[i];
  }
  return nullptr;
}

const Node* MapReader::Require(std::string_view name) {
  const Node* member = Take(name);
  if (member == nullptr && node_.kind == Node::Kind::kMap) {
    reporter_->Error(node_, "missing-key",
                     what_ + ": expected the key '" + std::string(name) + "'");
  }
  return member;
}

void MapReader::Finish() {
  for (const Node& key : node_.keys) {
    if (std::find(asked_.begin(), asked_.end(), key.text) == asked_.end()) {
      reporter_->Unknown(key, "key in " + what_, key.text, asked_);
    }
  }
}

std::optional<std::string> ReadText(const Node& node, std::string_view what, Reporter* reporter) {
  if (node.kind != Node::Kind::kScalar || node.text.empty()) {
    reporter->Error(node, "wrong-type", std::string(what) + ": expected text");
    return std::nullopt;
  }
  return node.text;
}

std::optional<bool> ReadFlag(const Node& node, std::string_view what, Reporter* reporter) {
  if (node.kind == Node::Kind::kScalar && (node.text == "true" || node.text == "false")) {
    return node.text == "true";
  }
  reporter->Error(node, "wrong-type", std::string(what) + ": expected true or false");
  return std::nullopt;
}

std::optional<int64_t> ReadInteger(const Node& node, std::string_view what, int64_t low,
                                   int64_t high, Reporter* reporter) {
  const auto value = node.kind == Node::Kind::kScalar ? ParseInt128(node.text) : std::nullopt;
  if (!value || *value < low || *value > high) {
    reporter->Error(node, "wrong-type",
                    std::string(what) + ": expected an integer from " + std::to_string(low) +
                        " to " + std::to_string(high));
    return std::nullopt;
  }
  return static_cast<int64_t>(*value);
}

std::optional<std::string> ReadName(const Node& node, std::string_view what, bool dots,
                                    Reporter* reporter) {
  bool good = node.kind == Node::Kind::kScalar && !node.text.empty() && node.text.size() <= 64 &&
              node.text[0] >= 'a' && node.text[0] <= 'z';
  char before = '.';
  for (const char c : node.text) {
    const bool dot = dots && c == '.' && before != '.';
    good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || dot);
    before = c;
  }
  if (good && before != '.') return node.text;
  reporter->Error(node, "bad-name",
                  std::string(what) + ": expected a name of lower case letters, digits and _" +
                      (dots ? " and ." : "") + ", at most 64 bytes");
  return std::nullopt;
}

}  // namespace credence::pack
