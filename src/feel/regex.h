#pragma once
// Regular expressions of XPath and XQuery Functions and Operators 3.1 (section 5.6) as FEEL uses
// them: checked here, translated to PCRE2, matched under a limit of steps.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/status.h"

namespace credence::feel {

// Memory for matching, used again from match to match. One per thread.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

 private:
  friend class Regex;
  void* data_ = nullptr;     // pcre2_match_data_8, for up to kGroupsMax groups
  void* context_ = nullptr;  // pcre2_match_context_8
};

class Regex {
 public:
  static constexpr int kGroupsMax = 100;
  static constexpr size_t kPatternBytesMax = 16'384;

  // kInvalidArgument where the pattern or a flag is not of XPath. Flags: s m i x q.
  static Result<std::shared_ptr<const Regex>> Compile(std::string_view pattern,
                                                      std::string_view flags);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // The next match at or after byte `start`: byte positions of the whole and of each group (kNone
  // where a group took no part). kResourceExhausted when the limit is met; nothing in `groups` if
  // there is no match.
  static constexpr size_t kNone = ~size_t{0};
  using Groups = std::vector<std::pair<size_t, size_t>>;
  Status Find(std::string_view text, size_t start, uint32_t match_limit, RegexScratch* scratch,
              Groups* groups) const;
  [[nodiscard]] int group_count() const { return group_count_; }
  [[nodiscard]] bool is_literal() const { return is_literal_; }  // flag q

 private:
  Regex() = default;
  void* code_ = nullptr;  // pcre2_code_8
  int group_count_ = 0;
  bool is_literal_ = false;
};

// What an evaluation context keeps for regular expressions: patterns that are not constant,
// compiled once, and the memory for matching.
class RegexCache {
 public:
  RegexScratch& scratch() { return scratch_; }
  Regex::Groups& groups() { return groups_; }

  static constexpr size_t kEntriesMax = 64;
  Result<std::shared_ptr<const Regex>> Get(std::string_view pattern, std::string_view flags);

 private:
  struct Item {
    std::string pattern;
    std::string flags;
    std::shared_ptr<const Regex> regex;
  };
  RegexScratch scratch_;
  Regex::Groups groups_;
  std::vector<Item> items_;
  size_t next_ = 0;
};

// Where matches, replace and split have their flags (counted from 0); 0 for other functions.
[[nodiscard]] size_t RegexFlagsPosition(std::string_view builtin_name);

}  // namespace credence::feel
