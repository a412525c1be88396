"""A server whose disk runs full: new work is refused with 507, looking goes on, and it goes on by itself."""

import json
import os
import pathlib
import subprocess

import pytest

from served import BINARY, Served, event

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)

# A file system of its own in a mount namespace of its own: no privilege is needed where users may have namespaces.
DISK_BYTES = 24 << 20
SEGMENT_BYTES = 1 << 20
WITHIN = ["unshare", "--map-root-user", "--mount", "sh", "-c",
          f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "$1" && shift && exec "$@"', "sh"]
LINES = 400


class Full:
    """Fills what is left of the disk, and gives it back."""

    def __init__(self, disk):
        self.path = disk / "filler"

    def __enter__(self):
        with open(self.path, "wb", buffering=0) as filler:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass
        return self

    def __exit__(self, *_):
        self.path.unlink()


@pytest.fixture
def server(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    tried = subprocess.run([*WITHIN, disk, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip("no file system can be mounted here: " + tried.stderr.strip())
    served = Served(tmp_path / "served", arguments=["--segment-bytes", str(SEGMENT_BYTES)], within=[*WITHIN, disk])
    served.store = disk / "store"
    served.start()
    # The disk as the server sees it.
    served.disk = pathlib.Path(f"/proc/{served.process.pid}/root") / str(disk).lstrip("/")
    if not os.access(served.disk / "store", os.W_OK):
        served.end()
        pytest.skip("the file system of the server cannot be reached from here")
    yield served
    served.end()


def batch(served, number):
    lines = "\n".join(json.dumps(event(f"fill-{number}-{i}", data={"buyer_id": f"b-{i % 9}", "amount": "5.00"}))
                      for i in range(LINES))
    answer = served.ask("POST", "/v1/events?slots=none", lines, role="ingest", content_type="application/x-ndjson")
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def test_a_full_disk_is_got_over(server):
    sent = event("first")
    first = server.send(sent)
    assert first.status == 200, first.body
    shown = f"/v1/decisions/{first.json()['decision']['id']}"
    assert server.look(f"{shown}?at_least={first.json()['sequence']}").status == 200
    for round_number in range(2):
        with Full(server.disk):
            for number in range(100):
                results = batch(server, round_number * 1000 + number)
                refused = [result for result in results if result["result"] == "refused"]
                assert all(result["result"] == "decided" for result in results if result not in refused)
                if refused:
                    break
            assert refused, "the disk is never full"
            assert {(result["problem"]["status"], result["problem"]["type"].rsplit("/", 1)[1]) for result in refused} \
                == {(507, "disk-full")}
            before = server.state()
            late = event(f"late-{round_number}")
            for role, target in (("ingest", "/v1/events"), ("decide", "/v1/decisions")):
                answer = server.send(late, role=role, target=target)
                assert (answer.status, answer.code()) == (507, "disk-full")
                assert answer.headers["Retry-After"] == "1"
                assert answer.json()["title"] == "The disk is full"
            answer = server.ask("POST", "/v1/kill-switch", {"on": True, "reason": "drill"}, role="admin")
            assert (answer.status, answer.code()) == (507, "disk-full")
            dry = server.send(late, role="decide", target="/v1/decisions?dry_run=true")
            assert dry.status == 200
            for target in ("/readyz", "/healthz", "/metrics", "/v1/packs", "/v1/decisions?limit=5", shown):
                assert server.ask("GET", target, role="read").status == 200, target
            assert server.state() == before
        taken = server.send(late)
        assert (taken.status, taken.json()["result"]) == (200, "decided")
        assert taken.json()["sequence"] == before[0] + 1
    # The read model catches up by itself too.
    newest = f"/v1/decisions/{taken.json()['decision']['id']}?at_least={taken.json()['sequence']}"
    assert server.look(newest).status == 200
    again = server.send(sent)
    assert (again.json()["result"], again.json()["sequence"]) == ("duplicate", first.json()["sequence"])
    server.stop()
