#pragma once
// Runs the worked cases of a pack, each in an engine of its own that keeps nothing.

#include <memory>
#include <string>
#include <vector>

#include "src/pack/pack.h"

namespace credence::api {

// Empty if all that the case expects came; else one sentence for each thing that did not, with file
// and line.
[[nodiscard]] std::vector<std::string> RunPackCase(const pack::Case& example,
                                                   const std::shared_ptr<const pack::Pack>& pack);

}  // namespace credence::api
