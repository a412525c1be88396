#include "src/record/fact.h"

#include <cstdio>

#include "src/base/prefetch.h"
#include "src/record/codec.h"
#include "src/record/slots_codec.h"

namespace credence::record {

namespace {

constexpr size_t kListMax = 4096;  // reasons, rules, slots or artefacts of one record

void PutDecimal(RecordWriter* writer, uint32_t number, const std::optional<Decimal>& value) {
  if (!value) return;
  writer->Built(number, [&](ByteWriter* out) { out->PutFixed128(value->CanonicalBits()); });
}

std::optional<Decimal> ReadDecimal(RecordReader* in, uint32_t number) {
  const std::string_view content = in->Text(number);
  if (content.empty()) return std::nullopt;
  ByteReader reader(content);
  const auto value = Decimal::FromCanonicalBits(reader.GetFixed128());
  if (!reader.ok() || !reader.AtEnd() || !value) in->Fail();
  return value;
}

void PutTexts(RecordWriter* writer, uint32_t number, const std::vector<std::string>& texts) {
  writer->Built(number, [&](ByteWriter* out) {
    for (const std::string& text : texts) out->PutBytes(text);
  });
}

std::vector<std::string> ReadTexts(RecordReader* in, uint32_t number) {
  std::vector<std::string> texts;
  ByteReader reader(in->Text(number));
  while (!reader.AtEnd() && texts.size() < kListMax) texts.emplace_back(reader.GetBytes());
  if (!reader.ok() || !reader.AtEnd()) in->Fail();
  return texts;
}

void PutDigests(RecordWriter* writer, uint32_t number, const std::vector<Digest>& digests) {
  writer->Built(number, [&](ByteWriter* out) {
    for (const Digest& digest : digests) {
      out->PutU8(static_cast<uint8_t>(DigestId::kSha256));
      out->PutRaw(digest.view());
    }
  });
}

std::vector<Digest> ReadDigests(RecordReader* in, uint32_t number) {
  std::vector<Digest> digests;
  ByteReader reader(in->Text(number));
  while (!reader.AtEnd() && digests.size() < kListMax) {
    Digest digest;
    if (reader.GetU8() != static_cast<uint8_t>(DigestId::kSha256) ||
        !Digest::FromRaw(reader.GetRaw(Digest::kBytes), &digest)) {
      in->Fail();
      return digests;
    }
    digests.push_back(digest);
  }
  if (!reader.ok() || !reader.AtEnd()) in->Fail();
  return digests;
}

Result<Activation> DecodeActivation(std::string_view bytes) {
  RecordReader in(bytes);
  Activation activation;
  activation.seq = Seq(in.Unsigned(1));
  activation.stamp = Timestamp{in.Fixed64(2)};
  activation.pack = in.ReadDigest(3);
  activation.artefacts = ReadDigests(&in, 4);
  activation.pack_name = in.Text(5);
  activation.activated_by = in.Text(6);
  activation.approved_by = in.Text(7);
  CREDENCE_TRY(in.Finish("activation"));
  return activation;
}

Result<ActivationRequest> DecodeActivationRequest(std::string_view bytes) {
  RecordReader in(bytes);
  ActivationRequest request;
  request.seq = Seq(in.Unsigned(1));
  request.stamp = Timestamp{in.Fixed64(2)};
  request.pack = in.ReadDigest(3);
  request.pack_name = in.Text(4);
  request.by = in.Text(5);
  CREDENCE_TRY(in.Finish("activation request"));
  return request;
}

Result<KillSwitch> DecodeKillSwitch(std::string_view bytes) {
  RecordReader in(bytes);
  KillSwitch kill_switch;
  kill_switch.seq = Seq(in.Unsigned(1));
  kill_switch.stamp = Timestamp{in.Fixed64(2)};
  const uint64_t on = in.Unsigned(3);
  if (on > 1) in.Fail();
  kill_switch.on = on == 1;
  kill_switch.decision = in.Text(4);
  kill_switch.by = in.Text(5);
  kill_switch.reason = in.Text(6);
  CREDENCE_TRY(in.Finish("kill switch"));
  return kill_switch;
}

Result<Rate> DecodeRate(std::string_view bytes) {
  RecordReader in(bytes);
  Rate rate;
  rate.seq = Seq(in.Unsigned(1));
  rate.stamp = Timestamp{in.Fixed64(2)};
  const uint64_t numeric = in.Unsigned(3);
  const auto currency = Currency::FromNumeric(static_cast<uint16_t>(numeric & 0xFFFF));
  const auto value = ReadDecimal(&in, 4);
  if (numeric > UINT16_MAX || !currency || !value || value->IsNegative() || value->IsZero()) {
    in.Fail();
  } else {
    rate.from = *currency;
    rate.rate = *value;
  }
  rate.by = in.Text(5);
  CREDENCE_TRY(in.Finish("rate"));
  return rate;
}

Result<Answer> DecodeAnswer(std::string_view bytes) {
  RecordReader in(bytes);
  Answer answer;
  answer.seq = Seq(in.Unsigned(1));
  answer.stamp = Timestamp{in.Fixed64(2)};
  answer.parked_seq = Seq(in.Unsigned(3));
  answer.source = in.Text(4);
  answer.status = in.Text(5);
  ByteReader values(in.Text(6));
  while (!values.AtEnd() && answer.values.size() < kListMax) {
    std::string name(values.GetBytes());
    answer.values.emplace_back(std::move(name), values.GetBytes());
  }
  if (!values.ok() || !values.AtEnd()) in.Fail();
  CREDENCE_TRY(in.Finish("answer"));
  return answer;
}

// A number that is not negative and not above what money holds.
int64_t ReadAmount(ByteReader* in) {
  const uint64_t value = in->GetVarint();
  if (value > static_cast<uint64_t>(INT64_MAX)) in->Fail();
  return static_cast<int64_t>(value);
}

TimerItem ReadTimer(ByteReader* in) {
  TimerItem item;
  const uint8_t kind = in->GetU8();
  if (kind == 0 || kind > kTimerKindMax) in->Fail();
  item.kind = static_cast<TimerKind>(kind);
  item.due = Timestamp{static_cast<int64_t>(in->GetFixed64())};
  item.id = item.kind == TimerKind::kPendingOver ? in->GetFixed128() : in->GetVarint();
  if (item.kind != TimerKind::kDueDayOver) {
    item.amount = ReadAmount(in);
    return item;
  }
  item.day = Date{in->GetZigzag()};
  for (int64_t* amount : {&item.principal, &item.interest, &item.fee, &item.penalty}) {
    *amount = ReadAmount(in);
  }
  const uint64_t transfers = in->GetVarint();
  item.transfers = static_cast<uint32_t>(transfers);
  item.refused = in->GetBytes();
  if (transfers > UINT32_MAX || (transfers > 0 && !item.refused.empty())) in->Fail();
  return item;
}

Result<Timers> DecodeTimers(std::string_view bytes) {
  RecordReader in(bytes);
  Timers timers;
  timers.seq = Seq(in.Unsigned(1));
  timers.stamp = Timestamp{in.Fixed64(2)};
  ByteReader items(in.Text(3));
  while (items.ok() && !items.AtEnd() && timers.items.size() < kTimerItemsMax) {
    TimerItem item = ReadTimer(&items);
    const bool follows = timers.items.empty() || timers.items.back().Order() < item.Order();
    if (!follows || item.due > timers.stamp) items.Fail();
    timers.items.push_back(std::move(item));
  }
  if (!items.ok() || !items.AtEnd() || timers.items.empty()) in.Fail();
  CREDENCE_TRY(in.Finish("timers"));
  return timers;
}

}  // namespace

void DecisionRecord::Clear() {
  DecisionRecord empty;
  reasons.clear();
  empty.reasons.swap(reasons);
  matched_rules.clear();
  empty.matched_rules.swap(matched_rules);
  slots.clear();
  empty.slots.swap(slots);
  artefacts.clear();
  empty.artefacts.swap(artefacts);
  text.clear();
  empty.text.swap(text);
  *this = std::move(empty);
}

void DecisionRecord::Warm() const {
  PrefetchLinesToWrite(slots.data(), slots.capacity() * sizeof(SlotValue));
}

std::string DecisionRecord::IdFor(Seq seq) {
  char text[32];
  std::snprintf(text, sizeof text, "D-%012llu", static_cast<unsigned long long>(seq.value()));
  return text;
}

std::optional<Seq> DecisionRecord::SeqFromId(std::string_view id) {
  if (!id.starts_with("D-") || id.size() < 14 || id.size() > 22) return std::nullopt;
  uint64_t value = 0;
  for (const char c : id.substr(2)) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(c - '0'), &value)) {
      return std::nullopt;
    }
  }
  if (value == 0 || IdFor(Seq(value)) != id) return std::nullopt;
  return Seq(value);
}

