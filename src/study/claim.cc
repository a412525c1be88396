#include "src/study/claim.h"

#include "src/engine/core.h"

namespace credence::study {

Claim ReadClaim(FileSystem& files, const std::string& folder,
                const std::shared_ptr<store::Backing>& backing, std::string* problem) {
  if (backing == nullptr) return {};
  engine::CheckpointOptions checkpoint;
  checkpoint.backing = backing;
  engine::Core core(files, folder, 0);
  Claim claim;
  const auto head = core.OpenCheckpoints(checkpoint, /*read_only=*/true, problem);
  if (!head.ok()) {
    *problem = head.status().message();
  } else if (head->frames > 0) {
    claim = {*head, core.state.Hash()};
    *problem = core.state.entities.status().message();
  }
  return claim;
}

void CheckClaim(const Claim& claim, const journal::FrameView& frame, const engine::State& state,
                std::string* problem) {
  if (frame.index != claim.head.frames || !problem->empty()) return;
  if (frame.chain != claim.head.chain || frame.last_seq != claim.head.last_seq) {
    *problem = "it is not one of this journal: they differ at frame " + std::to_string(frame.index);
  } else if (state.Hash() != claim.state_hash) {
    *problem = "its state is not the one that the journal makes up to sequence " +
               std::to_string(frame.last_seq.value());
  }
}

void CheckClaimIsReached(const Claim& claim, uint64_t frames, std::string* problem) {
  if (frames < claim.head.frames && problem->empty()) {
    *problem = "the journal ends before it, at frame " + std::to_string(frames);
  }
}

}  // namespace credence::study
