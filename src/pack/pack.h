#pragma once
// Pack: a folder of data, loaded, checked as a whole and bound. Immutable; may be shared between
// threads.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/base/digest.h"
#include "src/base/file.h"
#include "src/calendar/zone.h"
#include "src/decision/plan.h"
#include "src/feature/plan.h"
#include "src/pack/products.h"
#include "src/record/schema.h"

namespace credence::pack {

inline constexpr uint64_t kPackFileBytesMax = uint64_t{16} << 20;
inline constexpr size_t kPackFilesMax = 1000;

// The files of a pack by their path inside it ("models/loan_score.pmml"), with the TZif bytes of
// its zone as "tzdata/<zone>". What a digest names and the artefact store keeps.
using FileSet = std::map<std::string, std::string>;

// The digest of a pack: SHA-256 over the sorted list of (path, SHA-256 of the content).
[[nodiscard]] Digest PackDigest(const FileSet& files);

enum class Language : uint8_t { kEnglish = 0, kChinese = 1 };

struct Texts {
  std::map<std::string, std::string, std::less<>> outcomes;
  std::map<std::string, std::string, std::less<>> reasons;
};

// A worked example of cases/*.yaml. Events are CloudEvents as JSON text; the shell runs them.
struct Case {
  std::string file;
  uint32_t line = 0;
  std::string name;
  std::vector<std::string> events;  // JSON, in order
  struct Expectation {
    uint32_t line = 0;
    std::string event;
    std::optional<std::string> outcome;
    std::optional<std::vector<std::string>> reasons;
    std::optional<std::string> score;                   // decimal text
    std::optional<std::string> probability_of_default;  // decimal text
    std::vector<std::pair<std::string, std::string>>
        slots;  // name, text as record::ToString gives it
  };
  std::vector<Expectation> expectations;
};

struct Pack {
  explicit Pack(feature::FeaturePlan no_features) : features(std::move(no_features)) {}

  std::string name;
  int64_t version = 0;
  std::string title[2];  // by Language
  record::Schema schema;
  feature::FeaturePlan features;
  std::vector<decision::DecisionPlan> decisions;
  MoneyPlan money;  // products.yaml; empty without it
  Texts texts[2];   // by Language
  std::vector<Case> cases;
  std::unique_ptr<ZoneTable> zones;
  const Zone* zone = nullptr;
  FileSet files;
  Digest digest;

  // The text of an outcome or reason; the code itself where there is none.
  [[nodiscard]] std::string_view OutcomeText(std::string_view outcome, Language language) const;
  [[nodiscard]] std::string_view ReasonText(std::string_view code, Language language) const;
  [[nodiscard]] const decision::DecisionPlan* FindDecision(std::string_view decision) const;
};

// Loads from files. `files` holds the zone's TZif bytes already, or `tzif` is asked for them and
// they are added. Null if there is an error among `diagnostics`, which hold all of them, sorted;
// warnings alone do not prevent a pack. Paths in diagnostics begin with `label`
// ("packs/bank-account-loan").
class TzifSource {
 public:
  virtual ~TzifSource() = default;
  // The bytes of a zone by IANA name; nothing if there is none.
  virtual std::optional<std::string> Read(std::string_view zone_name) = 0;
};
std::shared_ptr<const Pack> Load(FileSet files, std::string_view label, TzifSource* tzif,
                                 std::vector<Diagnostic>* diagnostics);

// All regular files of a folder that belong to a pack (*.yaml, *.dmn, *.pmml, below models/ and
// cases/ too).
Result<FileSet> ReadFolder(FileSystem& file_system, const std::string& folder);

}  // namespace credence::pack
