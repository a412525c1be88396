#include "src/api/gate.h"

// Error codes only, and the same parser in every build: the development checks add an assertion on
// nesting that hostile text would meet.
#define SIMDJSON_EXCEPTIONS 0
#define SIMDJSON_DEVELOPMENT_CHECKS 0
#include <simdjson.h>

#include <algorithm>
#include <bitset>
#include <vector>

#include "src/api/name_table.h"
#include "src/base/bytes.h"
#include "src/base/diagnostic.h"
#include "src/base/json_number.h"
#include "src/record/identifier.h"

namespace credence::api {

namespace ondemand = simdjson::ondemand;
using record::FieldDecl;
using record::FieldKind;
using record::Value;

namespace {

std::string Quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

// A name that the sender made up is shown only if it has the form of a name: anything else may be a
// person's value in the wrong place.
bool IsShowable(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= kNameShownBytesMax && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
         });
}

constexpr std::string_view kTimeExpected =
    "expected an RFC 3339 time with offset such as \"2024-01-31T12:00:00.5+08:00\", from 1678 to "
    "2262, without leap seconds and with at most nine digits of a fraction";

// "expected <what>", and the known name that was probably meant.
template <class Names>
std::string ExpectedName(std::string_view what, std::string_view name, const Names& names) {
  std::string expected = "expected " + std::string(what);
  if (!IsShowable(name)) return expected;
  const std::vector<std::string> known(std::begin(names), std::end(names));
  const std::string_view nearest = NearestName(name, known);
  if (!nearest.empty()) expected += "; did you mean " + Quoted(nearest) + "?";
  return expected;
}

// Digits from the first that is not 0 to the end of the mantissa.
size_t SignificantDigits(std::string_view number) {
  size_t digits = 0;
  for (const char c : number) {
    if (c == 'e' || c == 'E') break;
    if (c >= '0' && c <= '9' && (digits > 0 || c != '0')) ++digits;
  }
  return digits;
}

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
    case simdjson::T_ATOM_ERROR:
      return "expected true or false, spelled so";
    case simdjson::N_ATOM_ERROR:
      return "expected null, spelled so";
    case simdjson::NUMBER_ERROR:
      return "expected a JSON number: no plus, no leading zeros, digits on both sides of a point";
    case simdjson::TAPE_ERROR:
      return "expected a JSON value, and members as name, colon, value with commas between them";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "expected the event to end with its closing brace";
    case simdjson::EMPTY:
      return "expected a JSON object, not an empty text";
    default:
      return "expected well-formed JSON (RFC 8259)";
  }
}

// Whether the one value of the text has been read and nothing follows it.
bool AtEnd(ondemand::document* document) {
  return document->current_location().error() == simdjson::OUT_OF_BOUNDS;
}

std::string_view Trimmed(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\t' || token.back() == '\n' ||
                            token.back() == '\r')) {
    token.remove_suffix(1);
  }
  return token;
}

bool IsControlCharacter(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }

// kLines: tabs and line ends are text too.
enum class Controls : uint8_t { kNone, kLines };
bool HasControlCharacter(std::string_view text, Controls allowed) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    if (!IsControlCharacter(c)) return false;
    return allowed == Controls::kNone || (c != '\t' && c != '\n' && c != '\r');
  });
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

NameTable TableOf(const std::vector<FieldDecl>& fields) {
  std::vector<std::string_view> names;
  for (const FieldDecl& field : fields) names.emplace_back(field.name);
  return NameTable(std::move(names));
}

NameTable TableOf(const std::vector<record::EventType>& types) {
  std::vector<std::string_view> names;
  for (const record::EventType& type : types) names.emplace_back(type.name);
  return NameTable(std::move(names));
}

}  // namespace

struct Gate::Parser {
  Parser(const record::Schema& of, Protection* by)
      : schema(of), protection(by), type_names(TableOf(of.event_types)) {
    for (const record::EventType& known : of.event_types) {
      field_names.push_back(TableOf(known.fields));
    }
  }

  const record::Schema& schema;
  Protection* protection;
  NameTable type_names;
  std::vector<NameTable> field_names;  // by event type
  ondemand::parser json{};
  std::string padded;
  std::string canonical;  // what the digest is over
  // Of the event at hand.
  Arena* arena = nullptr;
  Problem* problem = nullptr;
  const record::EventType* type = nullptr;
  std::bitset<kAttributes> given;
  std::string_view attributes[kAttributes];
  std::string_view subject;  // plain text of the field that names the person who seals

