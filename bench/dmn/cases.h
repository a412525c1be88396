#pragma once
// The cases of the DMN benchmark: what every program beside this one runs. WriteCases() puts into a
// folder
//
//   cases.tsv      a line a case, tab-separated: id, group, dmn file, decisions (with '|'), jdm
//                  file, inputs file, inputs to check, FEEL text, ZEN text; "-" = there is none
//   *.dmn          DMN 1.3 models, for every program that reads DMN
//   *.jdm.json     the same tables in the format of ZEN
//   *.jsonl        inputs, one JSON object a line
//
// Everything is made from one seed; equal options give equal bytes.

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/status.h"

namespace credence::bench {

struct CaseOptions {
  uint64_t seed = 1;
  size_t table_inputs = 1'000'000;  // distinct inputs of the tables
  size_t other_inputs = 20'000;     // of the fraud table, the lending model, the expressions
  std::vector<size_t> table_sizes = {10, 100, 1'000, 5'000, 50'000};
  // The lending model of the TCK (0004-lending.dmn); empty = that case is left out.
  std::string lending_model;
};

struct Case {
  std::string id;     // "unique-5000"
  std::string group;  // "lending", "fraud", "table", "expression"
  std::string dmn;    // names of files, without the folder
  std::vector<std::string> decisions;
  std::string jdm;
  std::string inputs;
  size_t checked = 0;  // results of so many inputs, from the first, go into the checksum
  std::string feel;    // group expression
  std::string zen;
};

// Errors: a file that cannot be written or read.
Status WriteCases(const std::string& folder, const CaseOptions& options);
Result<std::vector<Case>> ReadCases(const std::string& folder);

}  // namespace credence::bench
