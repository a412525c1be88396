#include "src/record/slots_codec.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "src/base/bytes.h"
#include "src/record/put.h"

namespace credence::record {

namespace {

// Stored. Do not change; add at the end, up to 15.
enum class Packed : uint8_t {
  kAbsent = 0,
  kFalse = 1,
  kInteger = 2,
  kLongDecimal = 3,
  kMoney = 4,
  kString = 5,
  kDuration = 6,
  kDate = 7,
  kTimestamp = 8,
  kToken = 9,
  kIncomplete = 10,
  kTrue = 11,
  kShortDecimal = 12,
  kMoneyAgain = 13,
};

constexpr int kKindBits = 4;
constexpr uint32_t kKindMask = (1U << kKindBits) - 1;
constexpr uint32_t kStepMax = 15;  // of a head; it stands for itself and all above

// Of a decimal128 (BID): sign, 14 bits of exponent + 6176, 49 bits of coefficient; then its low 64.
constexpr int kExponentShift = 49;
constexpr uint64_t kCoefficientMask = (uint64_t{1} << kExponentShift) - 1;
constexpr int kSignShift = 63;
constexpr uint64_t kExponentMask = (uint64_t{1} << (kSignShift - kExponentShift)) - 1;
// A short exponent counts from here.
constexpr uint64_t kShortExponentLeast = 6176 - 120;
constexpr uint64_t kShortExponents = 128;

// Of a slot without its text.
constexpr size_t kPackedBytesMax = 1 + put::kVarintBytesMax + put::kValueBytesMax;

class Packer {
 public:
  explicit Packer(std::string* out) : out_(*out) {}
  ~Packer() { Flush(); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void Add(const SlotValue& slot) {
    if (static_cast<size_t>(std::end(room_) - at_) < kPackedBytesMax) Flush();
    const uint32_t step = slot.slot - next_;  // wraps where slots do not ascend
    next_ = slot.slot + 1;
    const Value& value = slot.value;
    switch (value.kind()) {
      case ValueKind::kAbsent:
        return Head(Packed::kAbsent, step);
      case ValueKind::kIncomplete:
        return Head(Packed::kIncomplete, step);
      case ValueKind::kBoolean:
        return Head(value.boolean() ? Packed::kTrue : Packed::kFalse, step);
      case ValueKind::kInteger:
        Head(Packed::kInteger, step);
        at_ = put::Zigzag(at_, value.integer());
        return;
      case ValueKind::kDecimal:
        return AddDecimal(value.decimal().CanonicalBits(), step);
      case ValueKind::kMoney:
        return AddMoney(value, step);
      case ValueKind::kString:
        Head(Packed::kString, step);
        at_ = put::Varint(at_, value.text().size());
        return AddText(value.text());
      case ValueKind::kDuration:
        Head(Packed::kDuration, step);
        at_ = put::Zigzag(at_, value.duration_ns());
        return;
      case ValueKind::kDate:
        Head(Packed::kDate, step);
        at_ = put::Zigzag(at_, value.date().days);
        return;
      case ValueKind::kTimestamp:
        Head(Packed::kTimestamp, step);
        at_ = put::Fixed64(at_, static_cast<uint64_t>(value.timestamp().ns));
        return;
      case ValueKind::kToken:
        Head(Packed::kToken, step);
        return AddText(value.text());
    }
    CREDENCE_UNREACHABLE();
  }

 private:
  void Head(Packed kind, uint32_t step) {
    if (step < kStepMax) [[likely]] {
      at_ = put::U8(at_, static_cast<uint8_t>(static_cast<uint32_t>(kind) | step << kKindBits));
      return;
    }
    at_ = put::U8(at_, static_cast<uint8_t>(static_cast<uint32_t>(kind) | kStepMax << kKindBits));
    at_ = put::Varint(at_, step - kStepMax);
  }
  void AddDecimal(UInt128 bits, uint32_t step) {
    const auto high = static_cast<uint64_t>(bits >> 64);
    const uint64_t exponent = ((high >> kExponentShift) & kExponentMask) - kShortExponentLeast;
    if ((high & kCoefficientMask) != 0 || exponent >= kShortExponents) {
      Head(Packed::kLongDecimal, step);
      at_ = put::Fixed128(at_, bits);
      return;
    }
    Head(Packed::kShortDecimal, step);
    at_ = put::U8(at_, static_cast<uint8_t>((high >> kSignShift) << 7 | exponent));
    at_ = put::Varint(at_, static_cast<uint64_t>(bits));
  }
  void AddMoney(const Value& value, uint32_t step) {
    const Money money = value.money();
    if (currency_ == money.currency && value.base_minor() == money.minor) {
      Head(Packed::kMoneyAgain, step);
      at_ = put::Zigzag(at_, money.minor);
      return;
    }
    currency_ = money.currency;
    Head(Packed::kMoney, step);
    at_ = put::Fixed32(at_, money.currency.numeric());
    at_ = put::Zigzag(put::Zigzag(at_, money.minor), value.base_minor());
  }
  void AddText(std::string_view text) {
    if (static_cast<size_t>(std::end(room_) - at_) >= text.size()) {
      at_ = put::Raw(at_, text);
      return;
    }
    Flush();
    out_.append(text);
  }
  void Flush() {
    out_.append(room_, static_cast<size_t>(at_ - room_));
    at_ = room_;
  }

  std::string& out_;
  uint32_t next_ = 0;
  std::optional<Currency> currency_;
  char room_[1024];
  char* at_ = room_;
};

// A decimal that the long form and no other has.
std::optional<Decimal> LongDecimal(UInt128 bits) {
  const auto high = static_cast<uint64_t>(bits >> 64);
  const uint64_t exponent = ((high >> kExponentShift) & kExponentMask) - kShortExponentLeast;
  if ((high & kCoefficientMask) == 0 && exponent < kShortExponents) return std::nullopt;
  return Decimal::FromCanonicalBits(bits);
}

std::optional<Decimal> ShortDecimal(uint8_t raw, uint64_t coefficient) {
  const uint64_t sign = raw / kShortExponents;
  const uint64_t exponent = raw % kShortExponents + kShortExponentLeast;
  const uint64_t high = sign << kSignShift | exponent << kExponentShift;
  return Decimal::FromCanonicalBits(static_cast<UInt128>(high) << 64 | coefficient);
}

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : in_(bytes) {}

