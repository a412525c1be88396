#pragma once
// Inside record, and for what reads or makes the plain form: the stored form of the slots that a
// decision read. Two forms are stored, each as a field of its own (docs/formats/record.md):
//
//   plain  := (slot:varint value)*                    what 0.1.0 wrote; read, never written
//   packed := (head:u8 [further:varint] content)*     what is written
//   head   := kind in the low 4 bits, step in the high 4
//   step   := slot - slot before - 1, the first as if after slot -1; 15: `further` is step - 15
//
// Kinds of the packed form and their content, each the only one for its values. Permanent:
//   0 absent       2 integer: zigzag    6 duration: zigzag   9 token: 16 bytes
//   1 false        3 long decimal:      7 date: zigzag      10 incomplete
//  11 true           fixed128           8 timestamp: fixed64
//   5 string: bytes
//  12 short decimal, whose coefficient is below 2^64 and exponent -120 to 7: u8 (128 if negative)
//     + exponent + 120, varint coefficient
//   4 money: fixed32 numeric currency, zigzag minor units, zigzag minor units in base currency
//  13 money in the currency of the money before it in the record, equal in the base currency:
//     zigzag minor units
//
// Numbers are those of the canonical member of their cohort, so equal slots have equal bytes.

#include <string>
#include <string_view>
#include <vector>

#include "src/record/fact.h"

namespace credence::record {

// Appends the packed form.
void PackSlots(const std::vector<SlotValue>& slots, std::string* out);
// Appends the slots that `bytes` hold; views point into them. False on damage, on content that is
// not canonical, and where there are more than `slots_max`.
[[nodiscard]] bool UnpackSlots(std::string_view bytes, size_t slots_max,
                               std::vector<SlotValue>* slots);

// The same for the plain form.
void PutPlainSlots(const std::vector<SlotValue>& slots, std::string* out);
[[nodiscard]] bool ReadPlainSlots(std::string_view bytes, size_t slots_max,
                                  std::vector<SlotValue>* slots);

// One whole decision record in the plain form, otherwise as EncodeDecision. For digests over many
// decisions, which stay comparable from release to release, and for tests.
void EncodePlainDecision(const DecisionRecord& decision, std::string* out);

}  // namespace credence::record
