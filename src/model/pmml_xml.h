#pragma once
// The strict reading of XML that model files need. pugixml parses; this checks before it what
// pugixml passes over in silence (encoding, document types, entities, duplicate attributes, text
// outside the root) and finds the line and column of an element or attribute afterwards.

#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/scorecard_model.h"

namespace credence::model {

struct XmlProblem {
  size_t offset = 0;
  std::string code;     // "xml-doctype", "xml-encoding", "xml-syntax", "xml-limit"
  std::string message;  // empty: no problem
};

// The first thing that makes `text` unfit: not UTF-8, another declared encoding, a document type, a
// processing instruction, an entity or character that XML does not define, an attribute given twice
// in one element, text outside the root element, elements nested deeper than `depth_max`.
[[nodiscard]] XmlProblem CheckXml(std::string_view text, size_t depth_max);

// Positions in one text, which must outlive it.
class XmlPositions {
 public:
  explicit XmlPositions(std::string_view text);
  [[nodiscard]] Position At(size_t offset) const;
  [[nodiscard]] Position Of(pugi::xml_node node) const;
  // Of the attribute's name; of the element where the attribute is not there.
  [[nodiscard]] Position Of(pugi::xml_node node, std::string_view attribute) const;

 private:
  std::string_view text_;
  std::vector<size_t> line_starts_;
};

}  // namespace credence::model
