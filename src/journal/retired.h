#pragma once
// Retired segments: the front of a journal that was removed, since a checkpoint holds what it said.
// The file `retired` beside the segments says which segment is the oldest now, the head before it,
// and the Merkle frontier of the frames that are gone, so that later frames can still be proven.
//
//   retired = magic "CRDNRETD"  8      format 1        4
//             first segment     8      frames          8    last sequence   8    chain   32
//             peaks             4      peak           32 each
//             XXH3 of all that is before               8
//
// It is replaced as a whole before the first segment is removed; a segment that it excludes and
// that is still there is not read.

#include <string>

#include "src/base/file.h"
#include "src/base/merkle.h"
#include "src/journal/format.h"

namespace credence::journal {

struct Retired {
  uint64_t first_segment = 1;
  ChainHead before;  // of the first segment; no frames where nothing was retired
  MerkleFrontier frontier;
};

// What the journal in `folder` says; the default if nothing was retired. kDataLoss if it is
// damaged.
Result<Retired> ReadRetired(FileSystem& files, const std::string& folder);

// Removes the segments all of whose frames come before `before_frame`. The last segment stays.
// What is to go is read and verified once more, for its frontier. Nothing to do is no error.
// kDataLoss: a segment is damaged; nothing was removed. After another failure call it again.
Result<Retired> RetireSegments(FileSystem& files, const std::string& folder, uint64_t before_frame);

}  // namespace credence::journal