// Permanent field numbers of a decision record.
//   1 sequence  2 parked sequence  3 decision  4 time  5 path  6 outcome  7 needs  8 failure  9
//   score 10 probability of default  11 limit  12 offer  13 reasons  14 matched rules  15 slots in
//   the plain form  16 pack  17 artefacts  18 slots in the packed form (one of 15 and 18)
namespace {

enum class SlotsForm : uint8_t { kPlain, kPacked };

// What most packed slots take.
constexpr size_t kPackedSlotBytes = 8;

void EncodeDecisionWith(SlotsForm form, const DecisionRecord& decision, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kDecision), out);
  writer.Unsigned(1, decision.seq.value());
  writer.Unsigned(2, decision.parked_seq.value());
  writer.Unsigned(3, decision.decision);
  writer.Fixed64(4, decision.time.ns);
  writer.Unsigned(5, static_cast<uint64_t>(decision.path));
  writer.Text(6, decision.outcome);
  writer.Text(7, decision.needs);
  writer.Text(8, decision.failure);
  PutDecimal(&writer, 9, decision.score);
  PutDecimal(&writer, 10, decision.probability_of_default);
  writer.Built(11, [&](ByteWriter* content) {
    if (!decision.limit) return;
    content->PutFixed32(decision.limit->currency.numeric());
    content->PutZigzag(decision.limit->minor);
  });
  writer.Text(12, decision.offer);
  PutTexts(&writer, 13, decision.reasons);
  writer.Built(14, [&](ByteWriter* content) {
    for (const auto& matched : decision.matched_rules) {
      content->PutBytes(matched.table);
      content->PutVarint(matched.rule);
    }
  });
  if (form == SlotsForm::kPlain) {
    writer.Appended(15, 0, [&](std::string* to) { PutPlainSlots(decision.slots, to); });
  }
  writer.WithDigest(16, decision.pack);
  PutDigests(&writer, 17, decision.artefacts);
  if (form == SlotsForm::kPacked) {
    writer.Appended(18, decision.slots.size() * kPackedSlotBytes,
                    [&](std::string* to) { PackSlots(decision.slots, to); });
  }
}

}  // namespace

