#pragma once
// Keys as files, for the commands that sign and check.

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "src/base/file.h"
#include "src/journal/proof.h"

namespace credence::apps {

Result<journal::SecretKey> ReadSecretKey(FileSystem& files, const std::string& path);
// From the file, or from the text itself where no such file exists.
Result<journal::PublicKey> ReadPublicKey(FileSystem& files, const std::string& path_or_text);
// A file that somebody handed over, at most `bytes_max` bytes; "-" is standard input.
Result<std::string> ReadGiven(FileSystem& files, const std::string& path, uint64_t bytes_max);

// The sub-commands for API keys: what is returned runs the one that was chosen and gives its exit
// code, or nothing if it was none of them.
std::function<std::optional<int>()> AddApiKey(CLI::App* app);

}  // namespace credence::apps
