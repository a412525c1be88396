#pragma once
// Proofs about an engine's store for somebody who does not have it: signed heads, that one record
// is in the journal, that the journal has only grown. Reads only; another process may be writing.
// Each reads the whole journal once (32 bytes a frame in memory).

#include <string>
#include <string_view>

#include "src/base/file.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/journal/proof.h"

namespace credence::study {

// The signed head of what is settled now. kNotFound if there is no journal or no frame.
Result<std::string> ProveHead(FileSystem& files, const std::string& folder,
                              const journal::SecretKey& key);

enum class ProveWhat : uint8_t {
  kRecord,    // the event or command that has the sequence
  kDecision,  // the decision on it
};
// A proof of inclusion, as text. kNotFound if no settled frame holds it, or it was retired.
Result<std::string> ProveRecord(FileSystem& files, const std::string& folder, ProveWhat what,
                                Seq seq, const journal::SecretKey& key);

// A proof of consistency from `older`, a head that `key` signed before. kDataLoss if the journal
// does not begin with what that head names; kInvalidArgument if it is no such head.
Result<std::string> ProveGrowth(FileSystem& files, const std::string& folder,
                                std::string_view older, const journal::SecretKey& key);

}  // namespace credence::study