void EncodeDecision(const DecisionRecord& decision, std::string* out) {
  EncodeDecisionWith(SlotsForm::kPacked, decision, out);
}

void EncodePlainDecision(const DecisionRecord& decision, std::string* out) {
  EncodeDecisionWith(SlotsForm::kPlain, decision, out);
}

Result<DecisionRecord> DecodeDecision(std::string_view bytes) {
  if (bytes.empty() || bytes[0] != static_cast<char>(RecordKind::kDecision)) {
    return DataLoss("expected a decision record");
  }
  DecisionRecord decision;
  decision.text = bytes;  // the slots' views point into this copy
  RecordReader in(decision.text);
  decision.seq = Seq(in.Unsigned(1));
  decision.parked_seq = Seq(in.Unsigned(2));
  const uint64_t index = in.Unsigned(3);
  decision.decision = static_cast<uint32_t>(index);
  decision.time = Timestamp{in.Fixed64(4)};
  const uint64_t path = in.Unsigned(5);
  if (path == 0 || path > static_cast<uint64_t>(DecisionPath::kParked) || index > kListMax)
    in.Fail();
  decision.path = static_cast<DecisionPath>(path);
  decision.outcome = in.Text(6);
  decision.needs = in.Text(7);
  decision.failure = in.Text(8);
  decision.score = ReadDecimal(&in, 9);
  decision.probability_of_default = ReadDecimal(&in, 10);
  if (const std::string_view content = in.Text(11); !content.empty()) {
    ByteReader limit(content);
    const uint32_t numeric = limit.GetFixed32();
    const auto currency = Currency::FromNumeric(static_cast<uint16_t>(numeric & 0xFFFF));
    const int64_t minor = limit.GetZigzag();
    if (!limit.ok() || !limit.AtEnd() || !currency || numeric > UINT16_MAX) {
      in.Fail();
    } else {
      decision.limit = Money{minor, *currency};
    }
  }
  decision.offer = in.Text(12);
  decision.reasons = ReadTexts(&in, 13);
  ByteReader rules(in.Text(14));
  while (!rules.AtEnd() && decision.matched_rules.size() < kListMax) {
    std::string table(rules.GetBytes());
    const uint64_t rule = rules.GetVarint();
    if (rule > UINT32_MAX) rules.Fail();
    decision.matched_rules.push_back({std::move(table), static_cast<uint32_t>(rule)});
  }
  if (!rules.ok() || !rules.AtEnd()) in.Fail();
  const std::string_view plain = in.Text(15);
  if (!ReadPlainSlots(plain, kListMax, &decision.slots)) in.Fail();
  decision.pack = in.ReadDigest(16);
  decision.artefacts = ReadDigests(&in, 17);
  const std::string_view packed = in.Text(18);
  if (!plain.empty() && !packed.empty()) in.Fail();
  if (!packed.empty() && !UnpackSlots(packed, kListMax, &decision.slots)) in.Fail();
  CREDENCE_TRY(in.Finish("decision"));
  return decision;
}

