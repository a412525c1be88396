#pragma once
// The slow, obvious twin of Scorecard, for tests: it walks the model as the author wrote it, with
// every input as a decimal, a text or nothing.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/model/scorecard_model.h"

namespace credence::model {

// Of the type of the field that it is given for; a boolean is the number 0 or 1.
struct NaiveValue {
  Decimal number;
  std::string text;
};

struct NaiveScore {
  std::optional<Decimal> points;  // nothing: no score
  std::vector<std::pair<std::string, Decimal>> reasons;
};

// A field that is not in `values` is missing.
NaiveScore ScoreNaively(const ScorecardModel& model, std::map<std::string, NaiveValue> values);

}  // namespace credence::model
