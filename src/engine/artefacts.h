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

  // Durable when it returns ok. What is there already is not written again.
  Status Put(const pack::FileSet& files, Digest* digest);
  Result<pack::FileSet> Get(const Digest& digest) const;

 private:
  FileSystem& files_;
  std::string folder_;
};

}  // namespace credence::engine
