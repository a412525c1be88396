#include "src/http/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "src/base/assert.h"

namespace credence::http {

namespace beast_http = boost::beast::http;
using Error = boost::system::error_code;

namespace {

// Beast's parser of one request, with the checks that it leaves to others.
class OneRequest final : public beast_http::basic_parser<true> {
 public:
  explicit OneRequest(const HeadCheck& head_check) : head_check_(head_check) {
    eager(true);
    body_limit(boost::none);
    header_limit(static_cast<uint32_t>(kHeaderBytesMax));
  }

  Request request;
  bool line_read = false;  // the request line
  bool head_read = false;  // and all headers
  bool wants_100 = false;  // the client waits for leave to send the body
  bool connection_ends = false;
  std::optional<Response> refusal;  // where put() stopped with an error of this class
  std::optional<Response> early;    // of the head check, for a request without a body

 private:
  void Refuse(Response response, Error* ec) {
    refusal = std::move(response);
    *ec = beast_http::make_error_code(beast_http::error::bad_value);
  }
  void RefuseMalformed(std::string_view expected, Error* ec) {
    Refuse(ProblemResponse(400, "malformed-request", "The request is not HTTP", expected), ec);
  }

  void on_request_impl(beast_http::verb /*method*/, boost::beast::string_view method,
                       boost::beast::string_view target, int version, Error& ec) override {
    line_read = true;
    if (target.size() > kTargetBytesMax) {
      return Refuse(ProblemResponse(414, "target-too-long", "The target is too long",
                                    "expected a target of at most 4096 bytes"),
                    &ec);
    }
    request.SetLine({method.data(), method.size()}, {target.data(), target.size()}, version == 11);
  }

  void on_field_impl(beast_http::field known, boost::beast::string_view name,
                     boost::beast::string_view value, Error& ec) override {
    using beast_http::field;
    if (head_read) return;  // a trailer
    if (request.header_count() == kHeadersMax) {
      return Refuse(ProblemResponse(431, "too-many-headers", "There are too many headers",
                                    "expected at most 64 headers"),
                    &ec);
    }
    const std::string_view text{value.data(), value.size()};
    uint32_t* seen = nullptr;
    switch (known) {
      case field::host:
        seen = &hosts_;
        break;
      case field::authorization:
        seen = &authorizations_;
        break;
      case field::content_type:
        seen = &content_types_;
        break;
      case field::content_length:
        seen = &content_lengths_;
        break;
      case field::transfer_encoding:
        if (!EqualsIgnoringCase(text, "chunked")) {
          return Refuse(ProblemResponse(501, "transfer-coding", "The transfer coding is not known",
                                        "expected no transfer coding but chunked"),
                        &ec);
        }
        if (!request.is_http11()) {
          return RefuseMalformed("expected no Transfer-Encoding in HTTP/1.0", &ec);
        }
        break;
      case field::expect:
        if (!EqualsIgnoringCase(text, "100-continue")) {
          return Refuse(ProblemResponse(417, "expectation", "The expectation is not known",
                                        "expected no Expect header but 100-continue"),
                        &ec);
        }
        wants_100 = request.is_http11();
        break;
      default:
        break;
    }
    if (seen != nullptr && (*seen)++ > 0) {
      return RefuseMalformed(
          "expected Host, Authorization, Content-Type and Content-Length at most once", &ec);
    }
    request.AddHeader({name.data(), name.size()}, text);
  }

  void on_header_impl(Error& ec) override {
    head_read = true;
    connection_ends = !keep_alive() || !request.is_http11();
    if (hosts_ == 0 && request.is_http11()) {
      return RefuseMalformed("expected a Host header", &ec);
    }
    const auto length = content_length();
    const bool has_body = chunked() || (length && *length > 0);
    if (head_check_) {
      HeadVerdict verdict = head_check_(request);
      if (verdict.answered && has_body) return Refuse(std::move(verdict.answer), &ec);
      if (verdict.answered) early = std::move(verdict.answer);
      body_bytes_max_ = verdict.body_bytes_max;
    }
    if (length && *length > body_bytes_max_) return RefuseTooLarge(&ec);
    if (length) request.body.reserve(static_cast<size_t>(*length));
    wants_100 = wants_100 && has_body;
  }

  void RefuseTooLarge(Error* ec) {
    Response response;
    response =
        ProblemResponse(413, "too-large", "The body is too large",
                        "expected a body of at most " + std::to_string(body_bytes_max_) + " bytes");
    Refuse(std::move(response), ec);
  }

  void on_body_init_impl(const boost::optional<uint64_t>& /*length*/, Error& /*ec*/) override {}

  size_t on_body_impl(boost::beast::string_view body, Error& /*ec*/) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }

