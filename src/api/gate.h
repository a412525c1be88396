#pragma once
// Gate: from the JSON text of one CloudEvent (CloudEvents 1.0, JSON format, structured mode) to a
// record::Event of the active pack, or one precise Problem. Nothing gets past it that the pack does
// not name.
//
// Attributes: specversion ("1.0"), id, source, type, time (RFC 3339), data (an object) are
// required; `about` and `reverses` name another event of the same source where the event type asks
// for one; datacontenttype must be application/json; subject and dataschema are checked to be text
// and are not kept. Anything else is refused.
//
// data holds the fields of the event type and nothing else, each at most once; `null` is as good as
// not sent, for optional fields. Money is a decimal string in the base currency ("12.50") or
// {"amount": "12.50", "currency": "USD"}. Numbers are read from their own digits, never through a
// double. Nothing nests deeper than an amount in data, so no other bound on depth is needed.
//
// Personal fields are normalised, then replaced by a token, sealed, or both (protection.h): their
// text never enters an Event.
//
// A Problem repeats nothing that was sent but a name (of an attribute or field) that is not known,
// and that only if it has the form of one. docs/EVENTS.md lists every code.

#include <memory>
#include <string_view>

#include "src/api/problem.h"
#include "src/api/protection.h"
#include "src/base/arena.h"
#include "src/record/event.h"
#include "src/record/schema.h"

namespace credence::api {

inline constexpr size_t kEventBytesMax = size_t{256} << 10;
inline constexpr size_t kNumberBytesMax = 64;     // digits, sign, point and exponent of one number
inline constexpr size_t kDurationBytesMax = 64;   // of the text of a duration
inline constexpr size_t kNameShownBytesMax = 64;  // of an unknown name that a problem repeats

class Gate {
 public:
  // `schema` and `protection` outlive the gate; `protection` may be null where no field is personal
  // (then an event type with one is refused).
  Gate(const record::Schema& schema, Protection* protection);
  ~Gate();

  // True: `*event` is filled; its views live as long as `arena`'s content and the schema. False:
  // `*problem` says why, and `*event` is empty. `json` is copied. The fields hold amounts in other
  // currencies with base_minor 0: the engine converts. Keys that were made to seal the event are
  // not durable before Protection::Flush.
  //
  // A warm gate and arena allocate nothing for an event without check digits and personal fields.
  [[nodiscard]] bool Parse(std::string_view json, Arena* arena, record::Event* event,
                           Problem* problem);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace credence::api
