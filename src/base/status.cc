#include "src/base/status.h"

namespace credence {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kAlreadyExists:
      return "already exists";
    case StatusCode::kOutOfRange:
      return "out of range";
    case StatusCode::kResourceExhausted:
      return "resource exhausted";
    case StatusCode::kDataLoss:
      return "data loss";
    case StatusCode::kIoError:
      return "i/o error";
    case StatusCode::kUnavailable:
      return "unavailable";
    case StatusCode::kUnimplemented:
      return "unimplemented";
    case StatusCode::kInternal:
      return "internal";
  }
  CREDENCE_UNREACHABLE();
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) {
    state_ = std::make_shared<const State>(State{code, std::move(message)});
  }
}

const std::string& Status::message() const {
  static const std::string empty;
  return ok() ? empty : state_->message;
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string text(StatusCodeName(state_->code));
  text += ": ";
  text += state_->message;
  return text;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return {};
  std::string text(context);
  text += ": ";
  text += state_->message;
  return {state_->code, std::move(text)};
}

}  // namespace credence