// 1 sequence  2 stamp  3 pack  4 artefacts  5 pack name  6 activated by  7 approved by
void EncodeActivation(const Activation& activation, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kActivation), out);
  writer.Unsigned(1, activation.seq.value());
  writer.Fixed64(2, activation.stamp.ns);
  writer.WithDigest(3, activation.pack);
  PutDigests(&writer, 4, activation.artefacts);
  writer.Text(5, activation.pack_name);
  writer.Text(6, activation.activated_by);
  writer.Text(7, activation.approved_by);
}

// 1 sequence  2 stamp  3 pack  4 pack name  5 by
void EncodeActivationRequest(const ActivationRequest& request, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kActivationRequest), out);
  writer.Unsigned(1, request.seq.value());
  writer.Fixed64(2, request.stamp.ns);
  writer.WithDigest(3, request.pack);
  writer.Text(4, request.pack_name);
  writer.Text(5, request.by);
}

// 1 sequence  2 stamp  3 on  4 decision  5 by  6 reason
void EncodeKillSwitch(const KillSwitch& kill_switch, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kKillSwitch), out);
  writer.Unsigned(1, kill_switch.seq.value());
  writer.Fixed64(2, kill_switch.stamp.ns);
  writer.Unsigned(3, kill_switch.on ? 1 : 0);
  writer.Text(4, kill_switch.decision);
  writer.Text(5, kill_switch.by);
  writer.Text(6, kill_switch.reason);
}

// 1 sequence  2 stamp  3 numeric currency code  4 rate  5 by
void EncodeRate(const Rate& rate, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kRate), out);
  writer.Unsigned(1, rate.seq.value());
  writer.Fixed64(2, rate.stamp.ns);
  writer.Unsigned(3, rate.from.numeric());
  PutDecimal(&writer, 4, rate.rate);
  writer.Text(5, rate.by);
}

// 1 sequence  2 stamp  3 parked sequence  4 source  5 status  6 values
void EncodeAnswer(const Answer& answer, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kAnswer), out);
  writer.Unsigned(1, answer.seq.value());
  writer.Fixed64(2, answer.stamp.ns);
  writer.Unsigned(3, answer.parked_seq.value());
  writer.Text(4, answer.source);
  writer.Text(5, answer.status);
  writer.Built(6, [&](ByteWriter* content) {
    for (const auto& [name, value] : answer.values) {
      content->PutBytes(name);
      content->PutBytes(value);
    }
  });
}

// 1 sequence  2 stamp  3 items: kind, when it was due, then of a pending transfer its id (fixed128)
// and amount, of a hold its id and amount, of a loan its id, the due date, principal, interest,
// fee, penalty, transfers, refused
void EncodeTimers(const Timers& timers, std::string* out) {
  RecordWriter writer(static_cast<uint8_t>(RecordKind::kTimers), out);
  writer.Unsigned(1, timers.seq.value());
  writer.Fixed64(2, timers.stamp.ns);
  writer.Built(3, [&](ByteWriter* content) {
    for (const TimerItem& item : timers.items) {
      content->PutU8(static_cast<uint8_t>(item.kind));
      content->PutFixed64(static_cast<uint64_t>(item.due.ns));
      if (item.kind == TimerKind::kPendingOver) {
        content->PutFixed128(item.id);
      } else {
        content->PutVarint(static_cast<uint64_t>(item.id));
      }
      if (item.kind != TimerKind::kDueDayOver) {
        content->PutVarint(static_cast<uint64_t>(item.amount));
        continue;
      }
      content->PutZigzag(item.day.days);
      for (const int64_t amount : {item.principal, item.interest, item.fee, item.penalty}) {
        content->PutVarint(static_cast<uint64_t>(amount));
      }
      content->PutVarint(item.transfers);
      content->PutBytes(item.refused);
    }
  });
}

Result<AnyRecord> DecodeRecord(std::string_view bytes, Arena* arena) {
  const auto any = [](auto result) -> Result<AnyRecord> {
    if (!result.ok()) return result.status();
    return AnyRecord(std::move(result).value());
  };
  if (bytes.empty()) return DataLoss("an empty record");
  switch (static_cast<RecordKind>(bytes[0])) {
    case RecordKind::kEvent:
      return any(DecodeEvent(bytes, arena));
    case RecordKind::kDecision:
      return any(DecodeDecision(bytes));
    case RecordKind::kActivation:
      return any(DecodeActivation(bytes));
    case RecordKind::kKillSwitch:
      return any(DecodeKillSwitch(bytes));
    case RecordKind::kRate:
      return any(DecodeRate(bytes));
    case RecordKind::kAnswer:
      return any(DecodeAnswer(bytes));
    case RecordKind::kActivationRequest:
      return any(DecodeActivationRequest(bytes));
    case RecordKind::kTimers:
      return any(DecodeTimers(bytes));
  }
  return DataLoss("a record of kind " + std::to_string(static_cast<uint8_t>(bytes[0])) +
                  ", which this release does not know");
}

}  // namespace credence::record
