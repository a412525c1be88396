#include "src/api/gate.h"

#include <simdjson.h>

#include <bitset>
#include <cstring>

#include "src/base/diagnostic.h"
#include "src/record/identifier.h"

namespace credence::api {

namespace ondemand = simdjson::ondemand;
using record::FieldDecl;
using record::FieldKind;
using record::Value;

namespace {

std::string Quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

// What is wrong with JSON text, in our words (simdjson's are for programmers).
std::string JsonTrouble(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return "expected valid UTF-8";
    case simdjson::UNCLOSED_STRING:
      return "expected every string to be closed";
    case simdjson::UNESCAPED_CHARS:
      return "expected control characters in strings to be escaped";
    case simdjson::STRING_ERROR:
      return "expected valid escape sequences in strings";
    case simdjson::EMPTY:
      return "expected a JSON object, not an empty text";
    case simdjson::DEPTH_ERROR:
      return "expected at most " + std::to_string(kJsonDepthMax) + " levels of nesting";
    default:
      return "expected well-formed JSON (RFC 8259)";
  }
}

std::string_view Trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' ||
                            token.back() == '\r')) {
    token.remove_suffix(1);
  }
  return token;
}

// The grammar of RFC 8259, section 6.
bool IsJsonNumber(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const size_t integer_at = at;
  const size_t integer_digits = digits();
  if (integer_digits == 0 || (integer_digits > 1 && text[integer_at] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool HasControlCharacter(std::string_view text) {
  for (const char c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

enum Attribute : size_t {
  kSpecversion,
  kId,
  kSource,
  kType,
  kTime,
  kData,
  kAbout,
  kReverses,
  kContentType,
  kSubject,
  kDataSchema,
  kAttributes
};
constexpr std::string_view kAttributeNames[kAttributes] = {
    "specversion", "id",       "source",          "type",    "time",      "data",
    "about",       "reverses", "datacontenttype", "subject", "dataschema"};

}  // namespace

struct Gate::Parser {
  const record::Schema& schema;
  Protection* protection;
  ondemand::parser json{};
  std::string padded;
  // Of the event at hand.
  Arena* arena = nullptr;
  Problem* problem = nullptr;
  const record::EventType* type = nullptr;
  std::string_view attributes[kAttributes];
  std::string subject;  // plain text of the field that names the person who seals

  struct Sealing {
    uint32_t field;
    std::string text;
  };
  std::vector<Sealing> to_seal;

  bool Fail(std::string code, std::string title, std::string field, std::string expected,
            int status = 400) {
    *problem = {status, std::move(code), std::move(title), std::move(field), std::move(expected)};
    return false;
  }
  bool FailJson(simdjson::error_code error, std::string_view field = {}) {
    return Fail("malformed-json", "The event is not well-formed JSON", std::string(field),
                JsonTrouble(error));
  }
  bool FailField(const FieldDecl& field, std::string expected) {
    return Fail("invalid-field", "A field has a value that it cannot have", "data." + field.name,
                std::move(expected), 422);
  }

  bool Read(std::string_view text, record::Event* event);
  bool ReadEnvelope(ondemand::object envelope);
  bool ReadAttribute(size_t attribute, ondemand::value value);
  bool CheckEnvelope(record::Event* event);
  bool CheckLinks(record::Event* event);
  bool ReadData(std::string_view data, record::Event* event);
  bool ReadField(uint32_t index, ondemand::value value, Value* out);
  bool ReadText(const FieldDecl& field, ondemand::value value, std::string_view* out);
  bool ReadNumber(const FieldDecl& field, ondemand::value value, Decimal* out);
  bool ReadMoney(const FieldDecl& field, ondemand::value value, Value* out);
  bool ReadTextual(const FieldDecl& field, std::string_view text, Value* out);
  bool Protect(uint32_t index, Value* value);
  bool SealFields(record::Event* event);
};

bool Gate::Parser::Read(std::string_view text, record::Event* event) {
  if (text.size() > kEventBytesMax) {
    return Fail("too-large", "The event is too large", "",
                "expected at most " + std::to_string(kEventBytesMax) + " bytes", 413);
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    return Fail("malformed-json", "The event is not well-formed JSON", "",
                "expected no byte order mark (RFC 8259, section 8.1)");
  }
  padded.assign(text);
  padded.resize(text.size() + simdjson::SIMDJSON_PADDING, ' ');
  std::fill(std::begin(attributes), std::end(attributes), std::string_view());
  to_seal.clear();
  subject.clear();

  ondemand::document document;
  auto error = json.iterate(simdjson::padded_string_view(padded.data(), text.size(), padded.size()))
                   .get(document);
  if (error != simdjson::SUCCESS) return FailJson(error);
  ondemand::object envelope;
  error = document.get_object().get(envelope);
  if (error == simdjson::INCORRECT_TYPE) {
    return Fail("malformed-event", "The text is not a CloudEvent", "",
                "expected a JSON object with the attributes of CloudEvents 1.0");
  }
  if (error != simdjson::SUCCESS) return FailJson(error);
  if (!ReadEnvelope(envelope)) return false;
  if (!document.at_end()) {
    return Fail("malformed-json", "The event is not well-formed JSON", "",
                "expected nothing after the event's closing brace");
  }
  return CheckEnvelope(event) && CheckLinks(event) && ReadData(attributes[kData], event) &&
         SealFields(event);
}

bool Gate::Parser::ReadEnvelope(ondemand::object envelope) {
  std::bitset<kAttributes> seen;
  for (auto member : envelope) {
    std::string_view name;
    auto error = member.unescaped_key().get(name);
    if (error != simdjson::SUCCESS) return FailJson(error);
    size_t attribute = 0;
    while (attribute < kAttributes && kAttributeNames[attribute] != name) ++attribute;
    if (attribute == kAttributes) {
      const std::vector<std::string> known(std::begin(kAttributeNames), std::end(kAttributeNames));
      const std::string_view nearest = NearestName(name, known);
      const std::string shown(name.substr(0, 64));
      return Fail("unknown-attribute", "The event has an attribute that is not known", shown,
                  nearest.empty()
                      ? "expected attributes of CloudEvents 1.0, about or reverses"
                      : "expected a known attribute; did you mean " + Quoted(nearest) + "?");
    }
    if (seen[attribute]) {
      return Fail("duplicate-key", "A name stands twice in one object", std::string(name),
                  "expected every name at most once");
    }
    seen.set(attribute);
    ondemand::value value;
    error = member.value().get(value);
    if (error != simdjson::SUCCESS) return FailJson(error, name);
    if (!ReadAttribute(attribute, value)) return false;
  }
  for (const size_t required : {kSpecversion, kId, kSource, kType, kTime, kData}) {
    if (!seen[required]) {
      return Fail("missing-attribute", "The event lacks an attribute",
                  std::string(kAttributeNames[required]), "expected this attribute to be present");
    }
  }
  return true;
}

bool Gate::Parser::ReadAttribute(size_t attribute, ondemand::value value) {
  const std::string name(kAttributeNames[attribute]);
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) return FailJson(error, name);
  if (attribute == kData) {
    if (kind != ondemand::json_type::object) {
      return Fail("invalid-attribute", "An attribute has a value that it cannot have", name,
                  "expected an object with the fields of the event type");
    }
    ondemand::object object;
    auto error = value.get_object().get(object);
    if (error == simdjson::SUCCESS) error = object.raw_json().get(attributes[kData]);
    return error == simdjson::SUCCESS || FailJson(error, name);
  }
  if (kind != ondemand::json_type::string) {
    return Fail("invalid-attribute", "An attribute has a value that it cannot have", name,
                "expected a string");
  }
  std::string_view text;
  if (auto error = value.get_string().get(text); error != simdjson::SUCCESS) {
    return FailJson(error, name);
  }
  attributes[attribute] = arena->Copy(text);
  return true;
}

bool Gate::Parser::CheckEnvelope(record::Event* event) {
  const auto invalid = [&](size_t attribute, std::string expected) {
    return Fail("invalid-attribute", "An attribute has a value that it cannot have",
                std::string(kAttributeNames[attribute]), std::move(expected));
  };
  if (attributes[kSpecversion] != "1.0") return invalid(kSpecversion, "expected \"1.0\"");
  if (!attributes[kContentType].empty() && attributes[kContentType] != "application/json") {
    return invalid(kContentType, "expected \"application/json\"");
  }
  for (const size_t name : {kId, kSource, kAbout, kReverses}) {
    const std::string_view text = attributes[name];
    const bool required = name == kId || name == kSource;
    if ((required && text.empty()) || text.size() > record::kEventIdBytesMax ||
        HasControlCharacter(text)) {
      return invalid(name, "expected 1 to " + std::to_string(record::kEventIdBytesMax) +
                               " bytes of text without control characters");
    }
  }
  const auto index = schema.EventTypeIndex(attributes[kType]);
  if (!index) {
    std::vector<std::string> names;
    for (const auto& known : schema.event_types) names.push_back(known.name);
    const std::string_view nearest = NearestName(attributes[kType], names);
    return Fail("unknown-event-type", "The pack does not know this event type", "type",
                nearest.empty()
                    ? "expected an event type of the pack " + Quoted(schema.pack_name)
                    : "expected an event type of the pack; did you mean " + Quoted(nearest) + "?",
                422);
  }
  type = &schema.event_types[*index];
  event->type = *index;
  event->id = attributes[kId];
  event->source = attributes[kSource];
  const auto time = Timestamp::Parse(attributes[kTime]);
  if (!time.ok())
    return invalid(kTime, "expected an RFC 3339 time with offset: " + time.status().message());
  event->time = *time;
  return true;
}

bool Gate::Parser::CheckLinks(record::Event* event) {
  const auto check = [&](size_t attribute, bool wanted) {
    const bool given = !attributes[attribute].empty();
    if (given == wanted) return true;
    return Fail(
        wanted ? "missing-attribute" : "unexpected-attribute",
        wanted ? "The event lacks an attribute" : "This event type does not take the attribute",
        std::string(kAttributeNames[attribute]),
        wanted ? "expected the id of the event that this one speaks of"
               : "expected no such attribute on " + Quoted(type->name),
        422);
  };
  if (!check(kAbout, type->label) || !check(kReverses, type->reverses)) return false;
  event->about = attributes[kAbout];
  event->reverses = attributes[kReverses];
  return true;
}

bool Gate::Parser::ReadData(std::string_view data, record::Event* event) {
  const auto fields = arena->NewArray<Value>(type->fields.size());
  std::bitset<record::kFieldsMax> seen;
  const auto capacity = static_cast<size_t>(padded.data() + padded.size() - data.data());
  ondemand::document document;
  auto error =
      json.iterate(simdjson::padded_string_view(data.data(), data.size(), capacity)).get(document);
  ondemand::object object;
  if (error == simdjson::SUCCESS) error = document.get_object().get(object);
  if (error != simdjson::SUCCESS) return FailJson(error, "data");
  for (auto member : object) {
    std::string_view name;
    error = member.unescaped_key().get(name);
    if (error != simdjson::SUCCESS) return FailJson(error, "data");
    const auto index = type->FieldIndex(name);
    if (!index) {
      std::vector<std::string> names;
      for (const FieldDecl& known : type->fields) names.push_back(known.name);
      const std::string_view nearest = NearestName(name, names);
      return Fail("unknown-field", "The event type does not have this field",
                  "data." + std::string(name.substr(0, 64)),
                  nearest.empty() ? "expected only fields of " + Quoted(type->name)
                                  : "expected a field of " + Quoted(type->name) +
                                        "; did you mean " + Quoted(nearest) + "?",
                  422);
    }
    if (seen[*index]) {
      return Fail("duplicate-key", "A name stands twice in one object", "data." + std::string(name),
                  "expected every name at most once");
    }
    seen.set(*index);
    ondemand::value value;
    error = member.value().get(value);
    if (error != simdjson::SUCCESS) return FailJson(error, "data." + std::string(name));
    if (!ReadField(*index, value, &fields[*index])) return false;
  }
  if (!document.at_end()) return FailJson(simdjson::TAPE_ERROR, "data");
  for (uint32_t i = 0; i < type->fields.size(); ++i) {
    const FieldDecl& field = type->fields[i];
    if (fields[i].absent() && !field.optional) {
      return Fail("missing-field", "The event lacks a field", "data." + field.name,
                  "expected a " + std::string(record::FieldKindName(field.kind)), 422);
    }
  }
  event->fields = fields;
  // Tokens and digests come before any text is forgotten: the digest is over tokens, never over
  // sealed bytes.
  for (uint32_t i = 0; i < type->fields.size(); ++i) {
    if (type->subject_field == i && !fields[i].absent()) {
      subject = fields[i].kind() == record::ValueKind::kString ? std::string(fields[i].text())
                                                               : record::ToString(fields[i]);
    }
  }
  for (uint32_t i = 0; i < type->fields.size(); ++i) {
    if (type->fields[i].protection != record::Protection::kPlain && !fields[i].absent() &&
        !Protect(i, &fields[i])) {
      return false;
    }
  }
  event->digest = record::ContentDigest(*event, schema);
  for (uint32_t i = 0; i < type->fields.size(); ++i) {
    if (type->fields[i].protection == record::Protection::kSealed) fields[i] = Value::Absent();
  }
  return true;
}

bool Gate::Parser::ReadField(uint32_t index, ondemand::value value, Value* out) {
  const FieldDecl& field = type->fields[index];
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, "data." + field.name);
  }
  if (kind == ondemand::json_type::null) {
    if (Trimmed(value.raw_json_token()) != "null")
      return FailJson(simdjson::TAPE_ERROR, "data." + field.name);
    if (!field.optional) return FailField(field, "expected a value: the field is not optional");
    *out = Value::Absent();
    return true;
  }
  switch (field.kind) {
    case FieldKind::kBoolean: {
      bool flag = false;
      if (value.get_bool().get(flag) != simdjson::SUCCESS)
        return FailField(field, "expected true or false");
      *out = Value::Boolean(flag);
      return true;
    }
    case FieldKind::kInteger: {
      if (kind != ondemand::json_type::number) return FailField(field, "expected an integer");
      Decimal number;
      if (!ReadNumber(field, value, &number)) return false;
      const auto integer = number.ToInt64();
      if (!integer) return FailField(field, "expected an integer of at most 64 bits");
      *out = Value::Integer(*integer);
      return true;
    }
    case FieldKind::kDecimal: {
      Decimal number;
      if (!ReadNumber(field, value, &number)) return false;
      if (!number.ToScaled(field.scale)) {
        return FailField(field, "expected at most " + std::to_string(field.scale) +
                                    " digits after the point and 38 in all");
      }
      *out = Value::OfDecimal(number);
      return true;
    }
    case FieldKind::kMoney:
      return ReadMoney(field, value, out);
    default:
      break;
  }
  std::string_view text;
  return ReadText(field, value, &text) && ReadTextual(field, text, out);
}

bool Gate::Parser::ReadText(const FieldDecl& field, ondemand::value value, std::string_view* out) {
  std::string_view text;
  const auto error = value.get_string().get(text);
  if (error == simdjson::INCORRECT_TYPE) return FailField(field, "expected a string");
  if (error != simdjson::SUCCESS) return FailJson(error, "data." + field.name);
  *out = arena->Copy(text);
  return true;
}

bool Gate::Parser::ReadNumber(const FieldDecl& field, ondemand::value value, Decimal* out) {
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, "data." + field.name);
  }
  std::string_view digits;
  if (kind == ondemand::json_type::string) {
    if (!ReadText(field, value, &digits)) return false;
  } else if (kind == ondemand::json_type::number) {
    digits = Trimmed(value.raw_json_token());
  } else {
    return FailField(field, "expected a number or a decimal string");
  }
  if (digits.size() > kNumberBytesMax) {
    return FailField(
        field, "expected a number of at most " + std::to_string(kNumberBytesMax) + " characters");
  }
  const auto number = IsJsonNumber(digits) ? Decimal::Parse(digits) : std::nullopt;
  if (!number || !number->IsFinite()) return FailField(field, "expected a decimal number");
  if (number->IsNegative() && !field.allow_negative)
    return FailField(field, "expected a number that is not negative");
  *out = *number;
  return true;
}

