// Any bytes are a zone or a refusal; a zone answers everywhere, and its offsets invert.
#include "src/calendar/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using credence::Zone;
  const auto zone =
      Zone::FromTzif("fuzz", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!zone.ok()) return 0;
  for (const int64_t t :
       {int64_t{-40'000'000'000'000'000}, int64_t{-4'000'000'000}, int64_t{-1}, int64_t{0},
        int64_t{1'700'000'000}, int64_t{4'102'444'800}, int64_t{40'000'000'000'000'000}}) {
    const int32_t offset = zone->OffsetAtUtc(t);
    const auto local = zone->OffsetAtLocal(t + offset);
    CREDENCE_ASSERT(local.kind != Zone::LocalKind::kGap);
    CREDENCE_ASSERT(zone->OffsetAtUtc(t + offset - local.offset_before) == local.offset_before);
  }
  return 0;
}
