#include "src/projection/id_list.h"

#include <charconv>

namespace credence::projection {

std::string IdList(std::span<const int64_t> ids) {
  std::string text = "[";
  for (const int64_t id : ids) {
    if (text.size() > 1) text += ',';
    text += std::to_string(id);
  }
  return text + "]";
}

std::vector<int64_t> ReadIdList(std::string_view text) {
  std::vector<int64_t> ids;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    int64_t id = 0;
    const auto [next, error] = std::from_chars(at, end, id);
    if (error == std::errc()) ids.push_back(id);
    at = error == std::errc() ? next : at + 1;
  }
  return ids;
}

std::string LinkList(std::span<const Link> links) {
  std::string text = "[";
  for (const Link& link : links) {
    text += text.size() > 1 ? ",[" : "[";
    text += std::to_string(link.entity) + "," + std::to_string(link.older) + "]";
  }
  return text + "]";
}

std::vector<Link> ReadLinkList(std::string_view text) {
  const std::vector<int64_t> numbers = ReadIdList(text);
  std::vector<Link> links;
  for (size_t i = 0; i + 1 < numbers.size(); i += 2) {
    links.push_back({numbers[i], static_cast<uint64_t>(numbers[i + 1])});
  }
  return links;
}

}  // namespace credence::projection