  struct Sealing {
    uint32_t field;
    std::string_view text;
  };
  std::vector<Sealing> to_seal;

  bool Fail(std::string_view code, std::string_view title, std::string field, std::string expected,
            int status = 400) {
    *problem = {status, std::string(code), std::string(title), std::move(field),
                std::move(expected)};
    return false;
  }
  bool FailJson(simdjson::error_code error, std::string field = {}) {
    return Fail("malformed-json", "The event is not well-formed JSON", std::move(field),
                JsonTrouble(error));
  }
  bool FailDuplicate(std::string field) {
    return Fail("duplicate-key", "A name stands twice in one object", std::move(field),
                "expected every name at most once");
  }
  bool FailAttribute(size_t attribute, std::string expected) {
    return Fail("invalid-attribute", "An attribute has a value that it cannot have",
                std::string(kAttributeNames[attribute]), std::move(expected));
  }
  bool FailField(const FieldDecl& field, std::string expected) {
    return Fail("invalid-field", "A field has a value that it cannot have", "data." + field.name,
                std::move(expected), 422);
  }
  bool FailJson(simdjson::error_code error, const FieldDecl& field) {
    return FailJson(error, "data." + field.name);
  }

  bool Read(std::string_view text, record::Event* event);
  bool ReadEnvelope(ondemand::object envelope);
  bool ReadAttribute(size_t attribute, ondemand::value value);
  bool CheckEnvelope(record::Event* event);
  bool CheckNames();
  bool CheckLinks(record::Event* event);
  bool ReadData(record::Event* event);
  bool ReadMembers(ondemand::object object, std::span<Value> fields);
  bool CheckPresent(std::span<const Value> fields);
  bool ReadField(const FieldDecl& field, ondemand::value value, Value* out);
  bool ReadString(const FieldDecl& field, ondemand::value value, std::string_view* out);
  bool ReadNumber(const FieldDecl& field, ondemand::value value, Decimal* out);
  bool ReadMoney(const FieldDecl& field, ondemand::value value, Value* out);
  bool ReadMoneyObject(const FieldDecl& field, ondemand::object object, std::string_view* amount,
                       Currency* currency);
  bool ReadTextual(const FieldDecl& field, std::string_view text, Value* out);
  bool ReadEnum(const FieldDecl& field, std::string_view text, Value* out);
  bool ReadDuration(const FieldDecl& field, std::string_view text, Value* out);
  bool ProtectFields(std::span<Value> fields);
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
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  given.reset();
  std::fill(std::begin(attributes), std::end(attributes), std::string_view());
  to_seal.clear();
  subject = {};

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
  if (!AtEnd(&document)) {
    return Fail("malformed-json", "The event is not well-formed JSON", "",
                "expected nothing after the event's closing brace");
  }
  return CheckEnvelope(event) && CheckLinks(event) && ReadData(event) && SealFields(event);
}

bool Gate::Parser::ReadEnvelope(ondemand::object envelope) {
  for (auto member : envelope) {
    std::string_view name;
    auto error = member.unescaped_key().get(name);
    if (error != simdjson::SUCCESS) return FailJson(error);
    size_t attribute = 0;
    while (attribute < kAttributes && kAttributeNames[attribute] != name) ++attribute;
    if (attribute == kAttributes) {
      return Fail("unknown-attribute", "The event has an attribute that is not known",
                  IsShowable(name) ? std::string(name) : "",
                  ExpectedName("only attributes of CloudEvents 1.0, about and reverses", name,
                               kAttributeNames));
    }
    if (given[attribute]) return FailDuplicate(std::string(name));
    given.set(attribute);
    ondemand::value value;
    error = member.value().get(value);
    if (error != simdjson::SUCCESS) return FailJson(error, std::string(name));
    if (!ReadAttribute(attribute, value)) return false;
  }
  for (const size_t required : {kSpecversion, kId, kSource, kType, kTime, kData}) {
    if (!given[required]) {
      return Fail("missing-attribute", "The event lacks an attribute",
                  std::string(kAttributeNames[required]), "expected this attribute to be present");
    }
  }
  return true;
}

