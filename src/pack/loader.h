#pragma once
// Loader: one loading of one pack, step by step. Every step reports all it finds and goes on with
// what is left, so that a person sees all errors at once; a step whose ground is missing is left
// out.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/dmn/engine.h"
#include "src/model/scorecard_model.h"
#include "src/pack/pack.h"
#include "src/pack/yaml.h"

namespace credence::pack {

inline constexpr size_t kWindowsMax = 64;    // of one feature entry
inline constexpr size_t kComputesMax = 256;  // of one feature entry
inline constexpr size_t kDerivedMax = 1024;
inline constexpr size_t kDecisionsMax = 64;
inline constexpr size_t kModelsMax = 64;
inline constexpr size_t kCaseEventsMax = 10'000;

class Loader {
 public:
  Loader(FileSet files, std::string_view label, TzifSource* tzif,
         std::vector<Diagnostic>* diagnostics)
      : files_(std::move(files)), label_(label), tzif_(tzif), diagnostics_(diagnostics) {}
  std::shared_ptr<const Pack> Load();

 private:
  struct ModelDecl {
    std::string name;
    std::string file;
    Node at;
    std::shared_ptr<const model::ScorecardModel> scorecard;
    std::optional<model::ProbabilityScale> probability;
  };
  struct SourceField {
    std::string name;
    record::SlotType type = record::SlotType::kDecimal;
  };
  struct SourceDecl {
    std::string name;
    std::vector<SourceField> fields;
  };
  struct DecisionDecl {
    std::string name;
    Node at;
    std::string policy;
    Node policy_at;
    std::vector<std::pair<std::string, Node>> models;
    std::vector<std::string> outcomes;
    std::string fallback;
    std::string kill_switch;
    uint32_t model_reasons = 0;
  };
  struct Derived {
    std::string name;
    std::string text;
    Node at;
    bool good = false;
    feel::Type type;
    std::vector<std::string> reads;  // names of slots, where good
  };

  [[nodiscard]] std::string Path(std::string_view file) const {
    return label_ + "/" + std::string(file);
  }
  // The parsed file, or nothing after an error. A missing file is an error if `required`.
  std::optional<Node> Parse(const std::string& file, bool required);

  // Errors so far; warnings are no reason to leave a step out.
  [[nodiscard]] size_t Errors() const;

  // schema_loader.cc
  void LoadPackFile();
  void LoadHeader(MapReader* root, Reporter* reporter);
  void LoadBounds(const Node& node, Reporter* reporter);
  void LoadEntities(const Node& node, Reporter* reporter);
  void LoadEvents(const Node& node, Reporter* reporter);
  void LoadEvent(const Node& name, const Node& node, Reporter* reporter);
  void LoadField(const Node& name, const Node& node, record::EventType* type, Reporter* reporter);
  void LoadFieldDetails(const Node& node, record::FieldDecl* field, Reporter* reporter);
  void LoadSubject(const Node& at, const Node* node, record::EventType* type, Reporter* reporter);
  void LoadModels(const Node& node, Reporter* reporter);
  void LoadSources(const Node& node, Reporter* reporter);
  void LoadDecisions(const Node& node, Reporter* reporter);
  void LoadZone();

  // feature_loader.cc
  void LoadFeatureFile();
  void LoadFeatureEntry(const std::string& entity, const Node& node, Reporter* reporter);
  bool LoadCompute(const Node& node, feature::FeatureSpec* spec, Reporter* reporter);
  void LoadDerived(const Node& node, Reporter* reporter);
  void OrderDerived(Reporter* reporter);
  [[nodiscard]] feel::Scope ScopeOfAll() const;

  // products_loader.cc
  void LoadProducts();
  class MoneyReader;

  // decision_loader.cc
  void LoadModelFiles();
  void LoadPolicy();
  void BindDecisions();
  class PlanMaker;
  void LoadTexts();
  void LoadTextFile(Language language, const std::string& file);
  void CheckTexts();
  void LoadCases();
  void LoadCase(const std::string& file);

  FileSet files_;
  std::string label_;
  TzifSource* tzif_;
  std::vector<Diagnostic>* diagnostics_;
  std::shared_ptr<Pack> pack_;
  bool schema_good_ = false;
  bool texts_read_[2] = {false, false};  // by Language
  std::vector<std::pair<std::string, Node>>
      decides_;  // by event type: the decision it asks for, "" for none
  std::vector<ModelDecl> models_;
  std::vector<SourceDecl> sources_;
  std::vector<DecisionDecl> decisions_;
  std::vector<feature::FeatureSpec> specs_;
  bool features_good_ = false;
  std::vector<Derived> derived_;  // in order of dependence once ordered
  std::shared_ptr<const dmn::Model> policy_;
};

}  // namespace credence::pack
