#pragma once
// Status and Result: how a failure travels. Three kinds of failure exist in Credence:
//   - a business refusal is an enum inside a result (it is an answer, not an error);
//   - I/O, corruption and bad input are a Status (this file);
//   - a bug is an assertion that stays on in release (base/assert.h).
// Nothing throws across a library edge. A Status is cheap when all is well (one pointer).

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "src/base/assert.h"

namespace credence {

enum class StatusCode : uint8_t {
  kOk = 0,
  kInvalidArgument =
      1,               // the caller's input is wrong; the message names what and what was expected
  kNotFound = 2,       // a named thing does not exist
  kAlreadyExists = 3,  // a thing exists with other content
  kOutOfRange = 4,     // a number, time or size beyond its stated bound
  kResourceExhausted = 5,  // a limit was met (disk, queue, memory); may go away
  kDataLoss = 6,           // stored bytes are damaged: never retried, never skipped
  kIoError = 7,            // the operating system refused
  kUnavailable = 8,        // not now: read-only, stopping, paused
  kUnimplemented = 9,      // a feature of a standard that Credence does not have; says which
  kInternal = 10,          // a broken promise inside, found without damage
};

[[nodiscard]] std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);

  [[nodiscard]] bool ok() const { return state_ == nullptr; }
  [[nodiscard]] StatusCode code() const { return ok() ? StatusCode::kOk : state_->code; }
  // Empty when ok. Text for a person: which thing, what was expected, what to do.
  [[nodiscard]] const std::string& message() const;
  // "data loss: segment 3 offset 4096: …"
  [[nodiscard]] std::string ToString() const;
  // The same failure, with where it happened put before the message.
  [[nodiscard]] Status WithContext(std::string_view context) const;
  // Says in the open that a failure is of no interest here.
  void IgnoreError() const {}

 private:
  struct State {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const State> state_;
};

inline Status OkStatus() { return {}; }
inline Status InvalidArgument(std::string m) {
  return {StatusCode::kInvalidArgument, std::move(m)};
}
inline Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
inline Status AlreadyExists(std::string m) { return {StatusCode::kAlreadyExists, std::move(m)}; }
inline Status OutOfRange(std::string m) { return {StatusCode::kOutOfRange, std::move(m)}; }
inline Status ResourceExhausted(std::string m) {
  return {StatusCode::kResourceExhausted, std::move(m)};
}
inline Status DataLoss(std::string m) { return {StatusCode::kDataLoss, std::move(m)}; }
inline Status IoError(std::string m) { return {StatusCode::kIoError, std::move(m)}; }
inline Status Unavailable(std::string m) { return {StatusCode::kUnavailable, std::move(m)}; }
inline Status Unimplemented(std::string m) { return {StatusCode::kUnimplemented, std::move(m)}; }
inline Status Internal(std::string m) { return {StatusCode::kInternal, std::move(m)}; }

// A value or the reason why there is none. Reading the wrong side is a bug (assertion).
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a value is a result
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {
    CREDENCE_ASSERT(!std::get<1>(state_).ok());
  }

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  [[nodiscard]] Status status() const { return ok() ? Status() : std::get<1>(state_); }

  [[nodiscard]] const T& value() const& {
    CREDENCE_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] T& value() & {
    CREDENCE_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    CREDENCE_ASSERT(ok());
    return std::get<0>(std::move(state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace credence

#define CREDENCE_CONCAT_INNER_(a, b) a##b
#define CREDENCE_CONCAT_(a, b) CREDENCE_CONCAT_INNER_(a, b)

// CREDENCE_TRY(expression of type Status): returns the failure from the enclosing function.
#define CREDENCE_TRY(expr)                               \
  do {                                                   \
    ::credence::Status credence_status_ = (expr);        \
    if (!credence_status_.ok()) return credence_status_; \
  } while (false)

// CREDENCE_ASSIGN(auto x, expression of type Result<T>): x gets the value or the failure is
// returned.
#define CREDENCE_ASSIGN(lhs, expr) \
  CREDENCE_ASSIGN_INNER_(CREDENCE_CONCAT_(credence_result_, __LINE__), lhs, expr)
#define CREDENCE_ASSIGN_INNER_(result, lhs, expr) \
  auto result = (expr);                           \
  if (!result.ok()) return result.status();       \
  lhs = std::move(result).value()
