#include "src/engine/artefacts.h"

#include "src/base/bytes.h"

namespace credence::engine {

Status ArtefactStore::Put(const pack::FileSet& files, Digest* digest) {
  CREDENCE_TRY(files_.MakeFolders(folder_));
  std::string manifest;
  for (const auto& [path, content] : files) {
    const std::string name = Sha256(content).ToHex();
    manifest += name + "  " + path + "\n";
    if (files_.Exists(folder_ + "/" + name)) continue;
    CREDENCE_TRY(ReplaceFile(files_, folder_ + "/" + name, content));
  }
  *digest = pack::PackDigest(files);
  const std::string path = folder_ + "/" + digest->ToHex() + ".manifest";
  if (files_.Exists(path)) return {};
  return ReplaceFile(files_, path, manifest);
}

Result<pack::FileSet> ArtefactStore::Get(const Digest& digest) const {
  const std::string manifest_path = folder_ + "/" + digest.ToHex() + ".manifest";
  CREDENCE_ASSIGN(const std::string manifest,
                  ReadWholeFile(files_, manifest_path, pack::kPackFileBytesMax));
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
    CREDENCE_ASSIGN(std::string content,
                    ReadWholeFile(files_, folder_ + "/" + name, pack::kPackFileBytesMax));
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
