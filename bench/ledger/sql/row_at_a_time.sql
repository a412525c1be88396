-- One transfer, one commit: insert it, move both accounts.
CREATE PROCEDURE post_rows(first_id bigint, rows bigint, INOUT elapsed_us bigint) LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
  w wanted%ROWTYPE;
BEGIN
  FOR i IN first_id .. first_id + rows - 1 LOOP
    SELECT * INTO w FROM wanted WHERE id = i;
    INSERT INTO transfers (id, debit_account, credit_account, amount, code, time)
      VALUES (w.id, w.debit_account, w.credit_account, w.amount, 1, clock_timestamp())
      ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
      UPDATE accounts SET debits_posted = debits_posted + w.amount WHERE id = w.debit_account;
      UPDATE accounts SET credits_posted = credits_posted + w.amount WHERE id = w.credit_account;
    END IF;
    COMMIT;
  END LOOP;
  elapsed_us := extract(epoch FROM clock_timestamp() - started) * 1000000;
END $$;
