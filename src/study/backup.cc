#include "src/study/backup.h"

#include <algorithm>
#include <map>

#include "src/base/bytes.h"
#include "src/engine/core.h"
#include "src/journal/retired.h"
#include "src/study/claim.h"

namespace credence::study {

namespace {

constexpr uint64_t kCopyBytes = uint64_t{1} << 20;
constexpr uint64_t kRecordBytesMax = 4'096;
constexpr std::string_view kFirstLine = "credence-backup 1";

// `bytes` bytes of a file, durable but for its name.
Status CopyFile(FileSystem& files, const std::string& from, const std::string& to, uint64_t bytes) {
  CREDENCE_ASSIGN(const auto source, files.Open(from, OpenMode::kRead));
  CREDENCE_ASSIGN(const auto copy, files.Open(to, OpenMode::kCreateNew));
  std::string part;
  for (uint64_t at = 0; at < bytes; at += part.size()) {
    CREDENCE_TRY(source->ReadAt(at, std::min(kCopyBytes, bytes - at), &part));
    if (part.empty()) return IoError(from + " became shorter while it was copied");
    CREDENCE_TRY(copy->WriteAt(at, part));
  }
  return copy->Sync();
}

// The segments as far as they hold settled frames.
Status CopyJournal(FileSystem& files, const std::string& from, const std::string& to,
                   const journal::Settled& settled, BackupReport* report) {
  CREDENCE_TRY(files.MakeFolders(to));
  std::map<uint64_t, uint64_t> ends;
  journal::ReadOptions options;
  options.until_frame = settled.head.frames;
  CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files, from, options));
  journal::FrameView frame;
  for (;;) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    ends[frame.segment] = frame.offset + frame.bytes;
  }
  for (const auto& [number, end] : ends) {
    const std::string name = "/" + journal::SegmentName(number);
    CREDENCE_TRY(CopyFile(files, from + name, to + name, end));
    ++report->segments;
    report->bytes += end;
  }
  if (files.Exists(from + "/retired")) {
    CREDENCE_ASSIGN(const std::string retired,
                    ReadWholeFile(files, from + "/retired", kRecordBytesMax));
    CREDENCE_TRY(CopyFile(files, from + "/retired", to + "/retired", retired.size()));
  }
  return files.SyncDirectory(to);
}

Status CopyArtefacts(FileSystem& files, const std::string& from, const std::string& to,
                     BackupReport* report) {
  CREDENCE_TRY(files.MakeFolders(to));
  if (!files.Exists(from)) return files.SyncDirectory(to);
  CREDENCE_ASSIGN(const auto names, files.List(from));
  for (const std::string& name : names) {
    if (name.ends_with(".new")) continue;  // one that is being written
    CREDENCE_ASSIGN(const auto file, files.Open(from + "/" + name, OpenMode::kRead));
    CREDENCE_ASSIGN(const uint64_t bytes, file->Size());
    CREDENCE_TRY(CopyFile(files, from + "/" + name, to + "/" + name, bytes));
    ++report->artefacts;
    report->bytes += bytes;
  }
  return files.SyncDirectory(to);
}

// The files of a store of checkpoints that nobody writes.
Status CopyStoreFiles(FileSystem& files, const std::string& from, const std::string& to,
                      BackupReport* report) {
  CREDENCE_TRY(MakeFoldersDurably(files, to));
  CREDENCE_ASSIGN(const auto names, files.List(from));
  for (const std::string& name : names) {
    // RocksDB's lock and the texts that it writes about itself.
    if (name == "LOCK" || name.starts_with("LOG")) continue;
    CREDENCE_ASSIGN(const auto file, files.Open(from + "/" + name, OpenMode::kRead));
    CREDENCE_ASSIGN(const uint64_t bytes, file->Size());
    CREDENCE_TRY(CopyFile(files, from + "/" + name, to + "/" + name, bytes));
    report->bytes += bytes;
  }
  return files.SyncDirectory(to);
}

