#include "src/record/value.h"

#include "src/record/put.h"

namespace credence::record {

Value Value::OfMoney(Money amount, int64_t base_minor) {
  Value made;
  made.kind_ = ValueKind::kMoney;
  made.currency_ = amount.currency;
  made.money_ = {amount.minor, base_minor};
  return made;
}

Value Value::String(std::string_view text) {
  Value made;
  made.kind_ = ValueKind::kString;
  made.text_ = {text.data(), text.size()};
  return made;
}

Value Value::Token(std::string_view raw) {
  CREDENCE_ASSERT(raw.size() == kTokenBytes);
  Value made;
  made.kind_ = ValueKind::kToken;
  made.text_ = {raw.data(), raw.size()};
  return made;
}

std::string_view Value::text() const {
  CREDENCE_ASSERT(kind_ == ValueKind::kString || kind_ == ValueKind::kToken);
  return {text_.data, text_.size};
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return false;
  switch (a.kind_) {
    case ValueKind::kAbsent:
    case ValueKind::kIncomplete:
      return true;
    case ValueKind::kBoolean:
    case ValueKind::kInteger:
    case ValueKind::kDuration:
    case ValueKind::kDate:
    case ValueKind::kTimestamp:
      return a.integer_ == b.integer_;
    case ValueKind::kDecimal:
      return a.decimal_ == b.decimal_;
    case ValueKind::kMoney:
      return a.currency_ == b.currency_ && a.money_.minor == b.money_.minor &&
             a.money_.base_minor == b.money_.base_minor;
    case ValueKind::kString:
    case ValueKind::kToken:
      return a.text() == b.text();
  }
  CREDENCE_UNREACHABLE();
}

std::string ToString(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kAbsent:
      return "absent";
    case ValueKind::kIncomplete:
      return "incomplete";
    case ValueKind::kBoolean:
      return value.boolean() ? "true" : "false";
    case ValueKind::kInteger:
      return std::to_string(value.integer());
    case ValueKind::kDecimal:
      return value.decimal().ToString();
    case ValueKind::kMoney:
      return value.money().ToString() + " " + std::string(value.money().currency.code());
    case ValueKind::kString:
      return std::string(value.text());
    case ValueKind::kDuration:
      return DurationToString(value.duration_ns());
    case ValueKind::kDate:
      return value.date().ToString();
    case ValueKind::kTimestamp:
      return value.timestamp().ToString();
    case ValueKind::kToken:
      return "token:" + ToHex(value.text().substr(0, 4));
  }
  CREDENCE_UNREACHABLE();
}

char* put::EncodedValue(char* at, const Value& value) {
  at = U8(at, static_cast<uint8_t>(value.kind()));
  switch (value.kind()) {
    case ValueKind::kAbsent:
    case ValueKind::kIncomplete:
      return at;
    case ValueKind::kBoolean:
      return U8(at, value.boolean() ? 1 : 0);
    case ValueKind::kInteger:
      return Zigzag(at, value.integer());
    case ValueKind::kDecimal:
      return Fixed128(at, value.decimal().CanonicalBits());
    case ValueKind::kMoney:
      at = Fixed32(at, value.money().currency.numeric());
      at = Zigzag(at, value.money().minor);
      return Zigzag(at, value.base_minor());
    case ValueKind::kString:
      return Bytes(at, value.text());
    case ValueKind::kDuration:
      return Zigzag(at, value.duration_ns());
    case ValueKind::kDate:
      return Zigzag(at, value.date().days);
    case ValueKind::kTimestamp:
      return Fixed64(at, static_cast<uint64_t>(value.timestamp().ns));
    case ValueKind::kToken:
      return Raw(at, value.text());
  }
  CREDENCE_UNREACHABLE();
}

void EncodeValue(const Value& value, ByteWriter* out) {
  if (value.kind() == ValueKind::kString) {
    out->PutU8(static_cast<uint8_t>(value.kind()));
    return out->PutBytes(value.text());
  }
  char raw[put::kValueBytesMax];
  const char* const end = put::EncodedValue(raw, value);
  out->PutRaw({raw, static_cast<size_t>(end - raw)});
}

Value DecodeValue(ByteReader* in) {
  const uint8_t kind = in->GetU8();
  switch (static_cast<ValueKind>(kind)) {
    case ValueKind::kAbsent:
      return {};
    case ValueKind::kIncomplete:
      return Value::Incomplete();
    case ValueKind::kBoolean: {
      const uint8_t raw = in->GetU8();
      if (raw > 1) in->Fail();
      return Value::Boolean(raw == 1);
    }
    case ValueKind::kInteger:
      return Value::Integer(in->GetZigzag());
    case ValueKind::kDecimal: {
      const auto decimal = Decimal::FromCanonicalBits(in->GetFixed128());
      if (!in->ok() || !decimal) {
        in->Fail();
        return {};
      }
      return Value::OfDecimal(*decimal);
    }
    case ValueKind::kMoney: {
      const uint32_t numeric = in->GetFixed32();
      const int64_t minor = in->GetZigzag();
      const int64_t base_minor = in->GetZigzag();
      if (!in->ok() || numeric > UINT16_MAX) {
        in->Fail();
        return {};
      }
      const auto currency = Currency::FromNumeric(static_cast<uint16_t>(numeric));
      if (!currency) {
        in->Fail();
        return {};
      }
      return Value::OfMoney(Money{minor, *currency}, base_minor);
    }
    case ValueKind::kString: {
      const std::string_view text = in->GetBytes();
      if (!IsValidUtf8(text)) in->Fail();
      return Value::String(text);
    }
    case ValueKind::kDuration:
      return Value::Duration(in->GetZigzag());
    case ValueKind::kDate:
      return Value::OfDate(Date{in->GetZigzag()});
    case ValueKind::kTimestamp:
      return Value::OfTimestamp(Timestamp{static_cast<int64_t>(in->GetFixed64())});
    case ValueKind::kToken: {
      const std::string_view raw = in->GetRaw(Value::kTokenBytes);
      if (raw.size() != Value::kTokenBytes) return {};
      return Value::Token(raw);
    }
  }
  in->Fail();
  return {};
}

}  // namespace credence::record
