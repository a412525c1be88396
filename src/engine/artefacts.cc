#include "src/engine/artefacts.h"

#include "src/base/bytes.h"

namespace credence::engine {

Status ArtefactStore::Put(const pack::FileSet& files, Digest* digest) {
  CREDENCE_TRY(MakeFoldersDurably(files_, folder_));
  std::string manifest;
  for (const auto& [path, content] : files) {
    const std::string name = Sha256(content).ToHex();
    manifest += name + "  " + path + "\n";
    CREDENCE_TRY(PutFile(folder_ + "/" + name, content));
  }
  *digest = pack::PackDigest(files);
  CREDENCE_TRY(PutFile(folder_ + "/" + digest->ToHex() + ".manifest", manifest));
  // Files that were there may have been written by a process that died before it synced the folder.
  return files_.SyncDirectory(folder_);
}

// A file that is there with another content is damaged (its name says what it holds): put right.
Status ArtefactStore::PutFile(const std::string& path, const std::string& content) {
  if (files_.Exists(path)) {
    const auto there = ReadWholeFile(files_, path, pack::kPackFileBytesMax);
    if (there.ok() && *there == content) return {};
  }
  return ReplaceFile(files_, path, content);
}

// What a journal names is there, or the store is damaged.
Result<std::string> ArtefactStore::Read(const std::string& path) const {
  auto content = ReadWholeFile(files_, path, pack::kPackFileBytesMax);
  if (!content.ok() && content.status().code() == StatusCode::kNotFound) {
    return DataLoss("the artefact " + path + " is missing");
  }
  return content;
}

Result<pack::FileSet> ArtefactStore::Get(const Digest& digest) const {
  const std::string manifest_path = folder_ + "/" + digest.ToHex() + ".manifest";
  CREDENCE_ASSIGN(const std::string manifest, Read(manifest_path));
  pack::FileSet files;
  size_t at = 0;
  while (at < manifest.size()) {
    const size_t end = manifest.find('\n', at);
    constexpr size_t kHex = Digest::kBytes * 2;
    if (end == std::string::npos || end - at < kHex + 3) {
      return DataLoss(manifest_path + " is damaged at byte " + std::to_string(at));
    }
    const std::string name = manifest.substr(at, kHex);
    const std::string path = manifest.substr(at + kHex + 2, end - at - kHex - 2);
    CREDENCE_ASSIGN(std::string content, Read(folder_ + "/" + name));
    if (Sha256(content).ToHex() != name) {
      return DataLoss("artefact " + name + " (" + path +
                      ") does not have the content it is named by");
    }
    files.emplace(path, std::move(content));
    at = end + 1;
  }
  if (pack::PackDigest(files) != digest) {
    return DataLoss(manifest_path + " does not list the pack that it is named by");
  }
  return files;
}

}  // namespace credence::engine
