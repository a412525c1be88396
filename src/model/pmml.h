#pragma once
// Importer of PMML scorecards (PMML 4.1, 4.2, 4.3, 4.4 of the Data Mining Group).
//
// Returns the model, or nothing with at least one error among `diagnostics`; all errors are
// reported at once, each with line, column and, for a name, the nearest right one. Nothing that
// could change a score is passed over: an unknown element, attribute or value, and a known one that
// is not supported, is an error. Parts that cannot change a score (Extension, ModelStats,
// ModelExplanation, MiningBuildTask) give a note.
//
// Supported: DataDictionary (string, integer, float, double, boolean; intervals; valid, invalid and
// missing values), MiningSchema (invalid, missing and outlier treatment), Characteristics with all
// predicates (missing values by three-valued logic), partialScore, ComplexPartialScore (+ - * /
// over constants and fields), baselines, both reason code algorithms, Output (predictedValue,
// reasonCode), ModelVerification, whose rows are scored at once and must agree. Not supported:
// transformations, Targets, dates and times, ordinal order of strings.
//
// The text is refused with a document type, an encoding other than UTF-8, an entity that XML does
// not define, a duplicate attribute, or beyond the limits below.

#include <memory>
#include <string_view>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/model/scorecard_model.h"

namespace credence::model {

inline constexpr size_t kPmmlBytesMax = size_t{16} << 20;
inline constexpr size_t kXmlDepthMax = 64;
inline constexpr size_t kDiagnosticsMax =
    100;  // of one file; then one more says that there are others

// `file` is how diagnostics name the text; it is not opened.
std::shared_ptr<const ScorecardModel> ImportPmml(std::string_view text, std::string_view file,
                                                 std::vector<Diagnostic>* diagnostics);

}  // namespace credence::model
