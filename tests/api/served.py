"""A `credence serve` process for tests and benchmarks: the built binary, a store of its own, a port of its own, nothing else."""

import datetime
import http.client
import json
import os
import pathlib
import selectors
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CREDENCE_BUILD_DIR", ROOT / "build/release"))
BINARY = BUILD / "apps/credence"
PACK = pathlib.Path(__file__).resolve().parent / "pack"
ROLES = ("ingest", "decide", "read", "policy", "admin")
PATIENCE = 240  # seconds for anything the server does: it is loaded machines that need them, and tests that fail


def now(offset_seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(event_id, type="order.placed", source="shop", time=None, data=None, **more):
    """A CloudEvent as a dictionary."""
    if data is None:
        data = {"buyer_id": "b-1", "amount": "12.50"}
    return {"specversion": "1.0", "id": event_id, "source": source, "type": type,
            "time": time or now(), "data": data, **more}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def code(self):
        """The last part of a problem's type."""
        return self.json()["type"].rsplit("/", 1)[1]


class Served:
    """Starts, stops and kills the server over one store."""

    def __init__(self, folder, keys=True, arguments=(), pack=PACK, within=(), log="requests"):
        """`within`: a command that runs the server as its last arguments, in its own process."""
        self.folder = pathlib.Path(folder)
        self.pack = pack
        self.within = list(within)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = self.folder / "store"
        self.key_file = self.folder / "api.keys"
        self.log = self.folder / "log"
        self.log_level = log
        self.keys = {}
        self.arguments = list(arguments)
        self.process = None
        if keys:
            for role in ROLES:
                self.keys[role] = self.make_key(role + "-owner", role)

    def make_key(self, name, roles):
        made = subprocess.run([BINARY, "key", "api-new", self.key_file, "--name", name, "--roles", roles],
                              text=True, capture_output=True, check=True, timeout=PATIENCE)
        return made.stdout.strip()

    def start(self):
        command = [*self.within, BINARY, "serve", "--store", self.store, "--pack", self.pack, "--listen", "127.0.0.1:0",
                   "--keys", self.folder / "person-keys", "--log", self.log_level, *self.arguments]
        if self.keys:
            command += ["--api-keys", self.key_file]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        assert selector.select(PATIENCE), "the server did not start in time"
        line = self.process.stdout.readline()
        assert line.startswith("credence serves http://"), line + self.log.read_text()
        self.port = int(line.split()[2].rsplit(":", 1)[1])
        return self

    def stop(self):
        """SIGTERM; everything that was accepted is answered and the store is closed."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        self.process.stdout.close()
        self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None

    def end(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(self, method, target, body=None, role=None, key=None, content_type=None, headers=None):
        """One request over a connection of its own. `body`: bytes, text, or what becomes JSON."""
        sent = dict(headers or {})
        if key or role:
            sent["Authorization"] = "Bearer " + (key or self.keys[role])
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            sent.setdefault("Content-Type", content_type or "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def send(self, event, role="ingest", target="/v1/events"):
        return self.ask("POST", target, event, role=role if self.keys else None)

    def look(self, target, role="read"):
        """A GET that is sent again, as its answer asks for, while the read model does not show what is there yet."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.ask("GET", target, role=role if self.keys else None)
            if answer.status != 503 or answer.code() != "read-model-behind" or time.monotonic() > deadline:
                return answer

    def raw(self, data, end_sending=False):
        """Bytes to a connection of their own, and all that comes back until the server closes it."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if end_sending:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # answered and closed before all was sent
            received = b""
            while True:
                try:
                    part = connection.recv(65536)
                except ConnectionResetError:
                    break
                if not part:
                    break
                received += part
            return received

    def state(self):
        """Sequence and hash of the state, which change with anything that leaves a trace."""
        answer = self.ask("GET", "/v1/state?hash=true", role="admin" if self.keys else None)
        assert answer.status == 200, answer.body
        found = answer.json()
        return found["sequence"], found["state_hash"]


def answers_in(received):
    """Status and body of each answer in what a connection received."""
    answers = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            answers.append((0, received))
            break
        status = int(head.split(b" ", 2)[1])
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if 100 <= status < 200:
            length = 0
        answers.append((status, rest[:length]))
        received = rest[length:]
    return answers
