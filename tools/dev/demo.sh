#!/bin/sh
# help: demo [--once] | demo bank -- a live-stream market against a server on this machine; or a small bank's loans
# needs: apps/CMakeLists.txt
#
#   demo          starts `credence serve` with packs/live-commerce on an embedded store in run/demo, sends it a simulated market
#                 (CREDENCE_RATE events a second, default 1500; CREDENCE_ORDERS orders a day for 14 days, default 650), says what
#                 was decided and keeps serving until Ctrl-C; with --once it stops by itself
#   demo bank     makes a small bank's events, decides its loan applications and proves the decisions
#
# CREDENCE_DEMO_DIR: another folder than run/demo, for a second one beside it. CREDENCE_BUILD_DIR: what is built there is run as
# it is; nothing is installed or built.
ready() {
  [ -z "${CREDENCE_BUILD_DIR:-}" ] || return 0
  need_packages "$@"
  build release credence
}

bank() {
  ready build python
  command -v python3 >/dev/null || fail "python3 is missing"
  mkdir -p "$folder"
  rm -rf "$folder/bank"
  run python3 tools/demo_events.py "$folder/events.ndjson" --accounts 1000 --seed 1
  run "$credence" pack check packs/bank-account-loan
  run "$credence" replay packs/bank-account-loan --events "$folder/events.ndjson" --history \
    --store "$folder/bank" --decisions "$folder/decisions.ndjson" --show 3
  run "$credence" verify "$folder/bank"
  first=$(sed -n '1s/.*"id":"\(D-[0-9]*\)".*/\1/p' "$folder/decisions.ndjson")
  [ -z "$first" ] || run "$credence" inspect "$folder/bank" --decision "$first"
  say
  say "Left to look at: $folder/decisions.ndjson (one decision a line) and $folder/bank (the journal)."
  say "Try: $credence inspect $folder/bank --entity account 10001"
}

# The server ends with this script, however it ends; it answers what it has taken and closes its store.
stop_server() {
  [ -n "$server" ] || return 0
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}

start_server() {
  rm -rf "$folder/store" "$folder/keys" "$folder/address"
  show "$credence" serve --pack packs/live-commerce --store "$folder/store" --keys "$folder/keys" --listen 127.0.0.1:0
  "$credence" serve --pack packs/live-commerce --store "$folder/store" --keys "$folder/keys" --listen 127.0.0.1:0 \
    --ready-file "$folder/address" &
  server=$!
  trap stop_server EXIT
  trap 'exit 130' INT TERM
  waited=0
  until [ -s "$folder/address" ]; do
    kill -0 "$server" 2>/dev/null || fail "the server did not start"
    [ "$waited" -lt 6000 ] || fail "the server was not ready within two minutes"
    waited=$((waited + 1))
    sleep 0.02
  done
  address=$(cat "$folder/address")
}

# An order of a buyer whom nobody knows, now.
try_line() {
  printf "curl -s http://%s/v1/decisions -H 'content-type: application/cloudevents+json' -d '%s'\n" "$address" \
    "{\"specversion\":\"1.0\",\"id\":\"try-$1\",\"source\":\"me\",\"type\":\"order.placed\",\"time\":\"$1\",\"data\":{\"buyer_id\":\"b1\",\"host_id\":\"h1\",\"room_id\":\"r1\",\"shop_id\":\"s1\",\"device_id\":\"d1\",\"address_id\":\"a1\",\"payer_id\":\"p1\",\"amount\":\"1999.00\",\"items\":1,\"category\":\"electronics\",\"payment\":\"card\",\"account_days\":3}}"
}

market() {
  ready build
  mkdir -p "$folder"
  start_server
  run "$credence" simulate --seed 1 --days 14 --orders-per-day "${CREDENCE_ORDERS:-650}" --post "http://$address" \
    --rate "${CREDENCE_RATE:-1500}" --since "$began" --report "$folder/report.json" --svg "$folder/losses.svg"
  say
  say "Drawn: $folder/losses.svg. The journal: $folder/store. The interface: http://$address/openapi.json"
  say "Decide an order yourself 自己试一笔:"
  say "  $(try_line "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
  if [ -n "$once" ]; then
    if command -v curl >/dev/null; then
      say
      eval "$(try_line "$(date -u +%Y-%m-%dT%H:%M:%SZ)")"
      say
    fi
    return 0
  fi
  say
  say "It keeps serving until Ctrl-C. 服务继续运行，按 Ctrl-C 结束。"
  trap 'say; exit 0' INT TERM # as it is meant to end, on a line of its own
  wait "$server" || fail "the server ended by itself"
}

began=$(date +%s.%N)
credence=${CREDENCE_BUILD_DIR:-build/release}/apps/credence
folder=${CREDENCE_DEMO_DIR:-run/demo}
server=
once=
case ${1:-} in
  bank) bank ;;
  --once)
    once=1
    market
    ;;
  '') market ;;
  *) fail "expected: ./dev demo, ./dev demo --once, or ./dev demo bank" ;;
esac
