#pragma once
// Backup and Restore: a copy of a store that is whole at one frame, made while somebody writes.
//
//   TO/journal/      the segments up to the last settled frame, nothing behind it
//   TO/artefacts/    packs, models, policies
//   TO/base/         where the front of the journal was retired: the state there (retire.h)
//   TO/checkpoint/   the checkpoint, so that what is restored starts from it
//   TO/backup        written last: the head and the state hash of the copy
//
// A checkpoint can be copied while nobody writes it: where no writer has the store, its files are
// copied with the writer's lock held. While a writer in another process has it the checkpoint is
// left out: journal, artefacts and base are a whole store, which takes longer to start. A writer
// that backs itself up gives its own copy (engine::Engine::TakeSnapshot) as one of `parts`, and the
// frame of that copy as until_frame. Files are copied, not linked: damage to the store does not
// reach its backup.
//
// Only settled frames are copied (journal/tree.h): with a writer in another process that is all but
// the frame that may be on its way. The copy is read back and folded before `backup` is written, so
// that a backup that exists is one that was checked; restoring checks again. Neither writes into a
// folder that is there already.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/base/status.h"
#include "src/journal/tree.h"
#include "src/study/retire.h"

namespace credence::study {

struct BackupOptions {
  // A frame that the caller knows to be durable: for a writer that backs itself up.
  std::optional<uint64_t> until_frame;
  // What other parts of a store add to the copy, given its folder and what was settled. They run
  // before the copy is checked. What one puts into TO/checkpoint is the copy's checkpoint.
  std::vector<std::function<Status(const std::string& to, const journal::Settled&)>> parts;
  // Where checkpoints and base are opened, to be checked. Null: neither is copied, and a store
  // whose front was retired is checked for damage of its frames alone.
  BackingAt stores;
};

struct BackupReport {
  journal::ChainHead head;
  // Of the copy; nothing where the front of the journal was retired and its base was not read.
  std::optional<Digest> state_hash;
  uint64_t checkpoint_frame = 0;   // of the copy's checkpoint; 0: it has none
  bool checkpoint_in_use = false;  // it was left out, since a writer has the store
  uint64_t segments = 0;
  uint64_t artefacts = 0;
  uint64_t bytes = 0;
};

// kAlreadyExists if there is anything in `to`; kDataLoss if the store or the copy is damaged. After
// a failure `to` holds no file `backup`.
Result<BackupReport> Backup(FileSystem& files, const std::string& store, const std::string& to,
                            const BackupOptions& options = {});

// Makes `store` from a backup. kAlreadyExists if `store` is there; kDataLoss if the backup does not
// agree with its own record. The store appears whole or not at all; an interrupted restore leaves
// `store`.restoring, which may be removed. A backup of a store whose front was retired and that has
// no checkpoint gets its base as one, so that it can be started. `stores` as above.
Result<BackupReport> Restore(FileSystem& files, const std::string& from, const std::string& store,
                             const BackingAt& stores = {});

}  // namespace credence::study