// The state at a front that was retired, and which pack it has.
Status CopyBase(FileSystem& files, const std::string& from, const std::string& to,
                BackupReport* report) {
  CREDENCE_ASSIGN(const journal::Retired retired, journal::ReadRetired(files, from + "/journal"));
  if (retired.before.frames == 0) return {};
  const std::string name = "/base/" + std::to_string(retired.before.frames);
  CREDENCE_TRY(CopyStoreFiles(files, from + name, to + name, report));
  CREDENCE_TRY(CopyFile(files, engine::BasePackPath(from, retired.before.frames),
                        engine::BasePackPath(to, retired.before.frames), Digest::kBytes));
  return files.SyncDirectory(to + "/base");
}

// The checkpoint, unless a writer has the store.
Status CopyCheckpoint(FileSystem& files, const std::string& store, const std::string& to,
                      BackupReport* report) {
  if (!files.Exists(store + "/checkpoint")) return {};
  const auto lock = files.Lock(store + "/journal/lock");
  if (lock.status().code() == StatusCode::kUnavailable) {
    report->checkpoint_in_use = true;
    return {};
  }
  CREDENCE_TRY(lock.status());
  return CopyStoreFiles(files, store + "/checkpoint", to + "/checkpoint", report);
}

// Reads a store that nobody writes, from its first frame to its last.
Status Check(FileSystem& files, const std::string& store, const BackingAt& stores,
             BackupReport* report) {
  CREDENCE_ASSIGN(const journal::Retired retired, journal::ReadRetired(files, store + "/journal"));
  const bool folds = retired.before.frames == 0 || stores;
  engine::Core core(files, store, 0);
  if (folds) CREDENCE_TRY(StartAtRetained(files, store, stores, 0, &core).status());
  std::string problem;
  Claim claim;
  if (stores) claim = ReadClaim(files, store, stores(store + "/checkpoint"), &problem);
  CREDENCE_ASSIGN(const auto reader, journal::JournalReader::Open(files, store + "/journal"));
  journal::FrameView frame;
  for (;;) {
    CREDENCE_ASSIGN(const bool more, reader->Next(&frame));
    if (!more) break;
    if (!folds) continue;
    CREDENCE_TRY(core.FoldFrame(frame));
    CheckClaim(claim, frame, core.state, &problem);
  }
  if (reader->tail().kind != journal::TailKind::kClean) {
    return DataLoss(store + ": the copy ends inside a frame");
  }
  report->head = reader->head();
  CheckClaimIsReached(claim, report->head.frames, &problem);
  if (!problem.empty()) return DataLoss(store + ": its checkpoint: " + problem);
  report->checkpoint_frame = claim.head.frames;
  if (folds) report->state_hash = core.state.Hash();
  return core.state.entities.status();
}

std::string RecordText(const BackupReport& report) {
  std::string text = std::string(kFirstLine) + "\nframes " + std::to_string(report.head.frames) +
                     "\nsequence " + std::to_string(report.head.last_seq.value()) + "\nchain " +
                     report.head.chain.ToHex() + "\nstate " +
                     (report.state_hash ? report.state_hash->ToHex() : "-") + "\n";
  if (report.checkpoint_frame > 0) {
    text += "checkpoint " + std::to_string(report.checkpoint_frame) + "\n";
  }
  return text + "sum " + Sha256(text).ToHex() + "\n";
}

Status CopyStore(FileSystem& files, const std::string& from, const std::string& to,
                 const journal::Settled& settled, BackupReport* report) {
  CREDENCE_TRY(CopyJournal(files, from + "/journal", to + "/journal", settled, report));
  CREDENCE_TRY(CopyArtefacts(files, from + "/artefacts", to + "/artefacts", report));
  return files.SyncDirectory(to);
}

