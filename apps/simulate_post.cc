#include "apps/simulate_post.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "apps/load.h"
#include "apps/terminal.h"
#include "src/http/client.h"
#include "src/thread/thread.h"

namespace credence::apps {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Instant = SteadyClock::time_point;

constexpr int kSendsMax = 20;  // of one event that the server has no room for
constexpr auto kBusyPause = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::seconds(30);  // for the last answers

// An event on its way.
struct Sent {
  std::string json;  // kept, so that it can be sent again
  std::string id;
  sim::Asks asks = sim::Asks::kNothing;
  Instant intended;
  bool sale = false;  // in the hour of the flash sale
  int sends = 0;
  Instant due;  // of the next sending
};

struct Answer {
  std::shared_ptr<Sent> sent;
  http::Reply reply;
  Instant at;
};

// The outcome of a decision in a reply (docs/EVENTS.md); empty where there is none.
std::string_view OutcomeOf(std::string_view body) {
  constexpr std::string_view kKey = R"("outcome":{"code":")";
  const size_t at = body.find(kKey);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + kKey.size();
  return body.substr(begin, body.find('"', begin) - begin);
}

class Poster {
 public:
  Poster(const SimulateOptions& options, const PostOptions& post)
      : options_(options), post_(post), market_(MarketOf(options)) {}

  Result<PostReport> Run(const MarketProgress& progress) {
    http::ClientOptions client;
    client.address = post_.address;
    client.port = post_.port;
    client.connections = post_.connections;
    client.pipelined = post_.pipelined;
    CREDENCE_ASSIGN(client_, http::Client::Connect(client));
    thread::Begin("sender", thread::Urgency::kPrompt);
    const Instant begin = SteadyClock::now();
    since_ = begin;
    if (post_.since > 0) {
      const double ago =
          static_cast<double>(Now().ns) / static_cast<double>(kNsPerSecond) - post_.since;
      since_ -=
          std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(ago));
    }
    sim::MarketEvent event;
    double offset = 0;  // of the next event, in seconds
    while (true) {
      const Instant intended = begin + std::chrono::duration_cast<SteadyClock::duration>(
                                           std::chrono::duration<double>(offset));
      Drain();
      SendAgain(SteadyClock::now());
      std::this_thread::sleep_until(intended);
      Drain();
      if (!market_.Next(&event)) break;
      report_.last = event.time;
      const bool sale = market_.InFlashSale();
      offset += 1 / (sale && post_.sale_rate > 0 ? post_.sale_rate : post_.rate);
      auto sent = std::make_shared<Sent>();
      sent->json = event.json;
      sent->id = event.id;
      sent->asks = event.asks;
      sent->intended = intended;
      sent->sale = sale;
      report_.lateness.Add(NsBetween(intended, SteadyClock::now()));
      Send(sent);
      ++report_.sent;
      progress(event.time, market_.report());
      if (options_.events_max > 0 && report_.sent >= options_.events_max) break;
      if (options_.orders_max > 0 && market_.report().orders >= options_.orders_max) break;
    }
    const Instant last = SteadyClock::now();
    while (open_ > 0 && SteadyClock::now() - last < kPatience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      Drain();
      SendAgain(SteadyClock::now());
    }
    report_.seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    client_.reset();
    report_.failed += open_;
    report_.run.policy = MarketPolicy::kFull;
    report_.run.report = market_.report();
    report_.run.seconds = report_.seconds;
    return std::move(report_);
  }

 private:
  static sim::MarketOptions MarketOf(const SimulateOptions& options) {
    sim::MarketOptions market = options.market;
    market.wait_for_verdicts = true;
    return market;
  }
  static int64_t NsBetween(Instant from, Instant to) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count();
  }

  void Send(const std::shared_ptr<Sent>& sent) {
    ++sent->sends;
    if (sent->sends == 1) ++open_;
    http::Call call;
    call.target = sent->asks == sim::Asks::kNothing ? "/v1/events" : "/v1/decisions";
    call.content_type = "application/cloudevents+json";
    call.bearer = post_.key;
    call.body = sent->json;
    client_->Send(call, [this, sent](http::Reply reply) {
      const Instant at = SteadyClock::now();
      const std::lock_guard<std::mutex> lock(mutex_);
      answers_.push_back({sent, std::move(reply), at});
    });
  }

  void SendAgain(Instant now) {
    while (!again_.empty() && again_.front()->due <= now) {
      const auto sent = again_.front();
      again_.pop_front();
      Send(sent);
    }
  }

  // Takes the answers that have come and tells the market.
  void Drain() {
    std::vector<Answer> answers;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      answers.swap(answers_);
    }
    for (Answer& answer : answers) Take(answer);
  }

  void Take(Answer& answer) {
    Sent& sent = *answer.sent;
    const int code = answer.reply.code;
    const bool answered = answer.reply.status.ok();
    if ((!answered || code == 429 || code == 503) && sent.sends < kSendsMax) {
      // An event happens once: it may be sent again, also where nobody knows whether it was taken.
      report_.busy += answered ? 1 : 0;
      sent.due = answer.at + kBusyPause;
      again_.push_back(answer.sent);
      return;
    }
    --open_;
    if (!answered || code != 200) {
      ++report_.failed;
      if (report_.first_failure.empty()) {
        report_.first_failure = answered ? fmt::format("{}: {}", code, answer.reply.body)
                                         : answer.reply.status.message();
      }
      return;
    }
    ++report_.answered;
    const int64_t ns = NsBetween(sent.intended, answer.at);
    (sent.sale ? report_.sale : report_.calm).Add(ns);
    if (sent.asks == sim::Asks::kNothing) {
      report_.events.Add(ns);
      return;
    }
    report_.decisions.Add(ns);
    ++report_.run.decisions;
    if (!report_.first_decision) {
      report_.first_decision = std::chrono::duration<double>(answer.at - since_).count();
    }
    const auto verdict = sim::ParseVerdict(OutcomeOf(answer.reply.body));
    if (verdict && !market_.Tell(sent.id, *verdict)) {
      ++(sent.asks == sim::Asks::kOrder ? report_.late_orders : report_.late_claims);
    }
  }

  const SimulateOptions& options_;
  const PostOptions& post_;
  sim::Market market_;
  PostReport report_;
  Instant since_;                            // from when the first decision is timed
  size_t open_ = 0;                          // sent and not settled
  std::deque<std::shared_ptr<Sent>> again_;  // in order of their time
  std::mutex mutex_;
  std::vector<Answer> answers_;
  std::unique_ptr<http::Client> client_;  // last: its thread ends before what it tells goes
};

}  // namespace

