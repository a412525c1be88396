#include "src/feel/builtin.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <vector>

namespace credence::feel {
namespace {

// One signature: its parameters, how many must be given, and whether the last takes any number.
struct Signature {
  std::vector<std::string_view> names;
  std::vector<bool> optional;
  bool variadic = false;

  [[nodiscard]] size_t required() const {
    return static_cast<size_t>(std::count(optional.begin(), optional.end(), false));
  }
};

std::vector<Signature> ParseSignatures(std::string_view text) {
  std::vector<Signature> all;
  while (true) {
    const size_t end = std::min(text.find(';'), text.size());
    std::string_view one = text.substr(0, end);
    Signature signature;
    while (!one.empty()) {
      const size_t comma = std::min(one.find(','), one.size());
      std::string_view name = one.substr(0, comma);
      one.remove_prefix(std::min(comma + 1, one.size()));
      const bool optional = name.back() == '?';
      if (name.back() == '*') signature.variadic = true;
      if (optional || name.back() == '*') name.remove_suffix(1);
      signature.names.push_back(name);
      signature.optional.push_back(optional);
    }
    all.push_back(std::move(signature));
    if (end == text.size()) return all;
    text.remove_prefix(end + 1);
  }
}

class BuiltinCallable final : public Callable {
 public:
  explicit BuiltinCallable(const Builtin* builtin)
      : builtin_(builtin), type_(*Type::FromName("function")) {}
  [[nodiscard]] const Type& type() const override { return type_; }
  [[nodiscard]] std::string_view name() const override { return builtin_->name; }
  [[nodiscard]] bool checks_arguments() const override { return true; }
  [[nodiscard]] Value Call(std::span<const Value> arguments,
                           EvaluationContext& context) const override {
    return CallBuiltin(*builtin_, arguments, context);
  }
  [[nodiscard]] Value CallNamed(std::span<const std::string_view> names,
                                std::span<const Value> arguments,
                                EvaluationContext& context) const override {
    return CallBuiltinNamed(*builtin_, names, arguments, context);
  }

 private:
  const Builtin* builtin_;
  Type type_;
};

struct Registry {
  struct Item {
    const Builtin* builtin;
    std::vector<Signature> signatures;
    std::unique_ptr<BuiltinCallable> callable;
  };
  std::map<std::string_view, Item> items;
  std::vector<std::string_view> names;  // without those that cannot be written
  size_t name_bytes_max = 0;

  Registry() {
    const std::array<std::span<const Builtin>, 7> tables = {
        ConversionBuiltins(), StringBuiltins(),   NumberBuiltins(), ListBuiltins(),
        ContextBuiltins(),    TemporalBuiltins(), RangeBuiltins()};
    for (const auto table : tables) {
      for (const Builtin& builtin : table) {
        items[builtin.name] = {&builtin, ParseSignatures(builtin.signatures),
                               std::make_unique<BuiltinCallable>(&builtin)};
        name_bytes_max = std::max(name_bytes_max, builtin.name.size());
      }
    }
    for (const auto& [name, item] : items) {
      if (name != "@") names.push_back(name);
    }
  }
};

const Registry& TheRegistry() {
  static const Registry registry;
  return registry;
}

const std::vector<Signature>& SignaturesOf(const Builtin& builtin) {
  return TheRegistry().items.at(builtin.name).signatures;
}

}  // namespace

const Builtin* FindBuiltinEntry(std::string_view name) {
  const auto& items = TheRegistry().items;
  const auto it = items.find(name);
  return it == items.end() ? nullptr : it->second.builtin;
}

size_t BuiltinNameBytesMax() { return TheRegistry().name_bytes_max; }

const Callable* FindBuiltin(std::string_view name) {
  const auto& items = TheRegistry().items;
  const auto it = items.find(name);
  return it == items.end() || name == "@" ? nullptr : it->second.callable.get();
}

std::span<const std::string_view> BuiltinNames() { return TheRegistry().names; }

bool AcceptsCount(const Builtin& builtin, size_t count) {
  for (const Signature& signature : SignaturesOf(builtin)) {
    if (count < signature.required()) continue;
    if (signature.variadic || count <= signature.names.size()) return true;
  }
  return false;
}

int MatchSignature(const Builtin& builtin, std::span<const std::string_view> names,
                   std::vector<int>* positions) {
  const auto& signatures = SignaturesOf(builtin);
  for (size_t s = 0; s < signatures.size(); ++s) {
    const Signature& signature = signatures[s];
    positions->assign(signature.names.size(), -1);
    size_t used = 0;
    bool fits = true;
    for (size_t p = 0; p < signature.names.size(); ++p) {
      const auto at = std::find(names.begin(), names.end(), signature.names[p]);
      if (at != names.end()) {
        (*positions)[p] = static_cast<int>(at - names.begin());
        ++used;
      } else if (!signature.optional[p]) {
        fits = false;
      }
    }
    if (fits && used == names.size()) return static_cast<int>(s);
  }
  return -1;
}

Value CallBuiltin(const Builtin& builtin, std::span<const Value> args, EvaluationContext& context,
                  int signature) {
  if (!AcceptsCount(builtin, args.size())) {
    return Value::Null(NullReason::kArity, "wrong number of arguments");
  }
  return builtin.fn({args, context, signature});
}

Value CallBuiltinNamed(const Builtin& builtin, std::span<const std::string_view> names,
                       std::span<const Value> args, EvaluationContext& context) {
  std::vector<int> positions;
  const int signature = MatchSignature(builtin, names, &positions);
  if (signature < 0) return Value::Null(NullReason::kArity, "no parameters of these names");
  const auto ordered = context.arena().NewArray<Value>(positions.size());
  for (size_t i = 0; i < ordered.size(); ++i) {
    ordered[i] = positions[i] >= 0 ? args[static_cast<size_t>(positions[i])] : Absent();
  }
  return builtin.fn({ordered, context, signature});
}

}  // namespace credence::feel
