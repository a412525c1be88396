#include "src/projection/naive_read_model.h"

#include <algorithm>

#include "src/base/arena.h"
#include "src/base/assert.h"

namespace credence::projection {

namespace {

bool Has(const std::vector<EntityKey>& keys, const EntityKey& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

template <class Row>
std::vector<Row> NewestFirst(std::vector<Row> rows) {
  std::reverse(rows.begin(), rows.end());
  return rows;
}

// The start of the bucket that holds `time`, by counting days and hours from far back.
int64_t BucketStart(Timestamp time, const ActivityQuery& query) {
  const int64_t width = query.width == BucketWidth::kHour ? kNsPerHour : kNsPerDay;
  const int64_t shift = query.width == BucketWidth::kHour ? 0 : query.utc_offset_hours * kNsPerHour;
  int64_t into = (time.ns % width + width + shift % width) % width;
  if (into < 0) into += width;
  return time.ns - into;
}

}  // namespace

void NaiveReadModel::Fold(const Frame& frame) {
  if (frame.last_seq < frame.first_seq) {
    as_of_.frame = frame.index;
    return;
  }
  const RecordPlace place{frame.index, frame.segment, frame.offset};
  Arena arena;
  for (const std::string_view bytes : frame.records) {
    const auto any = record::DecodeRecord(bytes, &arena);
    CREDENCE_ASSERT(any.ok());
    if (const auto* event = std::get_if<record::Event>(&*any)) {
      Happened row;
      row.row.seq = event->seq;
      row.row.source = event->source;
      row.row.id = event->id;
      row.row.time = event->time;
      row.row.stamp = event->stamp;
      row.row.about = event->about;
      row.row.reverses = event->reverses;
      row.place = place;
      if (pack_) {
        const PackNames names = names_(*pack_);
        const record::EventType& type = names.schema->event_types.at(event->type);
        row.row.type = type.name;
        for (const record::EntityKey& key : type.keys) {
          const record::Value& value = event->fields[key.field];
          if (value.absent()) continue;
          row.row.entities.push_back({names.schema->entities.at(key.entity).name,
                                      std::string(value.text()),
                                      value.kind() == record::ValueKind::kToken});
        }
        for (size_t i = 0; i < type.fields.size(); ++i) {
          if (event->fields[i].kind() != record::ValueKind::kMoney) continue;
          row.amounts.push_back(
              {type.fields[i].name, names.schema->base_currency, event->fields[i].base_minor()});
        }
      }
      events_.push_back(std::move(row));
    } else if (const auto* decision = std::get_if<record::DecisionRecord>(&*any)) {
      DecisionRow row;
      row.seq = decision->seq;
      row.event_seq = decision->parked_seq == Seq() ? decision->seq : decision->parked_seq;
      row.decision = names_(decision->pack).decisions.at(decision->decision);
      row.time = decision->time;
      row.outcome = decision->outcome;
      row.path = decision->path;
      row.score = decision->score;
      row.probability_of_default = decision->probability_of_default;
      row.reasons = decision->reasons;
      row.pack = decision->pack;
      const Happened* asked = Find(row.event_seq);
      CREDENCE_ASSERT(asked != nullptr);
      row.event = asked->row;
      row.place = place;
      row.event_place = asked->place;
      decisions_.push_back(std::move(row));
    } else if (const auto* activation = std::get_if<record::Activation>(&*any)) {
      pack_ = activation->pack;
      ActionRow row;
      row.kind = ActionRow::Kind::kActivation;
      row.seq = activation->seq;
      row.stamp = activation->stamp;
      row.by = activation->activated_by;
      row.approved_by = activation->approved_by;
      row.pack_name = activation->pack_name;
      row.pack = activation->pack;
      row.place = place;
      actions_.push_back(std::move(row));
    } else if (const auto* request = std::get_if<record::ActivationRequest>(&*any)) {
      ActionRow row;
      row.kind = ActionRow::Kind::kActivationRequest;
      row.seq = request->seq;
      row.stamp = request->stamp;
      row.by = request->by;
      row.pack_name = request->pack_name;
      row.pack = request->pack;
      row.place = place;
      actions_.push_back(std::move(row));
    } else if (const auto* kill = std::get_if<record::KillSwitch>(&*any)) {
      ActionRow row;
      row.kind = ActionRow::Kind::kKillSwitch;
      row.seq = kill->seq;
      row.stamp = kill->stamp;
      row.by = kill->by;
      row.on = kill->on;
      row.decision = kill->decision;
      row.reason = kill->reason;
      row.place = place;
      actions_.push_back(std::move(row));
    } else if (const auto* rate = std::get_if<record::Rate>(&*any)) {
      ActionRow row;
      row.kind = ActionRow::Kind::kRate;
      row.seq = rate->seq;
      row.stamp = rate->stamp;
      row.by = rate->by;
      row.currency = rate->from.code();
      row.rate = rate->rate;
      row.place = place;
      actions_.push_back(std::move(row));
    }
  }
  as_of_ = {frame.last_seq, frame.index};
}

std::vector<DecisionRow> NaiveReadModel::Decisions(const DecisionFilter& filter) const {
  std::vector<DecisionRow> rows;
  for (const DecisionRow& row : decisions_) {
    if (!filter.decision.empty() && row.decision != filter.decision) continue;
    if (!filter.outcome.empty() && row.outcome != filter.outcome) continue;
    if (!filter.event_type.empty() && row.event.type != filter.event_type) continue;
    if (!filter.reason.empty() &&
        std::find(row.reasons.begin(), row.reasons.end(), filter.reason) == row.reasons.end()) {
      continue;
    }
    if (filter.path && row.path != *filter.path) continue;
    if (filter.entity && !Has(row.event.entities, *filter.entity)) continue;
    if (filter.from && row.time < *filter.from) continue;
    if (filter.until && row.time >= *filter.until) continue;
    rows.push_back(row);
  }
  return NewestFirst(std::move(rows));
}

std::optional<EntityRow> NaiveReadModel::Entity(const EntityKey& key) const {
  std::optional<EntityRow> row;
  for (const Happened& event : events_) {
    if (!Has(event.row.entities, key)) continue;
    if (!row) {
      row = EntityRow();
      row->key = key;
      row->first_seq = event.row.seq;
      row->first_time = event.row.time;
      row->last_time = event.row.time;
    }
    row->last_seq = event.row.seq;
    row->first_time = std::min(row->first_time, event.row.time);
    row->last_time = std::max(row->last_time, event.row.time);
    ++row->events;
  }
  for (const DecisionRow& decision : decisions_) {
    if (Has(decision.event.entities, key)) ++row->decisions;
  }
  return row;
}

std::vector<EntityEventRow> NaiveReadModel::EntityEvents(const EntityKey& key,
                                                         bool decided_only) const {
  std::map<uint64_t, EntityEventRow> rows;  // by where they stand in the list
  for (const Happened& event : events_) {
    if (!Has(event.row.entities, key)) continue;
    const DecisionRow* decision = DecidedOn(event.row.seq);
    if (decision == nullptr && decided_only) continue;
    rows[event.row.seq.value()] = Row(event, decision);
  }
  for (const DecisionRow& decision : decisions_) {
    if (decision.event_seq == decision.seq || !Has(decision.event.entities, key)) continue;
    rows[decision.seq.value()] = Row(*Find(decision.event_seq), &decision);
  }
  std::vector<EntityEventRow> list;
  for (const auto& [seq, row] : rows) list.push_back(row);
  return NewestFirst(std::move(list));
}

std::vector<EntityEventRow> NaiveReadModel::EventsAbout(std::string_view source,
                                                        std::string_view id) const {
  std::vector<EntityEventRow> rows;
  for (const Happened& event : events_) {
    if (event.row.source != source || (event.row.about != id && event.row.reverses != id)) continue;
    rows.push_back(Row(event, DecidedOn(event.row.seq)));
  }
  return NewestFirst(std::move(rows));
}

std::vector<ActivityBucket> NaiveReadModel::ReadActivity(const ActivityQuery& query) const {
  std::map<int64_t, ActivityBucket> buckets;
  const int64_t first = BucketStart(query.from, query);
  const int64_t width = query.width == BucketWidth::kHour ? kNsPerHour : kNsPerDay;
  const int64_t end =
      query.until == query.from ? first : BucketStart({query.until.ns - 1}, query) + width;
  const auto bucket_of = [&](Timestamp time) -> ActivityBucket* {
    const int64_t start = BucketStart(time, query);
    if (start < first || start >= end) return nullptr;
    buckets[start].start = Timestamp{start};
    return &buckets[start];
  };
  for (const Happened& event : events_) {
    ActivityBucket* bucket = bucket_of(event.row.time);
    if (bucket == nullptr) continue;
    const auto counted = std::find_if(bucket->events.begin(), bucket->events.end(),
                                      [&](const auto& e) { return e.type == event.row.type; });
    if (counted == bucket->events.end()) {
      bucket->events.push_back({event.row.type, 1});
    } else {
      ++counted->count;
    }
    const DecisionRow* decision = DecidedOn(event.row.seq);
    const std::string name = decision == nullptr ? "" : decision->decision;
    const std::string outcome = decision == nullptr ? "" : decision->outcome;
    for (const Amount& amount : event.amounts) {
      const auto sum =
          std::find_if(bucket->amounts.begin(), bucket->amounts.end(), [&](const auto& a) {
            return a.type == event.row.type && a.field == amount.field &&
                   a.currency == amount.currency && a.decision == name && a.outcome == outcome;
          });
      if (sum == bucket->amounts.end()) {
        bucket->amounts.push_back(
            {event.row.type, amount.field, amount.currency, name, outcome, 1, amount.base_minor});
      } else {
        ++sum->count;
        sum->total_minor += amount.base_minor;
      }
    }
  }
  for (const DecisionRow& decision : decisions_) {
    ActivityBucket* bucket = bucket_of(decision.time);
    if (bucket == nullptr) continue;
    const auto counted =
        std::find_if(bucket->decisions.begin(), bucket->decisions.end(), [&](const auto& d) {
          return d.decision == decision.decision && d.outcome == decision.outcome;
        });
    if (counted == bucket->decisions.end()) {
      bucket->decisions.push_back({decision.decision, decision.outcome, 1});
    } else {
      ++counted->count;
    }
  }
  std::vector<ActivityBucket> list;
  for (auto& [start, bucket] : buckets) {
    std::sort(bucket.events.begin(), bucket.events.end(),
              [](const auto& a, const auto& b) { return a.type < b.type; });
    std::sort(bucket.decisions.begin(), bucket.decisions.end(), [](const auto& a, const auto& b) {
      return std::tie(a.decision, a.outcome) < std::tie(b.decision, b.outcome);
    });
    const auto key = [](const ActivityBucket::Amounts& a) {
      return std::make_tuple(a.type, a.field, std::string(a.currency.code()), a.decision,
                             a.outcome);
    };
    std::sort(bucket.amounts.begin(), bucket.amounts.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    list.push_back(std::move(bucket));
  }
  return list;
}

std::set<std::pair<std::string, std::string>> NaiveReadModel::EntityKeys() const {
  std::set<std::pair<std::string, std::string>> keys;
  for (const Happened& event : events_) {
    for (const EntityKey& key : event.row.entities) keys.insert({key.type, key.KeyText()});
  }
  return keys;
}

const NaiveReadModel::Happened* NaiveReadModel::Find(Seq seq) const {
  for (const Happened& event : events_) {
    if (event.row.seq == seq) return &event;
  }
  return nullptr;
}

const DecisionRow* NaiveReadModel::DecidedOn(Seq seq) const {
  for (const DecisionRow& decision : decisions_) {
    if (decision.seq == seq) return &decision;
  }
  return nullptr;
}

EntityEventRow NaiveReadModel::Row(const Happened& event, const DecisionRow* decision) const {
  EntityEventRow row;
  row.event = event.row;
  row.place = event.place;
  if (decision != nullptr) {
    row.decision_seq = decision->seq;
    row.decision = decision->decision;
    row.outcome = decision->outcome;
  }
  return row;
}

}  // namespace credence::projection
