// Texts in both languages, and worked cases.

#include <algorithm>

#include "src/base/json_number.h"
#include "src/pack/loader.h"

namespace credence::pack {

namespace {

// A reason code: capitals, digits and _, at least three, beginning with a letter. Any text of that
// form in a policy is taken for one.
bool IsReasonCode(std::string_view text) {
  if (text.size() < 3 || text.size() > 64 || text[0] < 'A' || text[0] > 'Z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The string literals of a piece of FEEL.
void CollectCodes(const dmn::Text& text,
                  std::vector<std::pair<std::string, dmn::Position>>* codes) {
  size_t at = 0;
  while ((at = text.text.find('"', at)) != std::string::npos) {
    const size_t end = text.text.find('"', at + 1);
    if (end == std::string::npos) return;
    const std::string literal = text.text.substr(at + 1, end - at - 1);
    if (IsReasonCode(literal)) codes->emplace_back(literal, text.at);
    at = end + 1;
  }
}

void CollectCodes(const dmn::Expression& expression,
                  std::vector<std::pair<std::string, dmn::Position>>* codes) {
  CollectCodes(expression.text, codes);
  for (const dmn::Expression& part : expression.parts) CollectCodes(part, codes);
  if (expression.table == nullptr) return;
  for (const dmn::Rule& rule : expression.table->rules) {
    for (const dmn::Text& output : rule.outputs) CollectCodes(output, codes);
  }
  for (const dmn::OutputClause& output : expression.table->outputs) {
    if (output.default_entry) CollectCodes(*output.default_entry, codes);
  }
}

}  // namespace

void Loader::LoadTexts() {
  LoadTextFile(Language::kEnglish, "texts.en.yaml");
  LoadTextFile(Language::kChinese, "texts.zh.yaml");
  CheckTexts();
}

void Loader::LoadTextFile(Language language, const std::string& file) {
  const auto root = Parse(file, true);
  if (!root) return;
  Reporter reporter(Path(file), diagnostics_);
  texts_read_[static_cast<size_t>(language)] = true;
  Texts& texts = pack_->texts[static_cast<size_t>(language)];
  MapReader map(*root, file, &reporter);
  const auto read = [&](const char* key, auto* to, bool codes) {
    const Node* node = map.Take(key);
    if (node == nullptr) return;
    MapReader check(*node, key, &reporter);
    for (size_t i = 0; i < node->items.size(); ++i) {
      if (codes && !IsReasonCode(node->keys[i].text)) {
        reporter.Error(node->keys[i], "bad-name",
                       "a reason code has capitals, digits and _, at least three, at most 64");
      }
      if (const auto text = ReadText(node->items[i], node->keys[i].text, &reporter))
        (*to)[node->keys[i].text] = *text;
    }
  };
  read("outcomes", &texts.outcomes, false);
  read("reasons", &texts.reasons, true);
  map.Finish();
}

void Loader::CheckTexts() {
  const auto check = [&](Reporter* reporter, uint32_t line, uint32_t column, const char* what,
                         const std::string& code, auto texts_of) {
    for (const Language language : {Language::kEnglish, Language::kChinese}) {
      // A file that cannot be read was reported once; that is enough.
      if (!texts_read_[static_cast<size_t>(language)]) continue;
      const auto& texts = texts_of(pack_->texts[static_cast<size_t>(language)]);
      if (texts.contains(code)) continue;
      reporter->Error(line, column, "missing-text",
                      std::string(what) + " '" + code + "' has no text in texts." +
                          (language == Language::kEnglish ? "en" : "zh") + ".yaml");
    }
  };
  const auto reasons = [](const Texts& texts) -> const auto& { return texts.reasons; };
  const auto outcomes = [](const Texts& texts) -> const auto& { return texts.outcomes; };
  Reporter pack(Path("pack.yaml"), diagnostics_);
  std::set<std::string> seen;
  for (const DecisionDecl& decision : decisions_) {
    for (const std::string& outcome : decision.outcomes) {
      if (seen.insert(outcome).second)
        check(&pack, decision.at.line, decision.at.column, "the outcome", outcome, outcomes);
    }
  }
  seen.clear();
  if (policy_ != nullptr) {
    Reporter policy(Path("policy.dmn"), diagnostics_);
    std::vector<std::pair<std::string, dmn::Position>> codes;
    for (const dmn::Definitions* file : policy_->files()) {
      for (const auto& decision : file->decisions) {
        if (decision.expression) CollectCodes(*decision.expression, &codes);
      }
      for (const auto& knowledge : file->knowledge_models) {
        if (knowledge.logic) CollectCodes(*knowledge.logic, &codes);
      }
    }
    for (const auto& [code, at] : codes) {
      if (seen.insert(code).second) check(&policy, at.line, at.column, "the reason", code, reasons);
    }
  }
  for (const ModelDecl& model : models_) {
    if (model.scorecard == nullptr) continue;
    Reporter reporter(Path(model.file), diagnostics_);
    for (const auto& characteristic : model.scorecard->characteristics) {
      for (const auto& attribute : characteristic.attributes) {
        const std::string& code = attribute.reason_code;
        if (!code.empty() && seen.insert(code).second)
          check(&reporter, 0, 0, "the reason", code, reasons);
      }
    }
  }
}

void Loader::LoadCases() {
  for (const auto& [file, content] : files_) {
    if (file.starts_with("cases/") && file.ends_with(".yaml")) LoadCase(file);
  }
}

namespace {

void AppendQuoted(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte < 0x20) {
      *out += "\\u00";
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

// A number as JSON writes it; anything else, such as 007, is text.
bool LooksLikeNumber(const Node& node) { return !node.quoted && IsJsonNumber(node.text); }

// The node as JSON: plain true, false, null and numbers as such, all else as strings.
void AppendJson(const Node& node, std::string* out) {
  if (node.kind == Node::Kind::kScalar) {
    const bool literal =
        !node.quoted && (node.text == "true" || node.text == "false" || node.text == "null");
    if (literal || LooksLikeNumber(node)) {
      *out += node.text;
    } else {
      AppendQuoted(node.text, out);
    }
    return;
  }
  const bool map = node.kind == Node::Kind::kMap;
  out->push_back(map ? '{' : '[');
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (i > 0) out->push_back(',');
    if (map) {
      AppendQuoted(node.keys[i].text, out);
      out->push_back(':');
    }
    AppendJson(node.items[i], out);
  }
  out->push_back(map ? '}' : ']');
}

}  // namespace

void Loader::LoadCase(const std::string& file) {
  const auto root = Parse(file, true);
  if (!root) return;
  Reporter reporter(Path(file), diagnostics_);
  Case made;
  std::vector<std::string> ids;
  made.file = Path(file);
  made.line = root->line;
  MapReader map(*root, "case", &reporter);
  if (const Node* node = map.Require("name"))
    made.name = ReadText(*node, "name", &reporter).value_or("");
  if (const Node* node = map.Require("events")) {
    if (node->kind != Node::Kind::kList || node->items.size() > kCaseEventsMax) {
      reporter.Error(*node, "wrong-type",
                     "events: expected a list of at most " + std::to_string(kCaseEventsMax));
    }
    for (const Node& event : node->items) {
      if (event.kind != Node::Kind::kMap) {
        reporter.Error(event, "wrong-type", "an event: expected a map");
        continue;
      }
      for (size_t i = 0; i < event.keys.size(); ++i) {
        if (event.keys[i].text == "id") ids.push_back(event.items[i].text);
      }
      Node full = event;
      const auto add = [&](const char* key, const char* text) {
        if (std::any_of(full.keys.begin(), full.keys.end(),
                        [&](const Node& k) { return k.text == key; }))
          return;
        Node name;
        name.text = key;
        Node value;
        value.text = text;
        value.quoted = true;
        full.keys.push_back(name);
        full.items.push_back(value);
      };
      add("specversion", "1.0");
      add("source", "case");
      std::string json;
      AppendJson(full, &json);
      made.events.push_back(std::move(json));
    }
  }
  if (const Node* node = map.Require("expect")) {
    if (node->kind != Node::Kind::kList || node->items.empty())
      reporter.Error(*node, "wrong-type", "expect: expected a list");
    for (const Node& item : node->items) {
      Case::Expectation expected;
      expected.line = item.line;
      MapReader fields(item, "expect", &reporter);
      if (const Node* value = fields.Require("event"))
        expected.event = ReadText(*value, "event", &reporter).value_or("");
      if (const Node* value = fields.Take("event");
          value != nullptr && std::find(ids.begin(), ids.end(), expected.event) == ids.end()) {
        reporter.Unknown(*value, "event of this case", expected.event, ids);
      }
      const auto text = [&](const char* key, std::optional<std::string>* to) {
        if (const Node* value = fields.Take(key)) *to = ReadText(*value, key, &reporter);
      };
      text("outcome", &expected.outcome);
      text("score", &expected.score);
      text("probability_of_default", &expected.probability_of_default);
      if (const Node* value = fields.Take("reasons")) {
        expected.reasons.emplace();
        for (const Node& reason : value->items) expected.reasons->push_back(reason.text);
      }
      if (const Node* value = fields.Take("slots")) {
        for (size_t i = 0; i < value->items.size() && value->kind == Node::Kind::kMap; ++i) {
          expected.slots.emplace_back(value->keys[i].text, value->items[i].text);
        }
      }
      fields.Finish();
      made.expectations.push_back(std::move(expected));
    }
  }
  map.Finish();
  pack_->cases.push_back(std::move(made));
}

}  // namespace credence::pack