Status ParsePostUrl(const std::string& url, PostOptions* options) {
  const Status wrong = InvalidArgument("--post: expected a URL such as http://127.0.0.1:8080");
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return wrong;
  std::string_view rest = std::string_view(url).substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong;
  const std::string_view port = rest.substr(colon + 1);
  uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  if (read.ec != std::errc() || read.ptr != port.data() + port.size() || number == 0) return wrong;
  std::string_view host = rest.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  options->address = host;
  options->port = number;
  return {};
}

Result<PostReport> PostMarket(const SimulateOptions& options, const PostOptions& post,
                              const MarketProgress& progress) {
  return Poster(options, post).Run(progress);
}

std::string PostText(const PostReport& report, const PostOptions& post) {
  const auto ms = [](int64_t ns) { return fmt::format("{:.2f}", static_cast<double>(ns) / 1e6); };
  const auto row = [&](std::string name, const Histogram& times) {
    return std::vector<std::string>{std::move(name),          Grouped(times.count()),
                                    ms(times.AtShare(0.5)),   ms(times.AtShare(0.99)),
                                    ms(times.AtShare(0.999)), ms(times.max_ns())};
  };
  std::vector<std::vector<std::string>> rows = {
      {"ms 毫秒", "answers 应答", "p50", "p99", "p99.9", "max"},
      row("decisions 决策", report.decisions),
      row("other events 其他事件", report.events)};
  if (report.sale.count() > 0) {
    rows.push_back(row("all, in the flash sale 秒杀期间", report.sale));
    rows.push_back(row("all, outside of it 平时", report.calm));
  }
  rows.push_back(row("generator late 发送延迟", report.lateness));
  std::string text = Aligned(rows, 1);
  text += fmt::format(
      "\n{} events sent in {:.1f} s: {} a second (intended {:.0f}{}), {} decisions a second\n"
      "{} answered, {} sent again after 429 or 503, {} failed\n",
      Grouped(report.sent), report.seconds,
      Grouped(static_cast<uint64_t>(static_cast<double>(report.sent) / report.seconds)), post.rate,
      post.sale_rate > 0 ? fmt::format("; {:.0f} in the flash sale", post.sale_rate) : "",
      Grouped(static_cast<uint64_t>(static_cast<double>(report.run.decisions) / report.seconds)),
      Grouped(report.answered), Grouped(report.busy), Grouped(report.failed));
  if (report.late_orders + report.late_claims > 0) {
    text += fmt::format("too late for the market 判定过迟: {} orders 订单, {} claims 领券\n",
                        Grouped(report.late_orders), Grouped(report.late_claims));
  }
  if (report.first_decision) {
    text += fmt::format("first decision after {:.2f} s 首个决策用时\n", *report.first_decision);
  }
  if (!report.first_failure.empty()) text += "the first failure: " + report.first_failure + "\n";
  return text;
}

}  // namespace credence::apps
