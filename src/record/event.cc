#include "src/record/event.h"

#include "src/record/codec.h"
#include "src/record/fact.h"

namespace credence::record {

// Permanent field numbers of an event record.
//   1 sequence  2 stamp  3 type  4 source  5 id  6 time  7 digest  8 about  9 reverses
//   10 fields: count, then values   11 sealed: cipher, then (index, bytes) where sealed

void EncodeEvent(const Event& event, std::string* out) {
  CREDENCE_ASSERT(event.seq.value() != 0);
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kEvent), out);
  writer.Unsigned(1, event.seq.value());
  writer.Fixed64(2, event.stamp.ns);
  writer.Unsigned(3, event.type);
  writer.Text(4, event.source);
  writer.Text(5, event.id);
  writer.Fixed64(6, event.time.ns);
  writer.WithDigest(7, event.digest);
  writer.Text(8, event.about);
  writer.Text(9, event.reverses);
  writer.Built(10, [&](ByteWriter* content) {
    if (event.fields.empty()) return;
    content->PutVarint(event.fields.size());
    for (const Value& value : event.fields) EncodeValue(value, content);
  });
  writer.Built(11, [&](ByteWriter* content) {
    if (event.cipher == CipherId::kNone) return;
    content->PutU8(static_cast<uint8_t>(event.cipher));
    for (size_t i = 0; i < event.sealed.size(); ++i) {
      if (event.sealed[i].empty()) continue;
      content->PutVarint(i);
      content->PutBytes(event.sealed[i]);
    }
  });
}

namespace {

std::span<const Value> DecodeFields(std::string_view content, RecordReader* record, Arena* arena) {
  if (content.empty()) return {};
  ByteReader in(content);
  const uint64_t count = in.GetVarint();
  if (count == 0 || count > kFieldsMax) {
    record->Fail();
    return {};
  }
  const std::span<Value> fields = arena->NewArray<Value>(count);
  for (Value& field : fields) field = DecodeValue(&in);
  if (!in.ok() || !in.AtEnd()) record->Fail();
  return fields;
}

void DecodeSealed(std::string_view content, RecordReader* record, Arena* arena, Event* event) {
  if (content.empty()) return;
  ByteReader in(content);
  const uint8_t cipher = in.GetU8();
  if (cipher == 0 || cipher > static_cast<uint8_t>(CipherId::kSm4Gcm)) record->Fail();
  event->cipher = static_cast<CipherId>(cipher);
  const auto sealed = arena->NewArray<std::string_view>(event->fields.size());
  uint64_t next = 0;
  while (in.ok() && !in.AtEnd()) {
    const uint64_t index = in.GetVarint();
    const std::string_view bytes = in.GetBytes();
    if (!in.ok() || index < next || index >= sealed.size() || bytes.empty()) {
      record->Fail();
      return;
    }
    sealed[index] = bytes;
    next = index + 1;
  }
  if (!in.ok()) record->Fail();
  event->sealed = sealed;
}

}  // namespace

Result<Event> DecodeEvent(std::string_view bytes, Arena* arena) {
  if (bytes.empty() || bytes[0] != static_cast<char>(RecordKind::kEvent)) {
    return DataLoss("expected an event record");
  }
  RecordReader in(bytes);
  Event event;
  event.seq = Seq(in.Unsigned(1));
  event.stamp = Timestamp{in.Fixed64(2)};
  const uint64_t type = in.Unsigned(3);
  if (type >= kEventTypesMax) in.Fail();
  event.type = static_cast<uint32_t>(type);
  event.source = in.Text(4);
  event.id = in.Text(5);
  event.time = Timestamp{in.Fixed64(6)};
  event.digest = in.ReadDigest(7);
  event.about = in.Text(8);
  event.reverses = in.Text(9);
  event.fields = DecodeFields(in.Text(10), &in, arena);
  DecodeSealed(in.Text(11), &in, arena, &event);
  if (event.seq.value() == 0) in.Fail();
  CREDENCE_TRY(in.Finish("event"));
  return event;
}

Digest ContentDigest(const Event& event, const Schema& schema) {
  std::string scratch;
  return ContentDigest(event, schema, &scratch);
}

Digest ContentDigest(const Event& event, const Schema& schema, std::string* scratch) {
  const EventType& type = schema.event_types[event.type];
  scratch->clear();
  ByteWriter out(scratch);
  out.PutBytes(type.name);
  out.PutFixed64(static_cast<uint64_t>(event.time.ns));
  out.PutBytes(event.about);
  out.PutBytes(event.reverses);
  for (size_t i = 0; i < event.fields.size(); ++i) {
    if (event.fields[i].absent()) continue;
    out.PutBytes(type.fields[i].name);
    // The converted amount is not the sender's: it must not make a repeated event look different.
    if (event.fields[i].kind() == ValueKind::kMoney) {
      EncodeValue(Value::OfMoney(event.fields[i].money(), 0), &out);
    } else {
      EncodeValue(event.fields[i], &out);
    }
  }
  return Sha256(*scratch);
}

}  // namespace credence::record