// A store whose front was retired starts from a checkpoint alone: the base is one.
Status StartFromBase(FileSystem& files, const std::string& store, BackupReport* report) {
  CREDENCE_ASSIGN(const journal::Retired retired, journal::ReadRetired(files, store + "/journal"));
  if (retired.before.frames == 0) return {};
  return CopyStoreFiles(files, store + "/base/" + std::to_string(retired.before.frames),
                        store + "/checkpoint", report);
}

std::string ParentOf(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<BackupReport> Backup(FileSystem& files, const std::string& store, const std::string& to,
                            const BackupOptions& options) {
  if (files.Exists(to)) {
    CREDENCE_ASSIGN(const auto there, files.List(to));
    if (!there.empty())
      return AlreadyExists(to + " is not empty; a backup is made in a new folder");
  }
  BackupReport report;
  CREDENCE_ASSIGN(const journal::Settled settled,
                  journal::FindSettled(files, store + "/journal", options.until_frame));
  if (settled.head.frames == 0) return NotFound(store + " holds nothing that is settled");
  CREDENCE_TRY(MakeFoldersDurably(files, to));
  CREDENCE_TRY(CopyStore(files, store, to, settled, &report));
  if (options.stores) {
    CREDENCE_TRY(CopyBase(files, store, to, &report));
    if (!options.until_frame) CREDENCE_TRY(CopyCheckpoint(files, store, to, &report));
  }
  for (const auto& part : options.parts) CREDENCE_TRY(part(to, settled));
  CREDENCE_TRY(Check(files, to, options.stores, &report));
  if (report.head != settled.head) {
    return DataLoss(to + ": the copy does not end where the store was settled");
  }
  CREDENCE_TRY(ReplaceFile(files, to + "/backup", RecordText(report)));
  return report;
}

Result<BackupReport> Restore(FileSystem& files, const std::string& from_folder,
                             const std::string& store_folder, const BackingAt& stores) {
  const std::string from = WithoutSlash(from_folder);
  const std::string store = WithoutSlash(store_folder);
  if (files.Exists(store)) return AlreadyExists(store + " is there; a store is never overwritten");
  if (!files.Exists(from + "/backup")) {
    return NotFound(from + " is no backup, or one that was not finished: it has no file 'backup'");
  }
  CREDENCE_ASSIGN(const std::string record,
                  ReadWholeFile(files, from + "/backup", kRecordBytesMax));
  const std::string making = store + ".restoring";
  if (files.Exists(making)) {
    return AlreadyExists(making + " is left from a restore that was interrupted; remove it");
  }
  BackupReport report;
  CREDENCE_ASSIGN(const journal::Settled settled, journal::FindSettled(files, from + "/journal"));
  CREDENCE_TRY(MakeFoldersDurably(files, making));
  CREDENCE_TRY(CopyStore(files, from, making, settled, &report));
  const bool has_checkpoint = record.find("\ncheckpoint ") != std::string::npos;
  if (has_checkpoint && !stores) {
    return InvalidArgument(from + " has a checkpoint, and nothing was given to read it with");
  }
  if (stores) CREDENCE_TRY(CopyBase(files, from, making, &report));
  if (has_checkpoint) {
    CREDENCE_TRY(CopyStoreFiles(files, from + "/checkpoint", making + "/checkpoint", &report));
  }
  CREDENCE_TRY(Check(files, making, stores, &report));
  if (RecordText(report) != record) {
    return DataLoss(from + ": what the backup holds is not what it was when it was made (head " +
                    report.head.chain.ToHex().substr(0, 16) + " after frame " +
                    std::to_string(report.head.frames) + ")");
  }
  if (stores && !has_checkpoint) CREDENCE_TRY(StartFromBase(files, making, &report));
  CREDENCE_TRY(files.Rename(making, store));
  CREDENCE_TRY(files.SyncDirectory(ParentOf(store)));
  return report;
}

}  // namespace credence::study