bool Gate::Parser::ReadMoney(const FieldDecl& field, ondemand::value value, Value* out) {
  Currency currency = schema.base_currency;
  std::string_view amount;
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, "data." + field.name);
  }
  if (kind == ondemand::json_type::object) {
    ondemand::object object;
    auto error = value.get_object().get(object);
    if (error != simdjson::SUCCESS) return FailJson(error, "data." + field.name);
    std::string_view code;
    for (auto member : object) {
      std::string_view name;
      ondemand::value part;
      error = member.unescaped_key().get(name);
      if (error == simdjson::SUCCESS) error = member.value().get(part);
      if (error != simdjson::SUCCESS) return FailJson(error, "data." + field.name);
      std::string_view* to = name == "amount" ? &amount : name == "currency" ? &code : nullptr;
      if (to == nullptr || !to->empty()) {
        return FailField(
            field, "expected an object with amount and currency, each once, and nothing else");
      }
      if (!ReadText(field, part, to)) return false;
    }
    const auto known = Currency::FromCode(code);
    if (!known) return FailField(field, "expected a currency code of ISO 4217");
    currency = *known;
  } else if (kind == ondemand::json_type::string) {
    if (!ReadText(field, value, &amount)) return false;
  } else {
    return FailField(field,
                     "expected a decimal string such as \"12.50\" (a number would lose digits)");
  }
  if (amount.size() > kNumberBytesMax)
    return FailField(field, "expected an amount of at most 64 characters");
  const auto money = Money::Parse(amount, currency);
  if (!money.ok())
    return FailField(field, "expected an amount in " + std::string(currency.code()) + ": " +
                                money.status().message());
  if (money->minor < 0 && !field.allow_negative)
    return FailField(field, "expected an amount that is not negative");
  *out = Value::OfMoney(*money, currency == schema.base_currency ? money->minor : 0);
  return true;
}