// The text of an attribute, unescaped. That of `data` stays raw: it is read once the event type is
// known.
bool Gate::Parser::ReadAttribute(size_t attribute, ondemand::value value) {
  const auto failed = [&](simdjson::error_code error) {
    return FailJson(error, std::string(kAttributeNames[attribute]));
  };
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) return failed(error);
  if (attribute == kData) {
    if (kind != ondemand::json_type::object) {
      return FailAttribute(kData, "expected an object with the fields of the event type");
    }
    ondemand::object object;
    auto error = value.get_object().get(object);
    if (error == simdjson::SUCCESS) error = object.raw_json().get(attributes[kData]);
    return error == simdjson::SUCCESS || failed(error);
  }
  if (kind != ondemand::json_type::string) return FailAttribute(attribute, "expected a string");
  std::string_view text;
  if (auto error = value.get_string().get(text); error != simdjson::SUCCESS) return failed(error);
  if (!IsValidUtf8(text)) return failed(simdjson::STRING_ERROR);  // a lone surrogate
  attributes[attribute] = arena->Copy(text);
  return true;
}

bool Gate::Parser::CheckEnvelope(record::Event* event) {
  if (attributes[kSpecversion] != "1.0") return FailAttribute(kSpecversion, "expected \"1.0\"");
  if (given[kContentType] && attributes[kContentType] != "application/json") {
    return FailAttribute(kContentType, "expected \"application/json\"");
  }
  if (!CheckNames()) return false;
  const auto index = type_names.Find(attributes[kType]);
  if (!index) {
    std::vector<std::string_view> names;
    for (const auto& known : schema.event_types) names.emplace_back(known.name);
    return Fail("unknown-event-type", "The pack does not know this event type", "type",
                ExpectedName("an event type of the pack " + Quoted(schema.pack_name),
                             attributes[kType], names),
                422);
  }
  type = &schema.event_types[*index];
  event->type = *index;
  event->id = attributes[kId];
  event->source = attributes[kSource];
  const auto time = Timestamp::Parse(attributes[kTime]);
  if (!time.ok()) return FailAttribute(kTime, std::string(kTimeExpected));
  event->time = *time;
  return true;
}

bool Gate::Parser::CheckNames() {
  static_assert(record::kEventIdBytesMax == record::kSourceBytesMax);
  for (const size_t name : {kId, kSource, kAbout, kReverses}) {
    const std::string_view text = attributes[name];
    if (!given[name]) continue;
    if (text.empty() || text.size() > record::kEventIdBytesMax ||
        HasControlCharacter(text, Controls::kNone)) {
      return FailAttribute(name, "expected 1 to " + std::to_string(record::kEventIdBytesMax) +
                                     " bytes of text without control characters");
    }
  }
  return true;
}

bool Gate::Parser::CheckLinks(record::Event* event) {
  const auto check = [&](size_t attribute, bool wanted) {
    if (given[attribute] == wanted) return true;
    const std::string name(kAttributeNames[attribute]);
    if (wanted) {
      return Fail("missing-attribute", "The event lacks an attribute", name,
                  "expected the id of the event that this one speaks of", 422);
    }
    return Fail("unexpected-attribute", "This event type does not take the attribute", name,
                "expected no such attribute on " + Quoted(type->name), 422);
  };
  if (!check(kAbout, type->label) || !check(kReverses, type->reverses)) return false;
  event->about = attributes[kAbout];
  event->reverses = attributes[kReverses];
  return true;
}

bool Gate::Parser::ReadData(record::Event* event) {
  const std::string_view data = attributes[kData];
  const auto fields = arena->NewArray<Value>(type->fields.size());
  // What follows `data` in the buffer is JSON and padding: the parser may read it, and does not.
  const auto capacity = static_cast<size_t>(padded.data() + padded.size() - data.data());
  ondemand::document document;
  auto error =
      json.iterate(simdjson::padded_string_view(data.data(), data.size(), capacity)).get(document);
  ondemand::object object;
  if (error == simdjson::SUCCESS) error = document.get_object().get(object);
  if (error != simdjson::SUCCESS) return FailJson(error, "data");
  if (!ReadMembers(object, fields)) return false;
  if (!AtEnd(&document)) return FailJson(simdjson::TAPE_ERROR, "data");
  if (!CheckPresent(fields) || !ProtectFields(fields)) return false;
  event->fields = fields;
  // The digest is over tokens, and never over sealed bytes, which differ each time.
  event->digest = record::ContentDigest(*event, schema, &canonical);
  for (size_t i = 0; i < fields.size(); ++i) {
    if (type->fields[i].protection == record::Protection::kSealed) fields[i] = Value::Absent();
  }
  return true;
}

