#pragma once
// ModelVerification: rows of inputs and results that a PMML file carries, scored when it is loaded.

#include <memory>
#include <pugixml.hpp>
#include <vector>

#include "src/base/diagnostic.h"
#include "src/model/pmml_reader.h"
#include "src/model/scorecard_model.h"

namespace credence::model {

// Scores every row and reports each result that differs: numbers beyond the field's precision
// (relative, 1e-6 unless it says otherwise; below zeroThreshold, 1e-16, both must lie), texts that
// are not equal. An absent input is missing; an absent result is not compared. Sets
// `verified_rows`.
void VerifyModel(pugi::xml_node node, const std::shared_ptr<ScorecardModel>& model,
                 PmmlReader* reader, std::vector<Diagnostic>* diagnostics);

}  // namespace credence::model
