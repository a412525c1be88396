#include "src/feel/scope.h"

#include <algorithm>

namespace credence::feel {

std::string NormaliseName(std::string_view name) {
  std::string out;
  bool gap = false;
  for (const char c : name) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    out += c;
  }
  return out;
}

Scope::Scope(const Scope* parent)
    : parent_(parent),
      slot_count_(parent->slot_count_),
      name_bytes_max_(parent->name_bytes_max_),
      type_name_bytes_max_(parent->type_name_bytes_max_) {}

void Scope::Put(Variable variable) {
  name_bytes_max_ = std::max(name_bytes_max_, variable.name.size());
  index_[variable.name] = static_cast<uint32_t>(variables_.size());
  variables_.push_back(std::move(variable));
}

uint32_t Scope::Add(std::string_view name, const Type& type) {
  const uint32_t slot = slot_count_++;
  Put({NormaliseName(name), type, slot, std::nullopt});
  return slot;
}

void Scope::AddAt(std::string_view name, const Type& type, uint32_t slot) {
  slot_count_ = std::max(slot_count_, slot + 1);
  Put({NormaliseName(name), type, slot, std::nullopt});
}

void Scope::AddConstant(std::string_view name, const Type& type, const Value& value) {
  Put({NormaliseName(name), type, 0, value});
}

void Scope::AddType(std::string_view name, const Type& type) {
  std::string normalised = NormaliseName(name);
  type_name_bytes_max_ = std::max(type_name_bytes_max_, normalised.size());
  types_[std::move(normalised)] = type;
}

const Scope::Variable* Scope::Find(std::string_view normalised_name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    const auto it = scope->index_.find(normalised_name);
    if (it != scope->index_.end()) return &scope->variables_[it->second];
  }
  return nullptr;
}

const Type* Scope::FindType(std::string_view normalised_name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    const auto it = scope->types_.find(normalised_name);
    if (it != scope->types_.end()) return &it->second;
  }
  return nullptr;
}

std::vector<std::string> Scope::Names() const {
  std::vector<std::string> names;
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    for (const Variable& variable : scope->variables_) names.push_back(variable.name);
  }
  return names;
}

std::vector<std::string> Scope::TypeNames() const {
  std::vector<std::string> names;
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent_) {
    for (const auto& [name, type] : scope->types_) names.push_back(name);
  }
  return names;
}

}  // namespace credence::feel
