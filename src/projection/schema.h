#pragma once
// The tables and views of the read model. docs/formats/read-model.md explains them; a change of
// either is a new kSchemaVersion, and files of another are remade.

#include <cstdint>

namespace credence::projection {

inline constexpr int64_t kApplicationId = 0x43524452;  // "CRDR", SQLite's application_id

// Of the links of a chain one in so many has a mark, so that no walk to a link is long.
inline constexpr uint64_t kLinksPerMark = 64;

inline constexpr int64_t kNsPerBucket = 3'600'000'000'000;  // activity is kept by the hour (UTC)

// Creates everything in an empty database.
inline constexpr const char* kSchemaSql = R"sql(
CREATE TABLE fold (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  journal TEXT NOT NULL, frame INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
  last_seq INTEGER NOT NULL, chain TEXT NOT NULL, pack TEXT NOT NULL);
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE frame (
  first_seq INTEGER PRIMARY KEY, number INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset INTEGER NOT NULL);

CREATE TABLE event (
  seq INTEGER PRIMARY KEY, type INTEGER, source INTEGER NOT NULL, id TEXT NOT NULL,
  time INTEGER NOT NULL, lag INTEGER NOT NULL, about TEXT, reverses TEXT, links TEXT);
CREATE TABLE event_about (
  about TEXT NOT NULL, source INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (about, source, seq)) WITHOUT ROWID;

CREATE TABLE entity (
  id INTEGER PRIMARY KEY, type INTEGER NOT NULL, key NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
  first_time INTEGER NOT NULL, last_time INTEGER NOT NULL,
  events INTEGER NOT NULL, decisions INTEGER NOT NULL,
  newest INTEGER NOT NULL, newest_decided INTEGER NOT NULL, UNIQUE (type, key));
CREATE TABLE entity_mark (
  entity INTEGER NOT NULL, decided INTEGER NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (entity, decided, seq)) WITHOUT ROWID;

CREATE TABLE decision (
  seq INTEGER PRIMARY KEY, event_seq INTEGER, decision INTEGER NOT NULL, outcome INTEGER NOT NULL,
  path INTEGER NOT NULL, time INTEGER, score TEXT, probability TEXT, reasons TEXT, pack INTEGER NOT NULL,
  links TEXT);
CREATE INDEX decision_by_outcome ON decision (outcome);
CREATE INDEX decision_by_name ON decision (decision);
CREATE INDEX decision_by_path ON decision (path) WHERE path <> 1;
CREATE TABLE decision_reason (
  reason INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (reason, seq)) WITHOUT ROWID;
CREATE TABLE decision_hour (
  hour INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL);

CREATE TABLE activity_event (
  hour INTEGER NOT NULL, type INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (hour, type)) WITHOUT ROWID;
CREATE TABLE activity_decision (
  hour INTEGER NOT NULL, decision INTEGER NOT NULL, outcome INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (hour, decision, outcome)) WITHOUT ROWID;
CREATE TABLE activity_amount (
  hour INTEGER NOT NULL, type INTEGER NOT NULL, field INTEGER NOT NULL, currency INTEGER NOT NULL,
  decision INTEGER NOT NULL, outcome INTEGER NOT NULL, count INTEGER NOT NULL,
  total INTEGER NOT NULL, total_e18 INTEGER NOT NULL,
  PRIMARY KEY (hour, type, field, currency, decision, outcome)) WITHOUT ROWID;

CREATE TABLE action (
  seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, stamp INTEGER NOT NULL, by TEXT NOT NULL,
  approved_by TEXT, pack_name TEXT, pack TEXT, is_on INTEGER, decision TEXT, reason TEXT,
  currency TEXT, rate TEXT);

CREATE VIEW decisions AS
  SELECT printf('D-%012d', d.seq) AS id, d.seq AS seq, dn.text AS decision, o.text AS outcome,
    CASE d.path WHEN 1 THEN 'policy' WHEN 2 THEN 'fallback' WHEN 3 THEN 'kill-switch'
      ELSE 'parked' END AS path,
    d.score AS score, d.probability AS probability_of_default,
    strftime('%Y-%m-%dT%H:%M:%SZ', coalesce(d.time, e.time) / 1000000000, 'unixepoch') AS time,
    (SELECT json_group_array(n.text) FROM json_each(d.reasons) AS r JOIN name AS n
      ON n.id = r.value) AS reasons,
    t.text AS event_type, s.text AS event_source, e.id AS event_id, p.text AS pack
  FROM decision AS d
    LEFT JOIN event AS e ON e.seq = coalesce(d.event_seq, d.seq)
    JOIN name AS dn ON dn.id = d.decision JOIN name AS o ON o.id = d.outcome
    JOIN name AS p ON p.id = d.pack LEFT JOIN name AS s ON s.id = e.source
    LEFT JOIN name AS t ON t.id = e.type;
CREATE VIEW events AS
  SELECT e.seq AS seq, t.text AS type, s.text AS source, e.id AS id,
    strftime('%Y-%m-%dT%H:%M:%SZ', e.time / 1000000000, 'unixepoch') AS time,
    e.lag / 1e9 AS lag_seconds, e.about AS about, e.reverses AS reverses
  FROM event AS e JOIN name AS s ON s.id = e.source LEFT JOIN name AS t ON t.id = e.type;
CREATE VIEW entities AS
  SELECT t.text AS type,
    CASE typeof(x.key) WHEN 'blob' THEN 'token:' || lower(hex(x.key)) ELSE x.key END AS key,
    x.first_seq AS first_seq, x.last_seq AS last_seq,
    strftime('%Y-%m-%dT%H:%M:%SZ', x.first_time / 1000000000, 'unixepoch') AS first_time,
    strftime('%Y-%m-%dT%H:%M:%SZ', x.last_time / 1000000000, 'unixepoch') AS last_time,
    x.events AS events, x.decisions AS decisions
  FROM entity AS x JOIN name AS t ON t.id = x.type;
CREATE VIEW entity_events AS
  SELECT t.text AS entity_type,
    CASE typeof(x.key) WHEN 'blob' THEN 'token:' || lower(hex(x.key)) ELSE x.key END AS entity_key,
    l.seq AS seq, l.decided AS decided
  FROM (
    SELECT json_extract(j.value, '$[0]') AS entity, e.seq AS seq, EXISTS (
      SELECT 1 FROM decision AS d WHERE d.seq = e.seq AND d.event_seq IS NULL) AS decided
      FROM event AS e JOIN json_each(e.links) AS j
    UNION ALL
    SELECT json_extract(j.value, '$[0]'), d.seq, 1 FROM decision AS d JOIN json_each(d.links) AS j
  ) AS l JOIN entity AS x ON x.id = l.entity JOIN name AS t ON t.id = x.type;
CREATE VIEW activity AS
  SELECT strftime('%Y-%m-%dT%H:00:00Z', a.hour * 3600, 'unixepoch') AS hour, d.text AS decision,
    o.text AS outcome, a.count AS count
  FROM activity_decision AS a JOIN name AS d ON d.id = a.decision JOIN name AS o
    ON o.id = a.outcome;
CREATE VIEW amounts AS
  SELECT strftime('%Y-%m-%dT%H:00:00Z', a.hour * 3600, 'unixepoch') AS hour, t.text AS type,
    f.text AS field, c.text AS currency, d.text AS decision, o.text AS outcome, a.count AS count,
    a.total AS total_minor, a.total_e18 AS total_minor_e18
  FROM activity_amount AS a JOIN name AS t ON t.id = a.type JOIN name AS f ON f.id = a.field
    JOIN name AS c ON c.id = a.currency JOIN name AS d ON d.id = a.decision
    JOIN name AS o ON o.id = a.outcome;
)sql";

}  // namespace credence::projection
