#pragma once
// Ids and counters that cannot be mixed up: StrongId<Tag, Rep> is a number with a name. It compares
// and hashes like its number, and does no arithmetic but Next().

#include <compare>
#include <cstdint>
#include <functional>

namespace credence {

template <class Tag, class Rep = uint64_t>
class StrongId {
 public:
  using Representation = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  [[nodiscard]] constexpr StrongId Next() const { return StrongId(static_cast<Rep>(value_ + 1)); }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Rep value_{};
};

// The place of an event in the one order of all events. The first event has 1; 0 means "none".
using Seq = StrongId<struct SeqTag, uint64_t>;

}  // namespace credence

template <class Tag, class Rep>
struct std::hash<credence::StrongId<Tag, Rep>> {
  size_t operator()(credence::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>()(id.value());
  }
};
