"""Kills a real `credence serve` at random moments under load, and holds that nothing is lost.

    python3 tests/api/kill_server.py --kills 200 --seed 1

Senders post events over HTTP, alone and in batches of lines. The auditor keeps every event that was sent and every answer that
came. After each kill the server is started again, and the auditor sends once more what was not answered and a part of what was:
an event that had been acknowledged must be a duplicate with the sequence of its first answer. From time to time the server is
stopped in order, and then the whole store is held against the answers: its read model, folded from the journal, must have each
acknowledged event exactly once, under its sequence, with the decision that was given out; nothing that was not sent; and
`credence verify` must decide every decision again.

A kill does not take the page cache with it, so this says nothing of syncs: `./dev sim` does. The seed drives what is sent and
when the server is killed; what the kill meets is the machine's.
"""

import argparse
import http.client
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from served import BINARY, PATIENCE, Served, event

SENDERS = 4
KILLS_PER_STORE = 10
MOMENT_SECONDS_MAX = 0.4  # a kill comes so soon after the server took requests, at most
IN_RECOVERY = 8           # one kill in so many comes before it does


class Failure(Exception):
    """Something that must never happen, with what led to it."""


class Auditor:
    """What was sent and what was answered. One lock for all."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}   # id -> text of the event
        self.acked = {}  # id -> (sequence, what was decided or None)
        self.duplicates = 0
        self.heard = threading.Event()  # set with each answer

    def sending(self, ids_and_texts):
        with self.lock:
            for event_id, text in ids_and_texts:
                self.sent[event_id] = text

    def answered(self, event_id, answer):
        """`answer`: the JSON of one event's result. Raises where it contradicts an earlier one."""
        self.heard.set()
        if answer["result"] not in ("applied", "decided", "duplicate"):
            raise Failure(f"{event_id} was refused: {answer}")
        with self.lock:
            known = self.acked.get(event_id)
            if answer["result"] == "duplicate":
                self.duplicates += 1
                if known and known[0] != answer["sequence"]:
                    raise Failure(f"{event_id} was acknowledged as {known[0]}, and is now {answer['sequence']}")
                # Taken before its answer could be given: the decision was not seen.
                if not known:
                    self.acked[event_id] = (answer["sequence"], None)
                return
            if known:
                raise Failure(f"{event_id} was acknowledged as {known[0]}, was lost, and is now {answer['sequence']}")
            self.acked[event_id] = (answer["sequence"], essence(answer["decision"]))

    def unanswered(self):
        with self.lock:
            return {event_id: text for event_id, text in self.sent.items() if event_id not in self.acked}


def essence(decision):
    """What of a decision the read model holds."""
    if decision is None:
        return None
    return (decision["id"], decision["decision"], decision["outcome"]["code"], decision["path"],
            tuple(reason["code"] for reason in decision["reasons"]))


class Sender(threading.Thread):
    """Posts events over one connection until it breaks or is told to stop."""

    def __init__(self, auditor, port, seed, prefix):
        super().__init__(daemon=True)
        self.auditor, self.port, self.prefix = auditor, port, prefix
        self.random = random.Random(seed)
        self.stop = threading.Event()
        self.failure = None
        self.count = 0

    def make(self):
        self.count += 1
        event_id = f"{self.prefix}-{self.count}"
        buyer = f"b-{self.random.randrange(50)}"
        if self.random.randrange(4) == 0:
            made = event(event_id, type="contact.given", data={"buyer_id": buyer, "mobile": "13800138000"})
        else:
            made = event(event_id, data={"buyer_id": buyer, "amount": f"{self.random.randrange(20_000)}.00",
                                         "channel": self.random.choice(["app", "web"])})
        return event_id, json.dumps(made)

    def run(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            while not self.stop.is_set():
                post(connection, self.auditor, [self.make() for _ in range(self.random.choice([1, 1, 1, 20]))])
        except (OSError, http.client.HTTPException):
            pass  # killed: what was on its way is sent again later
        except Failure as failure:
            self.failure = failure


def post(connection, auditor, events):
    """Sends events in one request and gives the answers to the auditor."""
    auditor.sending(events)
    one = len(events) == 1
    connection.request("POST", "/v1/events?slots=none", body="\n".join(text for _, text in events).encode(),
                       headers={"Content-Type": "application/json" if one else "application/x-ndjson"})
    response = connection.getresponse()
    body = response.read()
    if response.getheader("Content-Length") is None:
        raise http.client.HTTPException("killed within the headers")
    if response.status in (429, 503):
        return
    if response.status != 200:
        raise Failure(f"status {response.status}: {body[:500]}")
    lines = [body] if one else body.splitlines()
    if len(lines) != len(events):
        raise Failure(f"{len(lines)} answers to {len(events)} events")
    for (event_id, _), line in zip(events, lines):
        auditor.answered(event_id, json.loads(line))


def send_again(served, auditor, rng):
    """After a start: all that was not answered, and some of what was."""
    again = list(auditor.unanswered().items())
    with auditor.lock:
        known = sorted(auditor.acked)
    for event_id in rng.sample(known, min(60, len(known))):
        again.append((event_id, auditor.sent[event_id]))
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    for begin in range(0, len(again), 100):
        post(connection, auditor, again[begin:begin + 100])
    connection.close()
    if auditor.unanswered():
        raise Failure(f"{len(auditor.unanswered())} events got no answer from a server that runs")


def audit(served, auditor):
    """The stopped store against all that was answered."""
    done = subprocess.run([BINARY, "project", "--store", served.store, "--quiet"], capture_output=True, text=True,
                          timeout=600)
    if done.returncode != 0:
        raise Failure("project: " + done.stderr)
    database = sqlite3.connect(f"file:{served.store}/read-model.sqlite?mode=ro", uri=True)
    stored = {}
    for sequence, event_id in database.execute("SELECT seq, id FROM event"):
        if event_id in stored:
            raise Failure(f"{event_id} is there twice: {stored[event_id]} and {sequence}")
        stored[event_id] = sequence
    decided = {row[1]: (row[0], row[2], row[3], row[4], tuple(json.loads(row[5] or "[]"))) for row in database.execute(
        "SELECT id, event_id, decision, outcome, path, reasons FROM decisions")}
    database.close()
    for event_id, (sequence, decision) in auditor.acked.items():
        if stored.get(event_id) != sequence:
            raise Failure(f"{event_id} was acknowledged as {sequence}, the journal has {stored.get(event_id)}")
        if decision is not None and decided.get(event_id) != decision:
            raise Failure(f"{event_id} was decided {decision}, the journal has {decided.get(event_id)}")
    for event_id in stored:
        if event_id not in auditor.sent:
            raise Failure(f"{event_id} was never sent")
    verified = subprocess.run([BINARY, "verify", served.store, "--quiet"], capture_output=True, text=True, timeout=600)
    if verified.returncode != 0:
        raise Failure("verify: " + verified.stdout + verified.stderr)
    return len(decided)


def kill_early(served, rng):
    """Starts the server and kills it before it takes requests, or as it does."""
    arguments = [BINARY, "serve", "--store", served.store, "--keys", served.folder / "person-keys", "--listen",
                 "127.0.0.1:0", "--checkpoint-events", "500"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0, 0.15))
    process.kill()
    process.wait(PATIENCE)


