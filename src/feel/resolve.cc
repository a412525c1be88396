// Compiler: what a name stands for.

#include <algorithm>

#include "src/feel/builtin.h"
#include "src/feel/compiler.h"

namespace credence::feel {
namespace {

constexpr size_t kNameBytesMax = 1024;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

size_t Compiler::LongestName(size_t position, size_t bytes_max,
                             const std::function<bool(const std::string&)>& is_name) const {
  std::string name;
  size_t best = 0;
  size_t p = position;
  bytes_max = std::min(bytes_max, kNameBytesMax);
  while (p < text_.size() && name.size() <= bytes_max) {
    if (WordAt(p)) {
      const size_t end = WordEnd(p);
      name += text_.substr(p, end - p);
      p = end;
    } else if (IsSpace(text_[p])) {
      if (name.empty()) break;
      while (p < text_.size() && IsSpace(text_[p])) ++p;
      name += ' ';
      continue;
    } else {
      name += text_[p++];
    }
    if (name.size() <= bytes_max && is_name(name)) best = p;
  }
  return best;
}

Compiler::Resolution Compiler::Lookup(std::string_view name) {
  Resolution result;
  for (size_t i = blocks_.size(); i > 0; --i) {
    const Block& block = blocks_[i - 1];
    if (block.is_item) {
      const Variable& item = block.variables[0];
      const bool is_member = item.type.FindMember(name).has_value();
      if (is_member || name == item.name) {
        result.found = is_member ? Found::kMember : Found::kVariable;
        result.variable = item;
        result.block = i;
        return result;
      }
      continue;
    }
    for (size_t j = block.variables.size(); j > 0; --j) {
      if (block.variables[j - 1].name != name) continue;
      result.found = Found::kVariable;
      result.variable = block.variables[j - 1];
      result.block = i;
      return result;
    }
  }
  if (const Scope::Variable* variable = scope_.Find(name)) {
    result.found = variable->constant ? Found::kConstant : Found::kSlot;
    result.global = variable;
    return result;
  }
  if (const Builtin* builtin = FindBuiltinEntry(name)) {
    result.found = Found::kBuiltin;
    result.builtin = builtin;
  }
  return result;
}

Compiler::Resolution Compiler::Resolve(size_t position) {
  size_t bytes_max = std::max(scope_.name_bytes_max(), BuiltinNameBytesMax());
  for (const Block& block : blocks_) {
    for (const Variable& variable : block.variables) {
      bytes_max = std::max(bytes_max, variable.name.size());
      for (size_t i = 0; block.is_item && i < variable.type.member_count(); ++i) {
        if (variable.type.id() != Type::Id::kContext) break;
        bytes_max = std::max(bytes_max, variable.type.member_name(i).size());
      }
    }
  }
  Resolution best;
  const size_t end = LongestName(position, bytes_max, [&](const std::string& name) {
    Resolution found = Lookup(name);
    if (found.found == Found::kNothing) return false;
    best = std::move(found);
    best.name = name;
    return true;
  });
  best.end = end;
  return best;
}

bool Compiler::HasDynamicBlock() const {
  return std::any_of(blocks_.begin(), blocks_.end(), [](const Block& b) { return b.is_dynamic; });
}

Compiler::Variable Compiler::AddVariable(std::string name, const Type& type) {
  Variable variable{std::move(name), type, body_, body_->local_count++};
  blocks_.back().variables.push_back(variable);
  return variable;
}

Compiler::Variable Compiler::PushItemBlock(const Type& list_type) {
  PushBlock();
  const Type type = ItemType(list_type);
  Block& block = blocks_.back();
  block.is_item = true;
  block.is_dynamic = type.IsAny() || (type.id() == Type::Id::kContext && !type.HasMembers());
  return AddVariable("item", type);
}

uint32_t Compiler::CaptureVariable(Body* body, const Variable& variable) {
  if (variable.body == body) return variable.local;
  const uint32_t source = CaptureVariable(body->outer, variable);
  for (const Capture& capture : body->captures) {
    if (!capture.from_slot && capture.source == source) return capture.local;
  }
  body->captures.push_back({false, source, body->local_count++});
  return body->captures.back().local;
}

uint32_t Compiler::CaptureSlot(Body* body, uint32_t slot) {
  const bool from_slot = body->outer->outer == nullptr;
  const uint32_t source = from_slot ? slot : CaptureSlot(body->outer, slot);
  for (const Capture& capture : body->captures) {
    if (capture.from_slot == from_slot && capture.source == source) return capture.local;
  }
  body->captures.push_back({from_slot, source, body->local_count++});
  return body->captures.back().local;
}

Node* Compiler::MakeVariable(const Variable& variable, size_t position) {
  Node* node = NewNode(NodeKind::kLocal, position);
  node->index = CaptureVariable(body_, variable);
  node->name = CopyName(variable.name);
  if (variable.name == "?") input_used_ = true;
  return Done(node, variable.type);
}

Node* Compiler::MakeSlot(uint32_t slot, const Type& type, size_t position) {
  auto& read = program_->slots_read;
  const auto place = std::lower_bound(read.begin(), read.end(), slot);
  if (place == read.end() || *place != slot) read.insert(place, slot);
  const bool outermost = body_->outer == nullptr;
  Node* node = NewNode(outermost ? NodeKind::kSlot : NodeKind::kLocal, position);
  node->index = outermost ? slot : CaptureSlot(body_, slot);
  return Done(node, type);
}

Node* Compiler::MakeDynamic(Node* fallback, const std::string& name, size_t block,
                            size_t position) {
  std::vector<uint32_t> items;
  for (size_t i = blocks_.size(); i > block; --i) {
    if (!blocks_[i - 1].is_dynamic) continue;
    items.push_back(CaptureVariable(body_, blocks_[i - 1].variables[0]));
  }
  if (items.empty()) return fallback;
  Node* node = NewNode(NodeKind::kDynamic, position);
  NodeExtra* extra = NewExtra();
  extra->indices = std::move(items);
  node->extra = extra;
  node->name = CopyName(name);
  if (fallback != nullptr) SetChildren(node, {&fallback, 1});
  return Done(node, Type::Any());
}

Node* Compiler::MakeReference(const Resolution& resolution, size_t position) {
  Node* node = nullptr;
  switch (resolution.found) {
    case Found::kNothing:
      return nullptr;
    case Found::kVariable:
      node = MakeVariable(resolution.variable, position);
      break;
    case Found::kMember:
      return MakePath(MakeVariable(resolution.variable, position), resolution.name, position);
    case Found::kSlot:
      node = MakeSlot(resolution.global->slot, resolution.global->type, position);
      break;
    case Found::kConstant:
      node = MakeConstant(*resolution.global->constant, resolution.global->type, position);
      break;
    case Found::kBuiltin:
      node = MakeConstant(Value::Function(FindBuiltin(resolution.builtin->name)),
                          *Type::FromName("function"), position);
      break;
  }
  if (node == nullptr) return nullptr;
  if (resolution.found == Found::kVariable && blocks_[resolution.block - 1].is_item) return node;
  return MakeDynamic(node, resolution.name, resolution.block, position);
}

std::string Compiler::Suggest(const std::string& name, bool types) const {
  std::vector<std::string> names = types ? scope_.TypeNames() : scope_.Names();
  if (types) {
    for (const char* known :
         {"number", "string", "boolean", "date", "time", "date and time", "days and time duration",
          "years and months duration", "list", "context", "range", "function", "Any"}) {
      names.emplace_back(known);
    }
  } else {
    for (const Block& block : blocks_) {
      for (const Variable& variable : block.variables) {
        names.push_back(variable.name);
        for (size_t i = 0; block.is_item && i < variable.type.member_count(); ++i) {
          if (variable.type.id() == Type::Id::kContext)
            names.push_back(variable.type.member_name(i));
        }
      }
    }
    for (const std::string_view builtin : BuiltinNames()) names.emplace_back(builtin);
  }
  const std::string_view nearest = NearestName(name, names);
  return nearest.empty() ? std::string() : "did you mean '" + std::string(nearest) + "'?";
}

// The name at the position with all that follows it after dots.
std::string Compiler::PathAt(size_t position) const {
  constexpr std::string_view kParts =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
  const size_t end = text_.find_first_not_of(kParts, position);
  return std::string(text_.substr(position, end == std::string_view::npos ? end : end - position));
}

Node* Compiler::MakeUnknown(std::string name, size_t position, bool is_function) {
  if (!is_function && HasDynamicBlock()) {
    return MakeDynamic(nullptr, name, 0, position);
  }
  const std::string what = is_function ? "unknown function '" : "unknown name '";
  std::string hint = Suggest(name);
  // Slots have dotted names: the nearest to the whole path is what was meant.
  if (const std::string path = PathAt(position); hint.empty() && path.size() > name.size()) {
    hint = Suggest(path);
  }
  Warn(position, is_function ? "unknown-function" : "unknown-name", what + name + "'", hint);
  return MakeNull(NullReason::kUnknownName, CopyName(what + name + "'"), position);
}

}  // namespace credence::feel
