#pragma once
// Event: one request as the gate made it and the journal keeps it, and its codec.
//
// An Event is a set of views. What they point to is owned by the Arena given to the gate or to
// DecodeEvent, or by the frame that was decoded.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/base/arena.h"
#include "src/base/digest.h"
#include "src/base/status.h"
#include "src/base/strong_id.h"
#include "src/calendar/date.h"
#include "src/record/schema.h"
#include "src/record/value.h"

namespace credence::record {

// Stored. Do not change.
enum class CipherId : uint8_t { kNone = 0, kXChaCha20Poly1305 = 1, kSm4Gcm = 2 };

inline constexpr size_t kSourceBytesMax = 256;
inline constexpr size_t kEventIdBytesMax = 256;

struct Event {
  uint32_t type = 0;        // index in Schema::event_types of the pack that was active
  std::string_view source;  // CloudEvents source; (source, id) happens once
  std::string_view id;
  Timestamp time;  // when it happened
  Digest
      digest;  // of the canonical content, personal values as tokens: equal content, equal digest
  std::string_view about;  // id (same source) of the event that a label speaks of; may be empty
  std::string_view
      reverses;  // id (same source) of the event that this one takes back; may be empty
  std::span<const Value> fields;  // by field index; kAbsent where not sent
  std::span<const std::string_view>
      sealed;  // by field index; empty where nothing is sealed; or no span at all
  CipherId cipher = CipherId::kNone;  // of `sealed`

  // Given by the writer at admission; 0 before.
  Seq seq;
  Timestamp stamp;  // arrival: max(last stamp + 1 ns, clock)
};

// Appends the stored form (docs/formats/record.md). `event` has a sequence.
void EncodeEvent(const Event& event, std::string* out);
// Views point into `bytes` and `arena`. kDataLoss with the position on anything but a whole,
// canonical record.
Result<Event> DecodeEvent(std::string_view bytes, Arena* arena);

// The digest over type name, time, about, reverses and fields (tokens for personal values; never
// the sealed bytes, which differ each time).
Digest ContentDigest(const Event& event, const Schema& schema);
// The same. `scratch` is replaced; one that is kept between calls saves its allocation.
Digest ContentDigest(const Event& event, const Schema& schema, std::string* scratch);

}  // namespace credence::record
