#pragma once
// Predicates and expressions of PMML, read into a ScorecardModel's own form.

#include <optional>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <vector>

#include "src/model/pmml_reader.h"
#include "src/model/scorecard_model.h"

namespace credence::model {

class PredicateReader {
 public:
  // `inputs` are the fields that may be named; both outlive the reader.
  PredicateReader(PmmlReader* reader, const std::vector<InputField>* inputs);

  // Nothing, and an error, if `node` (SimplePredicate, CompoundPredicate, SimpleSetPredicate, True
  // or False) is not well made.
  std::optional<Predicate> ReadPredicate(pugi::xml_node node) { return Read(node, 0); }
  // `node` is a ComplexPartialScore.
  std::optional<Expression> ReadComplexScore(pugi::xml_node node);

 private:
  std::optional<Predicate> Read(pugi::xml_node node, size_t depth);
  std::optional<Predicate> ReadSimple(pugi::xml_node node);
  std::optional<Predicate> ReadCompound(pugi::xml_node node, size_t depth);
  std::optional<Predicate> ReadSet(pugi::xml_node node);
  std::optional<Expression> ReadExpression(pugi::xml_node node, size_t depth);
  std::optional<Expression> ReadApply(pugi::xml_node node, size_t depth);
  std::optional<uint32_t> Field(pugi::xml_node node);
  std::optional<uint32_t> NumericField(pugi::xml_node node);

  PmmlReader* reader_;
  const std::vector<InputField>* inputs_;
  std::vector<std::string> names_;
};

// The items of a PMML Array: separated by white space, or in double quotes with \" for a quote.
// Nothing if a quote does not end.
[[nodiscard]] std::optional<std::vector<std::string>> SplitArray(std::string_view text);

}  // namespace credence::model