bool Gate::Parser::ReadMembers(ondemand::object object, std::span<Value> fields) {
  const NameTable& names = field_names[static_cast<size_t>(type - schema.event_types.data())];
  std::bitset<record::kFieldsMax> seen;
  uint32_t next = 0;
  for (auto member : object) {
    std::string_view name;
    auto error = member.unescaped_key().get(name);
    if (error != simdjson::SUCCESS) return FailJson(error, "data");
    const auto index = names.Find(name, next);
    if (!index) {
      std::vector<std::string_view> known;
      for (const FieldDecl& field : type->fields) known.emplace_back(field.name);
      return Fail("unknown-field", "The event type does not have this field",
                  IsShowable(name) ? "data." + std::string(name) : "data",
                  ExpectedName("only fields of " + Quoted(type->name), name, known), 422);
    }
    const FieldDecl& field = type->fields[*index];
    if (seen[*index]) return FailDuplicate("data." + field.name);
    seen.set(*index);
    next = *index + 1;
    ondemand::value value;
    error = member.value().get(value);
    if (error != simdjson::SUCCESS) return FailJson(error, field);
    if (!ReadField(field, value, &fields[*index])) return false;
  }
  return true;
}

bool Gate::Parser::CheckPresent(std::span<const Value> fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    const FieldDecl& field = type->fields[i];
    if (fields[i].absent() && !field.optional) {
      return Fail("missing-field", "The event lacks a field", "data." + field.name,
                  "expected a value of type " + std::string(record::FieldKindName(field.kind)),
                  422);
    }
  }
  return true;
}

bool Gate::Parser::ReadField(const FieldDecl& field, ondemand::value value, Value* out) {
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, field);  // what no JSON value begins with: NaN, +1, .5, True
  }
  if (kind == ondemand::json_type::null) {
    if (Trimmed(value.raw_json_token()) != "null") return FailJson(simdjson::N_ATOM_ERROR, field);
    if (!field.optional) return FailField(field, "expected a value: the field is not optional");
    *out = Value::Absent();
    return true;
  }
  switch (field.kind) {
    case FieldKind::kBoolean: {
      if (kind != ondemand::json_type::boolean) return FailField(field, "expected true or false");
      bool flag = false;
      if (value.get_bool().get(flag) != simdjson::SUCCESS) {
        return FailJson(simdjson::T_ATOM_ERROR, field);
      }
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
                                    " digits after the point, and less than 10^34 without it");
      }
      *out = Value::OfDecimal(number);
      return true;
    }
    case FieldKind::kMoney:
      return ReadMoney(field, value, out);
    default: {
      std::string_view text;
      return ReadString(field, value, &text) && ReadTextual(field, text, out);
    }
  }
}

// The text of a JSON string, copied into the arena.
bool Gate::Parser::ReadString(const FieldDecl& field, ondemand::value value,
                              std::string_view* out) {
  ondemand::json_type kind{};
  auto error = value.type().get(kind);
  if (error != simdjson::SUCCESS) return FailJson(error, field);
  if (kind != ondemand::json_type::string) return FailField(field, "expected a string");
  std::string_view text;
  error = value.get_string().get(text);
  if (error == simdjson::SUCCESS && !IsValidUtf8(text)) error = simdjson::STRING_ERROR;
  if (error != simdjson::SUCCESS) return FailJson(error, field);
  *out = arena->Copy(text);
  return true;
}

bool Gate::Parser::ReadNumber(const FieldDecl& field, ondemand::value value, Decimal* out) {
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, field);
  }
  std::string_view digits;
  if (kind == ondemand::json_type::string) {
    if (!ReadString(field, value, &digits)) return false;
  } else if (kind == ondemand::json_type::number) {
    digits = Trimmed(value.raw_json_token());
    if (!IsJsonNumber(digits)) return FailJson(simdjson::NUMBER_ERROR, field);
  } else {
    return FailField(field, "expected a number or a decimal string");
  }
  if (digits.size() > kNumberBytesMax) {
    return FailField(
        field, "expected a number of at most " + std::to_string(kNumberBytesMax) + " characters");
  }
  const auto number = IsJsonNumber(digits) ? Decimal::Parse(digits) : std::nullopt;
  if (!number || !number->IsFinite()) return FailField(field, "expected a decimal number");
  if (SignificantDigits(digits) > Decimal::kDigitsMax) {
    return FailField(field, "expected at most " + std::to_string(Decimal::kDigitsMax) +
                                " significant digits: more would be rounded");
  }
  if (number->IsNegative() && !field.allow_negative) {
    return FailField(field, "expected a number that is not negative");
  }
  *out = *number;
  return true;
}