  [[nodiscard]] bool AtEnd() const { return in_.AtEnd(); }
  [[nodiscard]] bool ok() const { return in_.ok(); }
  SlotValue Next() {
    const uint32_t head = in_.GetU8();
    uint64_t step = head >> kKindBits;
    if (step == kStepMax) {
      const uint64_t further = in_.GetVarint();
      if (further > UINT32_MAX - kStepMax) in_.Fail();
      step += further;
    }
    const uint32_t slot = next_ + static_cast<uint32_t>(step);
    next_ = slot + 1;
    return {slot, Content(static_cast<Packed>(head & kKindMask))};
  }

 private:
  Value Content(Packed kind) {
    switch (kind) {
      case Packed::kAbsent:
        return {};
      case Packed::kIncomplete:
        return Value::Incomplete();
      case Packed::kFalse:
        return Value::Boolean(false);
      case Packed::kTrue:
        return Value::Boolean(true);
      case Packed::kInteger:
        return Value::Integer(in_.GetZigzag());
      case Packed::kLongDecimal:
        return Checked(LongDecimal(in_.GetFixed128()));
      case Packed::kShortDecimal: {
        const uint8_t raw = in_.GetU8();
        return Checked(ShortDecimal(raw, in_.GetVarint()));
      }
      case Packed::kMoney:
        return FullMoney();
      case Packed::kMoneyAgain: {
        const int64_t minor = in_.GetZigzag();
        if (currency_) return Value::OfMoney(Money{minor, *currency_}, minor);
        in_.Fail();
        return {};
      }
      case Packed::kString: {
        const std::string_view text = in_.GetBytes();
        if (!IsValidUtf8(text)) in_.Fail();
        return Value::String(text);
      }
      case Packed::kDuration:
        return Value::Duration(in_.GetZigzag());
      case Packed::kDate:
        return Value::OfDate(Date{in_.GetZigzag()});
      case Packed::kTimestamp:
        return Value::OfTimestamp(Timestamp{static_cast<int64_t>(in_.GetFixed64())});
      case Packed::kToken: {
        const std::string_view raw = in_.GetRaw(Value::kTokenBytes);
        return raw.size() == Value::kTokenBytes ? Value::Token(raw) : Value();
      }
    }
    in_.Fail();
    return {};
  }
  Value Checked(const std::optional<Decimal>& decimal) {
    if (in_.ok() && decimal) return Value::OfDecimal(*decimal);
    in_.Fail();
    return {};
  }
  Value FullMoney() {
    const uint32_t numeric = in_.GetFixed32();
    const int64_t minor = in_.GetZigzag();
    const int64_t base_minor = in_.GetZigzag();
    const auto currency =
        numeric > UINT16_MAX ? std::nullopt : Currency::FromNumeric(static_cast<uint16_t>(numeric));
    if (!in_.ok() || !currency || (currency_ == currency && minor == base_minor)) {
      in_.Fail();
      return {};
    }
    currency_ = currency;
    return Value::OfMoney(Money{minor, *currency}, base_minor);
  }

  ByteReader in_;
  uint32_t next_ = 0;
  std::optional<Currency> currency_;
};

// Most slots take about as many bytes.
constexpr size_t kSlotBytesUsual = 6;

}  // namespace

void PackSlots(const std::vector<SlotValue>& slots, std::string* out) {
  Packer packer(out);
  for (const SlotValue& slot : slots) packer.Add(slot);
}

bool UnpackSlots(std::string_view bytes, size_t slots_max, std::vector<SlotValue>* slots) {
  Unpacker in(bytes);
  slots->reserve(std::min(slots_max, bytes.size() / kSlotBytesUsual + 1));
  while (!in.AtEnd() && slots->size() < slots_max) slots->push_back(in.Next());
  return in.ok() && in.AtEnd();
}

void PutPlainSlots(const std::vector<SlotValue>& slots, std::string* out) {
  ByteWriter writer(out);
  for (const SlotValue& slot : slots) {
    writer.PutVarint(slot.slot);
    EncodeValue(slot.value, &writer);
  }
}

bool ReadPlainSlots(std::string_view bytes, size_t slots_max, std::vector<SlotValue>* slots) {
  ByteReader in(bytes);
  while (!in.AtEnd() && slots->size() < slots_max) {
    const uint64_t slot = in.GetVarint();
    if (slot > UINT32_MAX) in.Fail();
    slots->push_back({static_cast<uint32_t>(slot), DecodeValue(&in)});
  }
  return in.ok() && in.AtEnd();
}

}  // namespace credence::record
