-- Batches of `size` transfers, each one statement and one commit: an id that is there already changes nothing.
CREATE PROCEDURE post_batches(first_id bigint, batches bigint, size bigint, INOUT elapsed_us bigint) LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
  low bigint := first_id;
BEGIN
  FOR batch IN 1 .. batches LOOP
    WITH moved AS (
      INSERT INTO transfers (id, debit_account, credit_account, amount, code, time)
        SELECT id, debit_account, credit_account, amount, 1, clock_timestamp()
        FROM wanted WHERE id >= low AND id < low + size
        ON CONFLICT (id) DO NOTHING
        RETURNING debit_account, credit_account, amount
    ), sums AS (
      SELECT account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit
      FROM (SELECT debit_account AS account, amount AS debit, 0 AS credit FROM moved
            UNION ALL SELECT credit_account, 0, amount FROM moved) legs
      GROUP BY account
    )
    UPDATE accounts a
      SET debits_posted = a.debits_posted + sums.debit, credits_posted = a.credits_posted + sums.credit
      FROM sums WHERE a.id = sums.account;
    COMMIT;
    low := low + size;
  END LOOP;
  elapsed_us := extract(epoch FROM clock_timestamp() - started) * 1000000;
END $$;
