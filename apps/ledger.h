#pragma once
// What `credence ledger` does, apart from its command line.

#include <string>

#include "src/base/file.h"

namespace credence::apps {

struct LedgerOptions {
  enum class What : uint8_t { kAccounts, kStatement };
  enum class Format : uint8_t { kText, kJson, kCsv };
  enum class Language : uint8_t { kEnglish, kChinese, kBoth };
  What what = What::kAccounts;
  std::string store;  // folder
  std::string role;   // of the account; accounts: only this role
  std::string key;    // of the entity or loan; empty: the one account of the pack
  std::string from;   // RFC 3339, or a day in the pack's zone; empty: from the beginning
  std::string to;     // up to before it; a day: to its end; empty: to the last event
  Format format = Format::kText;
  Language language = Language::kBoth;
};

// Prints to `out` and complains to `err`. 0; 1 where the store cannot be read or has no such
// account; 2 where an option is wrong. Reads only.
int RunLedger(FileSystem& files, const LedgerOptions& options, std::string* out, std::string* err);

}  // namespace credence::apps
