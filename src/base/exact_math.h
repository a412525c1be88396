#pragma once
// Elementary functions that give the same bits on every machine and with every compiler, unlike
// those of libm. Made of +, -, *, / and integer operations on doubles only, in a fixed order (no
// fused operations). Errors are below 0.52 units in the last place over the whole range, subnormal
// results included (held by exact_math_test.cc; the worst of 13 million random points against
// 113-bit arithmetic: exp 0.512, log 0.502, logistic 0.512). Each takes one table row and no loop.
// Rounding must be to nearest, as it is by default.

namespace credence {

// e^x. +inf above 709.78, 0 below -745.13, nan for nan.
[[nodiscard]] double ExactExp(double x);
// Natural logarithm. -inf for 0, nan for negative numbers and nan.
[[nodiscard]] double ExactLog(double x);
// 1 / (1 + e^-x), with full precision in both tails.
[[nodiscard]] double ExactLogistic(double x);

}  // namespace credence
