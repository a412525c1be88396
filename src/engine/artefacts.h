#pragma once
// ArtefactStore: packs, models, policies and time zones beside the journal, each under the SHA-256
// of its content, kept as long as a record names it.
//
//   artefacts/<sha256 of content>       a file of a pack
//   artefacts/<pack digest>.manifest    the pack's list: one line "<sha256>  <path>" a file, sorted
//   by path
//
// Contents are checked against their names on reading: a damaged one is kDataLoss.

#include <string>

#include "src/base/file.h"
#include "src/pack/pack.h"

namespace credence::engine {

class ArtefactStore {
 public:
  // `folder` is made if it is missing.
  ArtefactStore(FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}

  // Durable when it returns ok. What is there already, undamaged, is not written again.
  Status Put(const pack::FileSet& files, Digest* digest);
  // kDataLoss if a file is missing or does not have the content that it is named by.
  Result<pack::FileSet> Get(const Digest& digest) const;

 private:
  Status PutFile(const std::string& path, const std::string& content);
  [[nodiscard]] Result<std::string> Read(const std::string& path) const;
  FileSystem& files_;
  std::string folder_;
};

}  // namespace credence::engine
