#pragma once
// What a checkpoint says of its journal and state, held against what the journal makes.

#include <memory>
#include <string>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/engine/state.h"
#include "src/journal/format.h"
#include "src/store/store.h"

namespace credence::study {

struct Claim {
  journal::ChainHead head;  // frames 0: there is no checkpoint
  Digest state_hash;
};

// Reads the checkpoint in `backing` (null: there is none) of the store in `folder`; nobody is
// writing it. `*problem` says what is damaged; it is left alone otherwise.
Claim ReadClaim(FileSystem& files, const std::string& folder,
                const std::shared_ptr<store::Backing>& backing, std::string* problem);

// Called after each frame with the state that the journal made: where it is the frame of the claim,
// `*problem` says what differs.
void CheckClaim(const Claim& claim, const journal::FrameView& frame, const engine::State& state,
                std::string* problem);
// Called after the last frame, with the number of frames there are.
void CheckClaimIsReached(const Claim& claim, uint64_t frames, std::string* problem);

}  // namespace credence::study
