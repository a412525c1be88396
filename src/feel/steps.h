#pragma once
// Arithmetic as a row of steps. A tree of operators costs a call, a frame and a returned value for
// each of them; steps read their operands where those stand and write into registers, in one loop.
// What is no arithmetic is a step that calls the function of its node.

#include <cstdint>
#include <vector>

#include "src/feel/compiled.h"

namespace credence::feel {

struct Steps {
  enum class Op : uint8_t {
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kMin,     // of two; `node` is the call
    kMax,     // the same
    kCopy,    // a
    kNode,    // what `node` gives
    kUnless,  // where the test of `node` is not true, on with step `next`
    kJump,    // on with step `next`
    kReturn,  // a
  };
  enum class Place : uint8_t { kSlot, kLocal, kConstant, kRegister };
  struct Operand {
    Place place = Place::kRegister;
    uint32_t at = 0;  // bytes from the place's first value
  };
  struct Step {
    Op op = Op::kReturn;
    uint32_t target = 0;  // register, in bytes from the first
    uint32_t next = 0;
    Operand a;
    Operand b;
    const Node* node = nullptr;
  };
  // A subtree that would take more is evaluated as a tree.
  static constexpr uint32_t kRegistersMax = 8;

  std::vector<Step> steps;
  std::vector<Value> constants;
  EvalFn tree = nullptr;  // the same as a tree, which notes nulls where they arise
};

// The greatest subtrees of + - * /, min and max of two, and if are made steps.
void MakeSteps(Program* program);

}  // namespace credence::feel