bool Gate::Parser::ReadMoney(const FieldDecl& field, ondemand::value value, Value* out) {
  Currency currency = schema.base_currency;
  std::string_view amount;
  ondemand::json_type kind{};
  if (auto error = value.type().get(kind); error != simdjson::SUCCESS) {
    return FailJson(error, field);
  }
  if (kind == ondemand::json_type::object) {
    ondemand::object object;
    auto error = value.get_object().get(object);
    if (error != simdjson::SUCCESS) return FailJson(error, field);
    if (!ReadMoneyObject(field, object, &amount, &currency)) return false;
  } else if (kind == ondemand::json_type::string) {
    if (!ReadString(field, value, &amount)) return false;
  } else {
    return FailField(field,
                     "expected a decimal string such as \"12.50\": a number may lose digits on "
                     "its way");
  }
  const auto money = amount.size() > kNumberBytesMax ? Result<Money>(InvalidArgument("too long"))
                                                     : Money::Parse(amount, currency);
  if (!money.ok()) {
    const int digits = currency.digits();
    return FailField(
        field, "expected an amount in " + std::string(currency.code()) +
                   " as a decimal string with " +
                   (digits == 0 ? "no point"
                                : "at most " + std::to_string(digits) + " digits after the point") +
                   ", within 64 bits of minor units");
  }
  if (money->minor < 0 && !field.allow_negative) {
    return FailField(field, "expected an amount that is not negative");
  }
  *out = Value::OfMoney(*money, currency == schema.base_currency ? money->minor : 0);
  return true;
}

bool Gate::Parser::ReadMoneyObject(const FieldDecl& field, ondemand::object object,
                                   std::string_view* amount, Currency* currency) {
  bool amount_seen = false;
  bool code_seen = false;
  std::string_view code;
  for (auto member : object) {
    std::string_view name;
    auto error = member.unescaped_key().get(name);
    if (error != simdjson::SUCCESS) return FailJson(error, field);
    const bool is_amount = name == "amount";
    if (!is_amount && name != "currency") {
      return FailField(field, "expected an object with amount and currency and nothing else");
    }
    bool* seen = is_amount ? &amount_seen : &code_seen;
    if (*seen) return FailDuplicate("data." + field.name + (is_amount ? ".amount" : ".currency"));
    *seen = true;
    ondemand::value part;
    error = member.value().get(part);
    if (error != simdjson::SUCCESS) return FailJson(error, field);
    if (!ReadString(field, part, is_amount ? amount : &code)) return false;
  }
  if (!amount_seen || !code_seen) {
    return FailField(field, "expected an object with both amount and currency");
  }
  const auto known = Currency::FromCode(code);
  if (!known) return FailField(field, "expected a currency code of ISO 4217, in capitals");
  *currency = *known;
  return true;
}

