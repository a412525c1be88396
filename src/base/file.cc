#include "src/base/file.h"

namespace credence {

Result<std::unique_ptr<FileLock>> FileSystem::Lock(const std::string& path) {
  return Unimplemented("this file system has no locks; asked for " + path);
}

Result<std::string> ReadWholeFile(FileSystem& files, const std::string& path, uint64_t bytes_max) {
  CREDENCE_ASSIGN(const auto file, files.Open(path, OpenMode::kRead));
  CREDENCE_ASSIGN(const uint64_t size, file->Size());
  if (size > bytes_max) {
    return OutOfRange(path + " has " + std::to_string(size) + " bytes; at most " +
                      std::to_string(bytes_max) + " are read");
  }
  std::string content;
  CREDENCE_TRY(file->ReadAt(0, size, &content));
  if (content.size() != size) return IoError(path + " became shorter while it was read");
  return content;
}

namespace {
std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}
}  // namespace

Status MakeFoldersDurably(FileSystem& files, const std::string& folder) {
  std::vector<std::string> parents;
  std::string made = folder;
  while (made.size() > 1 && made.back() == '/') made.pop_back();
  while (made != "/" && made != ".") {
    const std::string parent = ParentOf(made);
    parents.push_back(parent);
    if (files.Exists(parent)) break;
    made = parent;
  }
  CREDENCE_TRY(files.MakeFolders(folder));
  for (const std::string& parent : parents) CREDENCE_TRY(files.SyncDirectory(parent));
  return {};
}

Status ReplaceFile(FileSystem& files, const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  {
    CREDENCE_ASSIGN(const auto file, files.Open(beside, OpenMode::kReplace));
    CREDENCE_TRY(file->WriteAt(0, content));
    CREDENCE_TRY(file->Sync());
  }
  CREDENCE_TRY(files.Rename(beside, path));
  const size_t slash = path.rfind('/');
  return files.SyncDirectory(slash == std::string::npos ? "." : path.substr(0, slash));
}

}  // namespace credence
