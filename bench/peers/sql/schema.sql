-- The orders and decisions of bench/peers, and the aggregates of one order by indexed SQL.
--
-- Every entity has an index by (key, time) that holds what the aggregates read, so that a window is one range of an
-- index and, where vacuum has been, nothing but that index is read. Keys compare by their bytes.
CREATE TABLE orders (
  seq bigint PRIMARY KEY,
  event_id text COLLATE "C" NOT NULL UNIQUE,
  t bigint NOT NULL,           -- microseconds since 1970
  buyer text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  host text COLLATE "C" NOT NULL,
  address text COLLATE "C" NOT NULL,
  amount bigint NOT NULL,      -- minor units
  body text NOT NULL           -- the event as it came
);
CREATE INDEX orders_buyer ON orders (buyer, t) INCLUDE (seq, amount, device);
CREATE INDEX orders_device ON orders (device, t) INCLUDE (seq, amount, buyer);
CREATE INDEX orders_host ON orders (host, t) INCLUDE (seq, amount, buyer);
CREATE INDEX orders_address ON orders (address, t) INCLUDE (seq, amount, buyer);
CREATE TABLE decisions (
  seq bigint PRIMARY KEY,
  outcome text NOT NULL,
  points text,
  reasons text
);
-- Vacuum keeps up with inserts, so that the indexes alone are read.
ALTER TABLE orders SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2);

-- One function an entity: the 21 numbers of its windows (see `kNumbers` in postgres_peer.cc). The least window is
-- aggregated from the longest range in one pass, distinct keys in a second.
DO $do$
DECLARE
  entity text;
  other text;
BEGIN
  FOREACH entity IN ARRAY ARRAY['buyer', 'device', 'host', 'address'] LOOP
    other := CASE entity WHEN 'buyer' THEN 'device' ELSE 'buyer' END;
    EXECUTE format($f$
      CREATE FUNCTION windows_of_%1$s(k text, p_t bigint, p_seq bigint) RETURNS bigint[] LANGUAGE plpgsql AS $body$
      DECLARE
        a bigint[];
        d bigint[];
        l record;
      BEGIN
        SELECT ARRAY[
          count(*) FILTER (WHERE t > p_t - 60000000),     sum(amount) FILTER (WHERE t > p_t - 60000000),
          count(*) FILTER (WHERE t > p_t - 600000000),    sum(amount) FILTER (WHERE t > p_t - 600000000),
          count(*) FILTER (WHERE t > p_t - 3600000000),   sum(amount) FILTER (WHERE t > p_t - 3600000000),
          count(*) FILTER (WHERE t > p_t - 86400000000),  sum(amount) FILTER (WHERE t > p_t - 86400000000),
          count(*) FILTER (WHERE t > p_t - 604800000000), sum(amount) FILTER (WHERE t > p_t - 604800000000),
          count(*), sum(amount),
          sum(amount * amount) FILTER (WHERE t > p_t - 604800000000), sum(amount * amount),
          max(amount) FILTER (WHERE t > p_t - 86400000000), max(amount)]
        INTO a FROM orders WHERE %1$s = k COLLATE "C" AND t > p_t - 2592000000000 AND t <= p_t;
        IF a[11] = 1 THEN
          RETURN a || ARRAY[1, 1, 1, -1, -1]::bigint[];
        END IF;
        SELECT ARRAY[count(*) FILTER (WHERE m > p_t - 3600000000), count(*) FILTER (WHERE m > p_t - 86400000000),
                     count(*)]
        INTO d FROM (SELECT max(t) AS m FROM orders
                     WHERE %1$s = k COLLATE "C" AND t > p_t - 2592000000000 AND t <= p_t GROUP BY %2$s) AS seen;
        SELECT amount, t INTO l FROM orders
        WHERE %1$s = k COLLATE "C" AND t > p_t - 2592000000000 AND t <= p_t AND seq <> p_seq
        ORDER BY t DESC LIMIT 1;
        RETURN a || d || ARRAY[l.amount, l.t];
      END
      $body$ $f$, entity, other);
  END LOOP;
END
$do$;

-- Takes an order in and answers for its four entities. A repeated event id is an error of the unique index.
CREATE FUNCTION take_order(p_seq bigint, p_id text, p_t bigint, p_buyer text, p_device text, p_host text,
                           p_address text, p_amount bigint, p_body text) RETURNS bigint[] LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO orders VALUES (p_seq, p_id, p_t, p_buyer, p_device, p_host, p_address, p_amount, p_body);
  RETURN windows_of_buyer(p_buyer, p_t, p_seq) || windows_of_device(p_device, p_t, p_seq)
    || windows_of_host(p_host, p_t, p_seq) || windows_of_address(p_address, p_t, p_seq);
END
$body$;