bool Gate::Parser::ReadTextual(const FieldDecl& field, std::string_view text, Value* out) {
  const auto normalised = [&](Result<std::string> result) {
    if (!result.ok()) return FailField(field, result.status().message());
    *out = Value::String(arena->Copy(*result));
    return true;
  };
  switch (field.kind) {
    case FieldKind::kKey:
      if (text.empty() || text.size() > record::kKeyBytesMax || HasControlCharacter(text)) {
        return FailField(field, "expected 1 to " + std::to_string(record::kKeyBytesMax) +
                                    " bytes of text without control characters");
      }
      *out = Value::String(text);
      return true;
    case FieldKind::kString:
      if (text.size() > field.max_bytes) {
        return FailField(field, "expected at most " + std::to_string(field.max_bytes) + " bytes");
      }
      *out = Value::String(text);
      return true;
    case FieldKind::kEnum: {
      for (const std::string& known : field.enum_values) {
        if (known == text) {
          *out = Value::String(known);  // of the schema, which outlives the event
          return true;
        }
      }
      std::string expected = "expected one of";
      for (const std::string& known : field.enum_values) expected += " " + known;
      return FailField(field, expected);
    }
    case FieldKind::kDuration: {
      const auto ns = ParseDurationNs(text);
      if (!ns.ok()) return FailField(field, "expected a duration such as \"90s\" or \"1h30m\"");
      *out = Value::Duration(*ns);
      return true;
    }
    case FieldKind::kDate: {
      const auto date = Date::Parse(text);
      if (!date.ok()) return FailField(field, "expected a date such as \"2024-02-29\"");
      *out = Value::OfDate(*date);
      return true;
    }
    case FieldKind::kTimestamp: {
      const auto time = Timestamp::Parse(text);
      if (!time.ok()) return FailField(field, "expected an RFC 3339 time with offset");
      *out = Value::OfTimestamp(*time);
      return true;
    }
    case FieldKind::kMobileCn:
      return normalised(record::NormaliseMobileCn(text));
    case FieldKind::kIdCardCn:
      return normalised(record::NormaliseIdCardCn(text));
    case FieldKind::kBankCard:
      return normalised(record::NormaliseBankCard(text));
    case FieldKind::kUscc:
      return normalised(record::NormaliseUscc(text));
    default:
      CREDENCE_UNREACHABLE();
  }
}