def run_store(folder, seed, kills, report):
    """One store from its beginning through `kills` kills to its audit."""
    rng = random.Random(seed)
    served = Served(folder, keys=False, arguments=["--checkpoint-events", "500"])
    auditor = Auditor()
    try:
        for kill in range(kills):
            served.start()
            send_again(served, auditor, rng)
            senders = [Sender(auditor, served.port, rng.getrandbits(64), f"{seed}-{kill}-{i}") for i in range(SENDERS)]
            auditor.heard.clear()
            for sender in senders:
                sender.start()
            # Half of the kills come only when this life has answered, however slow the machine is.
            if rng.randrange(2) == 0 and not auditor.heard.wait(PATIENCE):
                raise Failure("the server answers nothing")
            time.sleep(rng.uniform(0, MOMENT_SECONDS_MAX))
            served.kill()
            report["kills"] += 1
            for sender in senders:
                sender.join(PATIENCE)
                if sender.failure:
                    raise sender.failure
            report["in_flight"] += len(auditor.unanswered())
            if rng.randrange(IN_RECOVERY) == 0:
                kill_early(served, rng)
                report["kills"] += 1
                report["in_recovery"] += 1
        served.start()
        send_again(served, auditor, rng)
        served.stop()
        report["decisions"] += audit(served, auditor)
        report["acknowledged"] += len(auditor.acked)
        report["duplicates"] += auditor.duplicates
    finally:
        if served.process is not None:
            served.kill()


def simulate(folder, seed, kills, progress=None):
    """Until `kills` kills were survived. The counts; raises Failure and leaves the store behind."""
    report = dict.fromkeys(("kills", "in_recovery", "acknowledged", "in_flight", "duplicates", "decisions"), 0)
    store = 0
    while report["kills"] < kills:
        path = pathlib.Path(folder) / f"store-{store}"
        run_store(path, seed * 10_000 + store, min(KILLS_PER_STORE, kills - report["kills"]), report)
        shutil.rmtree(path)
        store += 1
        if progress:
            progress(report)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the stores are made (default: a new folder for temporary files)")
    options = parser.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="credence-kill-")
    began = time.monotonic()

    def progress(report):
        print(f"\r{report['kills']} of {options.kills} kills, {report['acknowledged']} events acknowledged",
              end="", file=sys.stderr, flush=True)

    try:
        report = simulate(folder, options.seed, options.kills, progress)
    except Failure as failure:
        print(f"\nLOST 有丢失: {failure}\nthe store: {folder}\nagain: python3 tests/api/kill_server.py --seed "
              f"{options.seed} --kills {options.kills}", file=sys.stderr)
        return 1
    print(file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{report['kills']} kills in {time.monotonic() - began:.0f} s, {report['in_recovery']} of them while starting; "
          f"{report['acknowledged']} events acknowledged, {report['in_flight']} on their way when killed, "
          f"{report['duplicates']} sent again; {report['decisions']} decisions; 0 lost, 0 doubled, 0 changed 无丢失、无重复")
    return 0


if __name__ == "__main__":
    sys.exit(main())
