// credence key api-new, api-list, api-revoke: the keys of the HTTP interface.

#include <fmt/format.h>

#include <memory>

#include "apps/key.h"
#include "apps/load.h"
#include "apps/terminal.h"
#include "src/api/api_keys.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

struct Options {
  std::string file;
  std::string name;
  std::string roles;
  std::string id;
};

// One process changes the file at a time.
template <class Change>
int ChangeKeys(const Options& options, const Change& change) {
  journal::PosixFileSystem files;
  const auto lock = files.Lock(options.file + ".lock");
  if (!lock.ok()) return Fail(lock.status());
  auto keys = api::ApiKeys::Read(files, options.file);
  if (!keys.ok()) return Fail(keys.status());
  return change(files, &*keys);
}

int Make(const Options& options) {
  const auto roles = api::ParseRoles(options.roles);
  if (!roles.ok()) return Fail(roles.status());
  return ChangeKeys(options, [&](FileSystem& files, api::ApiKeys* keys) {
    const auto text = keys->Make(options.name, *roles, Now());
    if (!text.ok()) return Fail(text.status());
    const Status written = keys->Write(files, options.file);
    if (!written.ok()) return Fail(written);
    // Alone on standard output, for scripts.
    fmt::print("{}\n", *text);
    fmt::print(stderr, "key {} of {} for {}: it is shown this once 仅显示一次，请妥善保管\n",
               keys->keys().back().id, options.name, api::RolesText(*roles));
    return 0;
  });
}

int List(const Options& options) {
  journal::PosixFileSystem files;
  const auto keys = api::ApiKeys::Read(files, options.file);
  if (!keys.ok()) return Fail(keys.status());
  std::vector<std::vector<std::string>> rows = {{"id", "name", "roles", "made"}};
  for (const api::ApiKey& key : keys->keys()) {
    rows.push_back({key.id, key.name, api::RolesText(key.roles), key.made.ToString()});
  }
  fmt::print("{}", Table(rows));
  return 0;
}

int Revoke(const Options& options) {
  return ChangeKeys(options, [&](FileSystem& files, api::ApiKeys* keys) {
    Status status = keys->Revoke(options.id);
    if (status.ok()) status = keys->Write(files, options.file);
    if (!status.ok()) return Fail(status);
    fmt::print("key {} is revoked; a running server notices within a second 已吊销\n", options.id);
    return 0;
  });
}

}  // namespace

std::function<std::optional<int>()> AddApiKey(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* make = app->add_subcommand("api-new", "make an API key and print it once 新建接口密钥");
  make->add_option("file", options->file, "the file of API keys (made if missing)")->required();
  make->add_option("--name", options->name, "whose key it is: journalled with what its owner does")
      ->required();
  make->add_option("--roles", options->roles,
                   "some of ingest, decide, read, policy, admin, with commas")
      ->required();
  CLI::App* list = app->add_subcommand("api-list", "list the API keys 列出接口密钥");
  list->add_option("file", options->file, "the file of API keys")->required();
  CLI::App* revoke = app->add_subcommand("api-revoke", "take an API key back 吊销接口密钥");
  revoke->add_option("file", options->file, "the file of API keys")->required();
  revoke->add_option("id", options->id, "the key's id, as api-list shows it")->required();
  return [=]() -> std::optional<int> {
    if (make->parsed()) return Make(*options);
    if (list->parsed()) return List(*options);
    if (revoke->parsed()) return Revoke(*options);
    return std::nullopt;
  };
}

}  // namespace credence::apps
