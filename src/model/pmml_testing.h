#pragma once
// Small PMML texts for tests.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/pmml.h"

namespace credence::model {

// Around the parts that a test is about.
inline std::string PmmlText(std::string_view dictionary, std::string_view schema,
                            std::string_view characteristics, std::string_view scorecard = "",
                            std::string_view rest = "") {
  std::string text =
      "<PMML xmlns=\"http://www.dmg.org/PMML-4_4\" version=\"4.4\">\n<DataDictionary>";
  text += dictionary;
  text += "</DataDictionary>\n<Scorecard functionName=\"regression\" ";
  text += scorecard;
  text += ">\n<MiningSchema>";
  text += schema;
  text += "</MiningSchema>\n<Characteristics>";
  text += characteristics;
  text += "</Characteristics>\n";
  text += rest;
  text += "</Scorecard>\n</PMML>\n";
  return text;
}

struct Imported {
  std::shared_ptr<const ScorecardModel> model;
  std::vector<Diagnostic> diagnostics;

  [[nodiscard]] std::string Text() const {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) text += ToString(diagnostic) + "\n";
    return text;
  }
};

inline Imported Import(std::string_view text) {
  Imported imported;
  imported.model = ImportPmml(text, "m.pmml", &imported.diagnostics);
  return imported;
}

}  // namespace credence::model
