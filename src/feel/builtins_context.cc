// Built-in functions on contexts (DMN 1.5, 10.3.4.6).

#include <algorithm>
#include <array>
#include <vector>

#include "src/feel/builtin.h"

namespace credence::feel {
namespace {

constexpr std::string_view kNeedsContext = "the argument is not a context";
constexpr size_t kEntriesMax = 65'536;

void Put(std::vector<Entry>* entries, std::string_view name, const Value& value) {
  for (Entry& entry : *entries) {
    if (entry.name != name) continue;
    entry.value = value;
    return;
  }
  entries->push_back({name, value});
}

Value MakeContext(const BuiltinCall& call, const std::vector<Entry>& entries) {
  if (entries.size() > kEntriesMax) {
    return Value::Null(NullReason::kLimit, "the context has too many entries");
  }
  return CopyContext(call.arena(), entries);
}

Value PutAt(const BuiltinCall& call, const Value& context, std::span<const Value> path,
            const Value& value) {
  if (!context.IsContext()) return WrongArgument(context, "a key leads to what is not a context");
  if (!path[0].IsString()) return WrongArgument(path[0], "a key is not a string");
  Value inner = value;
  if (path.size() > 1) {
    const Value* next = context.Find(path[0].string());
    if (next == nullptr) return Value::Null(NullReason::kNotFound, "a key leads to nothing");
    inner = PutAt(call, *next, path.subspan(1), value);
    if (inner.IsNull() && inner.null_reason() != NullReason::kNone) return inner;
  }
  std::vector<Entry> entries(context.context().begin(), context.context().end());
  Put(&entries, path[0].string(), inner);
  return MakeContext(call, entries);
}

constexpr size_t kPathMax = 256;

// context put(context, key, value) or context put(context, keys, value).
Value ContextPut(const BuiltinCall& call) {
  const Value& context = Single(call[0]);
  const Value& key = call[1];
  if (!context.IsContext()) return WrongArgument(context, kNeedsContext);
  const bool wants_key = call.signature == 0;
  const bool wants_keys = call.signature == 1;
  if (key.IsList() && !wants_key) {
    if (key.list().empty() || key.list().size() > kPathMax) {
      return Value::Null(NullReason::kArgument, "the list of keys is empty or too long");
    }
    // A value that is null on purpose must not look like a failure on the way.
    Value value = call[2];
    if (value.IsNull()) value = Value::Null();
    return PutAt(call, context, key.list(), value);
  }
  if (wants_keys || !key.IsString()) return WrongArgument(key, "the key is not a string");
  std::vector<Entry> entries(context.context().begin(), context.context().end());
  Put(&entries, key.string(), call[2]);
  return MakeContext(call, entries);
}

Value GetValue(const BuiltinCall& call) {
  const Value& context = Single(call[0]);
  if (!context.IsContext()) return WrongArgument(context, kNeedsContext);
  const Value& key = call[1];
  if (key.IsString()) {
    const Value* member = context.Find(key.string());
    if (member != nullptr) return *member;
    return Value::Null(NullReason::kNotFound, "the context has no entry of this name");
  }
  if (!key.IsList() || key.list().empty()) return WrongArgument(key, "the key is not a string");
  Value at = context;
  for (const Value& step : key.list()) {
    if (!at.IsContext() || !step.IsString()) {
      return WrongArgument(step, "a key leads to what is not a context");
    }
    const Value* member = at.Find(step.string());
    if (member == nullptr) {
      return Value::Null(NullReason::kNotFound, "the context has no entry of this name");
    }
    at = *member;
  }
  return at;
}

Value GetEntries(const BuiltinCall& call) {
  const Value& context = Single(call[0]);
  if (!context.IsContext()) return WrongArgument(context, kNeedsContext);
  const auto items = call.arena().NewArray<Value>(context.context().size());
  for (size_t i = 0; i < items.size(); ++i) {
    const Entry& entry = context.context()[i];
    const Entry pair[] = {{"key", Value::String(entry.name)}, {"value", entry.value}};
    items[i] = CopyContext(call.arena(), pair);
  }
  return Value::List(items);
}

// A context of entries {key: …, value: …}.
Value ContextOf(const BuiltinCall& call) {
  if (call[0].IsNull()) return WrongArgument(call[0], kNeedsContext);
  const std::span<const Value> items = call[0].IsList() ? call[0].list() : call.args.first(1);
  std::vector<Entry> entries;
  for (const Value& item : items) {
    if (!item.IsContext()) return WrongArgument(item, "an entry is not a context");
    const Value* key = item.Find("key");
    const Value* value = item.Find("value");
    if (key == nullptr || value == nullptr || !key->IsString()) {
      return Value::Null(NullReason::kArgument,
                         "an entry needs a key, which is a string, and a value");
    }
    const bool known = std::any_of(entries.begin(), entries.end(),
                                   [&](const Entry& e) { return e.name == key->string(); });
    if (known) return Value::Null(NullReason::kArgument, "two entries have one key");
    entries.push_back({key->string(), *value});
    if (entries.size() > kEntriesMax) break;
  }
  return MakeContext(call, entries);
}

Value ContextMerge(const BuiltinCall& call) {
  if (call[0].IsNull()) return WrongArgument(call[0], kNeedsContext);
  const std::span<const Value> items = call[0].IsList() ? call[0].list() : call.args.first(1);
  std::vector<Entry> entries;
  for (const Value& item : items) {
    if (!item.IsContext()) return WrongArgument(item, "an item of the list is not a context");
    for (const Entry& entry : item.context()) Put(&entries, entry.name, entry.value);
    if (entries.size() > kEntriesMax) break;
  }
  return MakeContext(call, entries);
}

constexpr auto kContext = Type::Id::kContext;

constexpr std::array<Builtin, 5> kTable = {{
    {"get value", "m,key;context,keys", GetValue},
    {"get entries", "m", GetEntries, Type::Id::kList},
    {"context", "entries", ContextOf, kContext},
    {"context put", "context,key,value;context,keys,value", ContextPut, kContext},
    {"context merge", "contexts", ContextMerge, kContext},
}};

}  // namespace

std::span<const Builtin> ContextBuiltins() { return kTable; }

}  // namespace credence::feel
