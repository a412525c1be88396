// Any bytes as a record: decoding never crashes, and what it accepts is canonical: it encodes to
// the same bytes (a decision in one of its two forms).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/assert.h"
#include "src/record/fact.h"
#include "src/record/slots_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace credence::record;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  credence::Arena arena;
  const auto decoded = DecodeRecord(bytes, &arena);
  if (!decoded.ok()) return 0;
  std::string again;
  struct Encode {
    std::string* out;
    void operator()(const Event& event) const { EncodeEvent(event, out); }
    void operator()(const DecisionRecord& decision) const { EncodeDecision(decision, out); }
    void operator()(const Activation& activation) const { EncodeActivation(activation, out); }
    void operator()(const KillSwitch& kill_switch) const { EncodeKillSwitch(kill_switch, out); }
    void operator()(const Rate& rate) const { EncodeRate(rate, out); }
    void operator()(const Answer& answer) const { EncodeAnswer(answer, out); }
    void operator()(const ActivationRequest& request) const {
      EncodeActivationRequest(request, out);
    }
    void operator()(const Timers& timers) const { EncodeTimers(timers, out); }
  };
  std::visit(Encode{&again}, *decoded);
  if (const auto* decision = std::get_if<DecisionRecord>(&*decoded); again != bytes && decision) {
    again.clear();
    EncodePlainDecision(*decision, &again);
  }
  CREDENCE_ASSERT(again == bytes);
  return 0;
}
