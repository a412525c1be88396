#pragma once
// Lists of numbers inside a row of the read model, as JSON text that SQL can read (json_each).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credence::projection {

// [3,1,2]
[[nodiscard]] std::string IdList(std::span<const int64_t> ids);
[[nodiscard]] std::vector<int64_t> ReadIdList(std::string_view text);

// A row's place in the chain of an entity: the sequence of the next older row of the same chain, 0
// where it is the oldest.
struct Link {
  int64_t entity = 0;
  uint64_t older = 0;
};

// [[entity,older],[entity,older]]
[[nodiscard]] std::string LinkList(std::span<const Link> links);
[[nodiscard]] std::vector<Link> ReadLinkList(std::string_view text);

}  // namespace credence::projection