// Replaces the value by its token; remembers its text if it is to be sealed.
bool Gate::Parser::Protect(uint32_t index, Value* value) {
  const FieldDecl& field = type->fields[index];
  if (protection == nullptr) {
    return Fail("no-keys", "Personal fields need keys", "data." + field.name,
                "expected a key folder: give one with --keys", 503);
  }
  std::string text = value->kind() == record::ValueKind::kString ? std::string(value->text())
                                                                 : record::ToString(*value);
  *value = Value::Token(arena->Copy(protection->Token(field.name, text)));
  if (field.protection != record::Protection::kToken) to_seal.push_back({index, std::move(text)});
  return true;
}

bool Gate::Parser::SealFields(record::Event* event) {
  if (to_seal.empty()) return true;
  const auto sealed = arena->NewArray<std::string_view>(type->fields.size());
  for (const Sealing& sealing : to_seal) {
    const auto bytes = protection->Seal(subject, type->fields[sealing.field].name, sealing.text);
    if (!bytes.ok()) {
      return Fail("sealing-failed", "A personal field could not be sealed",
                  "data." + type->fields[sealing.field].name, bytes.status().message(), 503);
    }
    sealed[sealing.field] = arena->Copy(*bytes);
  }
  event->sealed = sealed;
  event->cipher = record::CipherId::kXChaCha20Poly1305;
  return true;
}

Gate::Gate(const record::Schema& schema, Protection* protection)
    : schema_(schema), protection_(protection), parser_(new Parser{schema, protection}) {}

Gate::~Gate() = default;

bool Gate::Parse(std::string_view json, Arena* arena, record::Event* event, Problem* problem) {
  parser_->arena = arena;
  parser_->problem = problem;
  *event = {};
  return parser_->Read(json, event);
}

}  // namespace credence::api
