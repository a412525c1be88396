// credence key: makes the keys that sign a store's heads, and those of the API (api_key.cc).

#include "apps/key.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "apps/commands.h"
#include "apps/terminal.h"
#include "src/journal/posix_file.h"

namespace credence::apps {

namespace {

constexpr uint64_t kKeyFileBytesMax = 1'024;

// A file that is not there yet; only its owner may read it.
Status WriteNew(FileSystem& files, const std::string& path, const std::string& content) {
  CREDENCE_ASSIGN(const auto file, files.Open(path, OpenMode::kCreateNew));
  CREDENCE_TRY(file->WriteAt(0, content));
  return file->Sync();
}

int Make(const std::string& path, const std::string& name) {
  journal::PosixFileSystem files;
  const auto key = journal::SecretKey::Make(name);
  if (!key.ok()) return Fail(key.status());
  for (const std::string& made : {path, path + ".pub"}) {
    if (files.Exists(made)) return Fail(made + " is there; a key is never overwritten");
  }
  Status written = WriteNew(files, path, key->ToText() + "\n");
  if (written.ok()) written = WriteNew(files, path + ".pub", key->public_key.ToText() + "\n");
  if (!written.ok()) return Fail(written);
  fmt::print(
      "secret key   {0}      keep it: only its owner may read it 私钥，请妥善保管\n"
      "public key   {0}.pub  give it to everybody who checks 公钥，可公开\n{1}\n",
      path, key->public_key.ToText());
  return 0;
}

int Show(const std::string& path) {
  journal::PosixFileSystem files;
  const auto key = ReadSecretKey(files, path);
  if (!key.ok()) return Fail(key.status());
  fmt::print("{}\n", key->public_key.ToText());
  return 0;
}

}  // namespace

Result<journal::SecretKey> ReadSecretKey(FileSystem& files, const std::string& path) {
  CREDENCE_ASSIGN(const std::string text, ReadWholeFile(files, path, kKeyFileBytesMax));
  auto key = journal::SecretKey::Parse(text);
  if (!key.ok()) return key.status().WithContext(path);
  return key;
}

Result<journal::PublicKey> ReadPublicKey(FileSystem& files, const std::string& path_or_text) {
  if (!files.Exists(path_or_text)) {
    auto key = journal::PublicKey::Parse(path_or_text);
    if (key.ok()) return key;
    return NotFound("there is no file " + path_or_text + ", and it is no public key either");
  }
  CREDENCE_ASSIGN(const std::string text, ReadWholeFile(files, path_or_text, kKeyFileBytesMax));
  auto key = journal::PublicKey::Parse(text);
  if (!key.ok()) return key.status().WithContext(path_or_text);
  return key;
}

Result<std::string> ReadGiven(FileSystem& files, const std::string& path, uint64_t bytes_max) {
  if (path != "-") return ReadWholeFile(files, path, bytes_max);
  std::string text;
  char part[65'536];
  while (const size_t size = std::fread(part, 1, sizeof part, stdin)) {
    text.append(part, size);
    if (text.size() > bytes_max) return OutOfRange("standard input is too large");
  }
  return text;
}

Action AddKey(CLI::App* app) {
  auto path = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  app->require_subcommand(1);
  CLI::App* make = app->add_subcommand("new", "make a key pair: FILE (secret) and FILE.pub");
  make->add_option("file", *path, "where the secret key is to be kept")->required();
  make->add_option("--name", *name, "who signs, such as shop.example/credence")->required();
  CLI::App* show = app->add_subcommand("show", "print the public key of a secret one");
  show->add_option("file", *path, "the secret key's file")->required();
  const auto api_key = AddApiKey(app);
  app->footer(
      "Ed25519, in the form of C2SP signed notes. The secret key signs heads and proofs; who has "
      "the "
      "public key can check them.\n"
      "私钥用于签名，公钥用于查验。\nExamples:\n"
      "  credence key new run/head.key --name shop.example/credence\n"
      "  credence key show run/head.key\n"
      "API keys of credence serve: of a key only its SHA-256 is kept. 接口密钥仅保存其摘要。\n"
      "  credence key api-new run/api.keys --name shop --roles ingest,decide\n"
      "  credence key api-list run/api.keys\n"
      "  credence key api-revoke run/api.keys 0f3a5c7e9b1d");
  return [path, name, make, api_key] {
    if (const auto done = api_key()) return *done;
    return make->parsed() ? Make(*path, *name) : Show(*path);
  };
}

}  // namespace credence::apps
