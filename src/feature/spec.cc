#include "src/feature/spec.h"

#include <array>
#include <string>

#include "src/base/bytes.h"

namespace credence::feature {
namespace {

constexpr std::array<std::string_view, 13> kNames = {
    "",       "count", "sum",  "mean",     "min",         "max",       "variance",
    "stddev", "first", "last", "distinct", "since_first", "since_last"};

}  // namespace

std::string_view AggregatorName(Aggregator aggregator) {
  return kNames[static_cast<size_t>(aggregator)];
}

std::optional<Aggregator> AggregatorFromName(std::string_view name) {
  for (size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Aggregator>(i);
  }
  return std::nullopt;
}

bool TakesArgument(Aggregator aggregator) {
  return aggregator != Aggregator::kCount && aggregator != Aggregator::kSinceFirst &&
         aggregator != Aggregator::kSinceLast;
}

std::string StreamName(const FeatureSpec& spec) {
  if (!spec.stream.empty()) return spec.stream;
  std::string name = spec.from;
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

std::string SlotName(const FeatureSpec& spec) {
  std::string name = spec.entity + "." + StreamName(spec) + ".";
  if (spec.prior) name += "prior_";
  name += AggregatorName(spec.aggregator);
  if (TakesArgument(spec.aggregator)) {
    name += "_" + (spec.argument_as.empty() ? spec.argument : spec.argument_as);
  }
  name += "_" + spec.window_text;
  if (spec.delay_ns != 0) name += "_delay_" + spec.delay_text;
  return name;
}

Digest DefinitionDigest(const FeatureSpec& spec) {
  std::string bytes;
  ByteWriter out(&bytes);
  out.PutU8(1);  // version of this encoding
  out.PutBytes(spec.entity);
  out.PutBytes(spec.from);
  out.PutBytes(spec.where);
  out.PutU8(static_cast<uint8_t>(spec.aggregator));
  if (TakesArgument(spec.aggregator)) {
    out.PutU8(spec.argument_is_feel ? 2 : 1);
    out.PutBytes(spec.argument);
    out.PutZigzag(spec.argument_is_feel ? spec.scale.value_or(-1) : -1);
  } else {
    out.PutU8(0);
  }
  out.PutZigzag(spec.window_ns);
  out.PutZigzag(spec.delay_ns);
  out.PutU8(spec.prior ? 1 : 0);
  return Sha256(bytes);
}

}  // namespace credence::feature
