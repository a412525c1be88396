-- The double entry that ledger_bench does, in PostgreSQL: accounts with posted sums, transfers that are never changed,
-- every transfer in both accounts, ids that take effect once. No history, no index by account, no holds: PostgreSQL
-- has less to do here than the ledger beside it.
CREATE TABLE accounts (
  id bigint PRIMARY KEY,
  currency smallint NOT NULL,
  debits_posted bigint NOT NULL DEFAULT 0,
  credits_posted bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE transfers (
  id bigint PRIMARY KEY,
  debit_account bigint NOT NULL,
  credit_account bigint NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  code smallint NOT NULL,
  time timestamptz NOT NULL,
  CHECK (debit_account <> credit_account)
);

-- What is to be transferred, made before the clock starts. It stands on the server, so that no time goes into sending
-- and parsing.
CREATE TABLE wanted (
  id bigint PRIMARY KEY,
  debit_account bigint NOT NULL,
  credit_account bigint NOT NULL,
  amount bigint NOT NULL
);

CREATE PROCEDURE prepare(accounts_wanted bigint, transfers_wanted bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO accounts (id, currency) SELECT n, 156 FROM generate_series(1, accounts_wanted) n;
  PERFORM setseed(0.42);
  INSERT INTO wanted
    SELECT n, d, 1 + (d - 1 + 1 + floor(random() * (accounts_wanted - 1))::bigint) % accounts_wanted,
           1 + floor(random() * 10000)::bigint
    FROM (SELECT n, 1 + floor(random() * accounts_wanted)::bigint AS d FROM generate_series(1, transfers_wanted) n) s;
  COMMIT;
  ANALYZE;
END $$;