  void on_chunk_header_impl(uint64_t size, boost::beast::string_view /*extensions*/,
                            Error& ec) override {
    if (size > body_bytes_max_ - request.body.size()) RefuseTooLarge(&ec);
  }

  size_t on_chunk_body_impl(uint64_t /*remain*/, boost::beast::string_view body,
                            Error& /*ec*/) override {
    request.body.append(body.data(), body.size());
    return body.size();
  }

  void on_response_impl(int /*code*/, boost::beast::string_view /*reason*/, int /*version*/,
                        Error& /*ec*/) override {}
  void on_finish_impl(Error& /*ec*/) override {}

  const HeadCheck& head_check_;
  size_t body_bytes_max_ = kBodyBytesMax;
  uint32_t hosts_ = 0;
  uint32_t authorizations_ = 0;
  uint32_t content_types_ = 0;
  uint32_t content_lengths_ = 0;
};

// "… HTTP/<digit>.<digit>" at the end of the first line, but another than 1.0 and 1.1.
bool NamesOtherVersion(std::string_view bytes) {
  const size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos || end < 9) return false;
  const std::string_view version = bytes.substr(end - 9, 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.substr(0, 6) == " HTTP/" && digit(version[6]) && version[7] == '.' &&
         digit(version[8]) && version != " HTTP/1.1" && version != " HTTP/1.0";
}

Response RefusalOf(const Error& ec, const OneRequest& parser, std::string_view bytes) {
  using beast_http::error;
  if (ec == error::header_limit) {
    if (!parser.line_read) {
      return ProblemResponse(414, "target-too-long", "The target is too long",
                             "expected a target of at most 4096 bytes");
    }
    return ProblemResponse(431, "headers-too-large", "The headers are too large",
                           "expected request line and headers of together at most 16384 bytes");
  }
  if (ec == error::bad_version && NamesOtherVersion(bytes)) {
    return ProblemResponse(505, "http-version", "The version of HTTP is not known",
                           "expected HTTP/1.1 or HTTP/1.0");
  }
  std::string_view expected =
      "expected a request line and headers of RFC 9112, lines ended by CR LF";
  if (ec == error::bad_content_length || ec == error::multiple_content_length) {
    expected = "expected one Content-Length in digits, and none beside Transfer-Encoding";
  } else if (ec == error::bad_transfer_encoding) {
    expected = "expected one Transfer-Encoding, and none beside Content-Length";
  } else if (ec == error::bad_chunk || ec == error::bad_chunk_extension) {
    expected = "expected chunks of RFC 9112, section 7.1";
  }
  return ProblemResponse(400, "malformed-request", "The request is not HTTP", expected);
}

}  // namespace

class RequestParser::Impl {
 public:
  explicit Impl(const HeadCheck& check) : head_check(check) { one.emplace(head_check); }
  const HeadCheck& head_check;
  std::optional<OneRequest> one;
  std::optional<Response> refusal;
};

RequestParser::RequestParser(const HeadCheck& head_check)
    : impl_(std::make_unique<Impl>(head_check)) {}
RequestParser::~RequestParser() = default;

RequestParser::Got RequestParser::Put(std::string_view bytes, size_t* used) {
  CREDENCE_ASSERT(!impl_->refusal);
  OneRequest& one = *impl_->one;
  Error ec;
  *used = one.put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  if (ec == beast_http::error::need_more) ec = {};
  if (!ec && !one.is_done() && bytes.size() - *used >= kUnparsedBytesMax) {
    ec = beast_http::make_error_code(one.head_read ? beast_http::error::bad_chunk
                                                   : beast_http::error::header_limit);
  }
  if (ec) {
    impl_->refusal = one.refusal ? std::move(*one.refusal) : RefusalOf(ec, one, bytes);
    return Got::kRefused;
  }
  return one.is_done() ? Got::kRequest : Got::kPart;
}

RequestParser::Taken RequestParser::Take() {
  OneRequest& one = *impl_->one;
  CREDENCE_ASSERT(one.is_done());
  Taken taken{std::move(one.request), one.connection_ends, std::move(one.early)};
  impl_->one.emplace(impl_->head_check);
  return taken;
}

Response RequestParser::TakeRefusal() {
  CREDENCE_ASSERT(impl_->refusal.has_value());
  return std::move(*impl_->refusal);
}

bool RequestParser::begun() const { return impl_->one->got_some(); }
bool RequestParser::head_read() const { return impl_->one->head_read; }
bool RequestParser::is_head_method() const { return impl_->one->request.method() == "HEAD"; }
bool RequestParser::waits_for_leave() const {
  return impl_->one->head_read && impl_->one->wants_100;
}

}  // namespace credence::http
