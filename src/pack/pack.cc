#include "src/pack/pack.h"

#include <algorithm>

#include "src/pack/loader.h"

namespace credence::pack {

Digest PackDigest(const FileSet& files) {
  Sha256Stream hash;
  std::string line;
  for (const auto& [path, content] : files) {
    line = Sha256(content).ToHex() + "  " + path + "\n";
    hash.Update(line);
  }
  return hash.Finish();
}

std::string_view Pack::OutcomeText(std::string_view outcome, Language language) const {
  const auto& all = texts[static_cast<size_t>(language)].outcomes;
  const auto found = all.find(outcome);
  return found == all.end() ? outcome : std::string_view(found->second);
}

std::string_view Pack::ReasonText(std::string_view code, Language language) const {
  const auto& all = texts[static_cast<size_t>(language)].reasons;
  const auto found = all.find(code);
  return found == all.end() ? code : std::string_view(found->second);
}

const decision::DecisionPlan* Pack::FindDecision(std::string_view decision) const {
  for (const decision::DecisionPlan& plan : decisions) {
    if (plan.name == decision) return &plan;
  }
  return nullptr;
}

std::optional<Node> Loader::Parse(const std::string& file, bool required) {
  Reporter reporter(Path(file), diagnostics_);
  const auto found = files_.find(file);
  if (found == files_.end()) {
    if (required) reporter.Error(0, 0, "missing-file", "the pack has no file " + file);
    return std::nullopt;
  }
  return ParseYaml(found->second, &reporter);
}

size_t Loader::Errors() const {
  return static_cast<size_t>(
      std::count_if(diagnostics_->begin(), diagnostics_->end(),
                    [](const Diagnostic& d) { return d.severity == Severity::kError; }));
}

std::shared_ptr<const Pack> Loader::Load() {
  auto nothing = feature::FeaturePlan::Build({}, {}, diagnostics_);
  CREDENCE_ASSERT(nothing.has_value());
  pack_ = std::make_shared<Pack>(std::move(*nothing));
  LoadPackFile();
  LoadModelFiles();
  if (schema_good_) LoadProducts();
  if (schema_good_) LoadFeatureFile();
  LoadPolicy();
  if (schema_good_ && features_good_) BindDecisions();
  LoadTexts();
  LoadCases();
  SortDiagnostics(diagnostics_);
  // One fault of an entry with many windows is found once for each of them.
  diagnostics_->erase(std::unique(diagnostics_->begin(), diagnostics_->end()), diagnostics_->end());
  if (HasErrors(*diagnostics_)) return nullptr;
  CREDENCE_ASSERT(pack_->decisions.size() == decisions_.size());
  pack_->files = std::move(files_);
  pack_->digest = PackDigest(pack_->files);
  std::vector<Digest> artefacts;
  for (const auto& [path, content] : pack_->files) artefacts.push_back(Sha256(content));
  for (decision::DecisionPlan& plan : pack_->decisions) {
    plan.pack = pack_->digest;
    plan.artefacts = artefacts;
  }
  return pack_;
}

std::shared_ptr<const Pack> Load(FileSet files, std::string_view label, TzifSource* tzif,
                                 std::vector<Diagnostic>* diagnostics) {
  return Loader(std::move(files), label, tzif, diagnostics).Load();
}

Result<FileSet> ReadFolder(FileSystem& file_system, const std::string& folder) {
  FileSet files;
  for (const std::string& below : {std::string(), std::string("models/"), std::string("cases/")}) {
    const auto names = file_system.List(folder + "/" + below);
    if (!names.ok()) {
      if (below.empty()) return names.status();
      continue;
    }
    for (const std::string& name : *names) {
      const bool wanted =
          name.ends_with(".yaml") || name.ends_with(".dmn") || name.ends_with(".pmml");
      if (!wanted) continue;
      if (files.size() == kPackFilesMax) {
        return OutOfRange(folder + " has more than " + std::to_string(kPackFilesMax) + " files");
      }
      CREDENCE_ASSIGN(std::string content,
                      ReadWholeFile(file_system, folder + "/" + below + name, kPackFileBytesMax));
      files.emplace(below + name, std::move(content));
    }
  }
  return files;
}

}  // namespace credence::pack