bool Gate::Parser::ReadTextual(const FieldDecl& field, std::string_view text, Value* out) {
  const auto normalised = [&](const Result<std::string>& result) {
    if (!result.ok()) return FailField(field, result.status().message());
    *out = Value::String(arena->Copy(*result));
    return true;
  };
  switch (field.kind) {
    case FieldKind::kKey:
      if (text.empty() || text.size() > record::kKeyBytesMax ||
          HasControlCharacter(text, Controls::kNone)) {
        return FailField(field, "expected 1 to " + std::to_string(record::kKeyBytesMax) +
                                    " bytes of text without control characters");
      }
      *out = Value::String(text);
      return true;
    case FieldKind::kString:
      if (text.size() > field.max_bytes || HasControlCharacter(text, Controls::kLines)) {
        return FailField(field, "expected at most " + std::to_string(field.max_bytes) +
                                    " bytes of text without control characters other than tabs "
                                    "and line ends");
      }
      *out = Value::String(text);
      return true;
    case FieldKind::kEnum:
      return ReadEnum(field, text, out);
    case FieldKind::kDuration:
      return ReadDuration(field, text, out);
    case FieldKind::kDate: {
      const auto date = Date::Parse(text);
      if (!date.ok()) return FailField(field, "expected a date such as \"2024-02-29\"");
      *out = Value::OfDate(*date);
      return true;
    }
    case FieldKind::kTimestamp: {
      const auto time = Timestamp::Parse(text);
      if (!time.ok()) return FailField(field, std::string(kTimeExpected));
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

bool Gate::Parser::ReadEnum(const FieldDecl& field, std::string_view text, Value* out) {
  for (const std::string& known : field.enum_values) {
    if (known == text) {
      *out = Value::String(known);
      return true;
    }
  }
  std::string expected = "expected one of";
  for (const std::string& known : field.enum_values) {
    expected += (&known == field.enum_values.data() ? " " : ", ") + known;
  }
  return FailField(field, expected);
}

bool Gate::Parser::ReadDuration(const FieldDecl& field, std::string_view text, Value* out) {
  const bool negative = text.starts_with('-');
  const auto ns = text.size() > kDurationBytesMax
                      ? Result<int64_t>(InvalidArgument("too long"))
                      : ParseDurationNs(negative ? text.substr(1) : text);
  // The magnitude begins with a digit: "--5s" is none.
  if (!ns.ok() || *ns < 0) {
    return FailField(field, "expected a duration such as \"90s\" or \"1h30m\", below 292 years");
  }
  if (negative && !field.allow_negative && *ns != 0) {
    return FailField(field, "expected a duration that is not negative");
  }
  *out = Value::Duration(negative ? -*ns : *ns);
  return true;
}

// Replaces personal values by their tokens, and remembers the texts that are to be sealed.
bool Gate::Parser::ProtectFields(std::span<Value> fields) {
  const auto text_of = [&](const Value& value) {
    if (value.kind() == record::ValueKind::kString) return value.text();
    return arena->Copy(record::ToString(value));
  };
  // Before the field that names the person becomes a token itself.
  if (type->subject_field && !fields[*type->subject_field].absent()) {
    subject = text_of(fields[*type->subject_field]);
  }
  for (uint32_t i = 0; i < fields.size(); ++i) {
    const FieldDecl& field = type->fields[i];
    if (field.protection == record::Protection::kPlain || fields[i].absent()) continue;
    if (protection == nullptr) {
      return Fail("no-keys", "Personal fields need keys", "data." + field.name,
                  "expected a key folder: start with --keys", 503);
    }
    const std::string_view text = text_of(fields[i]);
    if (field.protection != record::Protection::kToken) {
      if (subject.empty()) {
        const std::string who =
            type->subject_field ? "data." + type->fields[*type->subject_field].name : "data";
        return Fail("missing-field", "The event lacks a field", who,
                    "expected the field that names the person, since " + Quoted(field.name) +
                        " is sealed for that person",
                    422);
      }
      to_seal.push_back({i, text});
    }
    char* token = static_cast<char*>(arena->Allocate(Value::kTokenBytes, 1));
    protection->TokenTo(field.name, text, token);
    fields[i] = Value::Token({token, Value::kTokenBytes});
  }
  return true;
}

bool Gate::Parser::SealFields(record::Event* event) {
  if (to_seal.empty()) return true;
  const auto sealed = arena->NewArray<std::string_view>(type->fields.size());
  for (const Sealing& sealing : to_seal) {
    const std::string& field = type->fields[sealing.field].name;
    const auto bytes = protection->Seal(subject, field, sealing.text);
    if (!bytes.ok()) {
      return Fail("sealing-failed", "A personal field could not be sealed", "data." + field,
                  bytes.status().message(), 503);
    }
    sealed[sealing.field] = arena->Copy(*bytes);
  }
  event->sealed = sealed;
  event->cipher = record::CipherId::kXChaCha20Poly1305;
  return true;
}

Gate::Gate(const record::Schema& schema, Protection* protection)
    : parser_(std::make_unique<Parser>(schema, protection)) {}

Gate::~Gate() = default;

bool Gate::Parse(std::string_view json, Arena* arena, record::Event* event, Problem* problem) {
  parser_->arena = arena;
  parser_->problem = problem;
  *event = {};
  if (parser_->Read(json, event)) return true;
  *event = {};
  return false;
}

}  // namespace credence::api
