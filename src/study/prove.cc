#include "src/study/prove.h"

#include <optional>

#include "src/journal/tree.h"
#include "src/record/codec.h"
#include "src/record/fact.h"

namespace credence::study {

namespace {

std::string JournalOf(const std::string& folder) { return folder + "/journal"; }

// Whether a record is the one that is asked for.
Result<bool> Is(std::string_view bytes, ProveWhat what, Seq seq) {
  Arena arena;
  CREDENCE_ASSIGN(const record::AnyRecord any, record::DecodeRecord(bytes, &arena));
  return std::visit(
      [&](const auto& record) {
        const bool decision =
            std::is_same_v<std::decay_t<decltype(record)>, record::DecisionRecord>;
        return record.seq == seq && decision == (what == ProveWhat::kDecision);
      },
      any);
}

Result<journal::Settled> SettledFrames(FileSystem& files, const std::string& folder) {
  CREDENCE_ASSIGN(const journal::Settled settled, journal::FindSettled(files, folder));
  if (settled.head.frames == 0) return NotFound(folder + " holds no frame that is settled");
  return settled;
}

}  // namespace

Result<std::string> ProveHead(FileSystem& files, const std::string& folder,
                              const journal::SecretKey& key) {
  CREDENCE_ASSIGN(const journal::Settled settled, SettledFrames(files, JournalOf(folder)));
  CREDENCE_ASSIGN(const journal::JournalTree tree,
                  journal::ReadTree(files, JournalOf(folder), settled));
  return journal::SignHead({tree.Root(tree.size()), settled.head}, key);
}

Result<std::string> ProveRecord(FileSystem& files, const std::string& folder, ProveWhat what,
                                Seq seq, const journal::SecretKey& key) {
  CREDENCE_ASSIGN(const journal::Settled settled, SettledFrames(files, JournalOf(folder)));
  std::optional<journal::InclusionProof> proof;
  const auto look = [&](const journal::FrameView& frame) -> Status {
    if (frame.kind != journal::FrameKind::kBatch || frame.last_seq < seq || seq < frame.first_seq) {
      return OkStatus();
    }
    for (size_t i = 0; i < frame.records.size(); ++i) {
      CREDENCE_ASSIGN(const bool found, Is(frame.records[i], what, seq));
      if (!found) continue;
      proof.emplace();
      proof->frame = frame.index;
      proof->record = i;
      proof->leaf = frame.chained;
      proof->leaf += frame.body;
    }
    return OkStatus();
  };
  CREDENCE_ASSIGN(const journal::JournalTree tree,
                  journal::ReadTree(files, JournalOf(folder), settled, look));
  if (!proof) {
    const std::string which = what == ProveWhat::kDecision
                                  ? "decision " + record::DecisionRecord::IdFor(seq)
                                  : "record with sequence " + std::to_string(seq.value());
    return NotFound("the journal holds no " + which + " between frames " +
                    std::to_string(tree.retired() + 1) + " and " + std::to_string(tree.size()));
  }
  proof->hashes = tree.Inclusion(proof->frame - 1, tree.size());
  proof->head = journal::SignHead({tree.Root(tree.size()), settled.head}, key);
  return journal::ToText(*proof);
}

Result<std::string> ProveGrowth(FileSystem& files, const std::string& folder,
                                std::string_view older, const journal::SecretKey& key) {
  CREDENCE_ASSIGN(const journal::TreeHead old, journal::OpenHead(older, key.public_key));
  CREDENCE_ASSIGN(const journal::Settled settled, SettledFrames(files, JournalOf(folder)));
  CREDENCE_ASSIGN(const journal::JournalTree tree,
                  journal::ReadTree(files, JournalOf(folder), settled));
  const uint64_t frames = old.head.frames;
  if (frames == 0 || frames > tree.size()) {
    return DataLoss("the head names frame " + std::to_string(frames) +
                    "; the journal ends at frame " + std::to_string(tree.size()));
  }
  if (frames < tree.retired()) {
    return NotFound("the head names frame " + std::to_string(frames) +
                    ", which lies inside what was retired; the journal begins after frame " +
                    std::to_string(tree.retired()));
  }
  if (tree.Root(frames) != old.root) {
    return DataLoss("the journal does not begin with what the head names: frame " +
                    std::to_string(frames) + " or one before it was changed since");
  }
  journal::ConsistencyProof proof;
  proof.hashes = tree.Consistency(frames, tree.size());
  proof.older = older;
  proof.newer = journal::SignHead({tree.Root(tree.size()), settled.head}, key);
  return journal::ToText(proof);
}

}  // namespace credence::study
