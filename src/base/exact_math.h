#pragma once
// Elementary functions that give the same bits on every machine and with every compiler, unlike
// those of libm. Made of +, -, *, / and integer operations on doubles only, in a fixed order (no
// fused operations). Errors are below 0.52 units in the last place over the whole range (measured
// in exact_math_test.cc).

namespace credence {

// e^x. +inf above 709.78, 0 below -745.13, nan for nan.
[[nodiscard]] double ExactExp(double x);
// Natural logarithm. -inf for 0, nan for negative numbers and nan.
[[nodiscard]] double ExactLog(double x);
// 1 / (1 + e^-x), with full precision in both tails.
[[nodiscard]] double ExactLogistic(double x);

}  // namespace credence
