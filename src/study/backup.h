#pragma once
// Backup and Restore: a copy of a store that is whole at one frame, made while somebody writes.
//
//   TO/journal/      the segments up to the last settled frame, nothing behind it
//   TO/artefacts/    packs, models, policies
//   TO/backup        written last: the head and the state hash of the copy
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

namespace credence::study {

struct BackupOptions {
  // A frame that the caller knows to be durable: for a writer that backs itself up.
  std::optional<uint64_t> until_frame;
  // What other parts of a store add to the copy, given its folder and what was settled. They run
  // before the copy is checked.
  std::vector<std::function<Status(const std::string& to, const journal::Settled&)>> parts;
};

struct BackupReport {
  journal::ChainHead head;
  // Of the copy; nothing where the front of the journal was retired, which takes a checkpoint.
  std::optional<Digest> state_hash;
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
// `store`.restoring, which may be removed.
Result<BackupReport> Restore(FileSystem& files, const std::string& from, const std::string& store);

}  // namespace credence::study
