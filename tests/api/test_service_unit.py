"""packaging/credence.service: systemd reads it as it is meant, and what it starts serves, reloads and stops as it says."""

import ctypes
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from served import BINARY, PACK, PATIENCE, ROOT, Served, event

UNIT = ROOT / "packaging/credence.service"
NOBODY = 65534
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, REFUSE_EXEC_GAIN = 38, 65, 1


def settings(text):
    """Section -> name -> values, in the syntax of systemd.syntax(7)."""
    found, section = {}, None
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            section = found.setdefault(line[1:-1], {})
            continue
        name, _, value = line.partition("=")
        section.setdefault(name, []).append(value)
    return found


SETTINGS = settings(UNIT.read_text())
SERVICE = SETTINGS["Service"]


def analysed(unit):
    """What systemd says against a unit, of this one alone."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], text=True, capture_output=True, timeout=PATIENCE,
                          check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if unit.name in line]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_knows_every_directive(tmp_path):
    text = UNIT.read_text().replace("/usr/local/bin/credence", str(BINARY))
    unit = tmp_path / "credence.service"
    unit.write_text(text)
    assert analysed(unit) == []
    wrong = tmp_path / "wrong.service"
    for right, misspelt in (("ProtectSystem=", "ProtectSystems="), ("@system-service", "@system-services"),
                            ("RestartSec=2", "RestartSec=two")):
        assert right in text
        wrong.write_text(text.replace(right, misspelt))
        assert analysed(wrong), misspelt


def test_nothing_is_left_open_by_an_oversight():
    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
              "PrivateDevices": "yes", "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes",
              "ProtectKernelLogs": "yes", "ProtectControlGroups": "yes", "ProtectClock": "yes", "ProtectHostname": "yes",
              "ProtectProc": "invisible", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
              "RestrictSUIDSGID": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes", "RemoveIPC": "yes",
              "CapabilityBoundingSet": "", "AmbientCapabilities": "", "SystemCallArchitectures": "native",
              "DynamicUser": "yes", "UMask": "0077"}
    assert {name: SERVICE.get(name, [None])[-1] for name in wanted} == wanted
    # A service user reads a pack of root's, and no more than that: modes say it, not owners.
    assert int(SERVICE["ConfigurationDirectoryMode"][0], 8) & 0o007 == 0o005
    assert int(SERVICE["StateDirectoryMode"][0], 8) & 0o077 == 0


def restricted():
    """In the new process: of the restrictions those that a process can lay upon itself."""
    limit = int(SERVICE["LimitNOFILE"][0])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, hard), min(limit, hard)))
    process = ctypes.CDLL(None)
    process.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    process.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)  # Linux 6.3; before it this does nothing


class Unit(Served):
    """Starts exactly what ExecStart says, on folders of its own and at any port, as a user who may do nothing else."""

    def __init__(self, root):
        self.root = root
        self.folders = {name: root / name for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY")}
        for path in self.folders.values():
            path.mkdir(mode=0o755)
        shutil.copytree(PACK, self.folders["CONFIGURATION_DIRECTORY"] / "pack")
        super().__init__(root, keys=False)
        self.key_file = self.folders["STATE_DIRECTORY"] / "api.keys"
        self.keys["all"] = self.make_key("all", "ingest,decide,read,policy,admin")
        self.may_change_user = os.geteuid() == 0 and subprocess.run(
            [BINARY, "--help"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=False).returncode == 0
        self.give_away()

    def give_away(self):
        """As systemd does it for a StateDirectory and a RuntimeDirectory."""
        if not self.may_change_user:
            return
        for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
            for path in [self.folders[name], *self.folders[name].rglob("*")]:
                os.chown(path, NOBODY, NOBODY)

    def command(self, line):
        def value(match):
            return str(self.folders[match[1]])

        words = [re.sub(r"\$\{(\w+)\}", value, word) for word in shlex.split(line)]
        assert not any("$" in word for word in words), words
        return words

    def start(self):
        line, = SERVICE["ExecStart"]
        program, *words = self.command(line)
        assert program == "/usr/local/bin/credence"
        assert words[words.index("--listen") + 1] == "127.0.0.1:8080"
        words[words.index("--listen") + 1] = "127.0.0.1:0"
        ready = self.folders["RUNTIME_DIRECTORY"] / "ready"
        ready.unlink(missing_ok=True)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.may_change_user else {}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BINARY, *words], stdout=log, stderr=log, cwd="/", preexec_fn=restricted,
                                            umask=int(SERVICE["UMask"][0], 8), **user)
        deadline = time.monotonic() + PATIENCE
        while not (ready.exists() and ready.read_text().endswith("\n")):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(.01)
        self.port = int(ready.read_text().rsplit(":", 1)[1])
        return self

    def stop(self):
        """As systemd stops it; `Restart=on-failure` would start it again unless it ends with 0."""
        self.process.send_signal(getattr(signal, SERVICE["KillSignal"][0]))
        assert self.process.wait(int(SERVICE["TimeoutStopSec"][0])) == 0, self.log.read_text()
        self.process = None


@pytest.fixture
def unit():
    if not BINARY.exists():
        pytest.skip("the program is not built: ./dev build")
    root = pathlib.Path(tempfile.mkdtemp(prefix="credence-unit-"))
    root.chmod(0o755)
    served = Unit(root)
    yield served
    served.end()


def test_it_serves_reloads_stops_in_order_and_starts_again(unit):
    unit.start()
    ready = unit.ask("GET", "/readyz")
    assert ready.status == 200, ready.body
    first = unit.send(event("e-1"), role="all")
    assert first.json()["result"] == "decided", first.body
    assert unit.ask("POST", "/v1/events", event("e-2")).status == 401
    # A key that is made while it runs is taken by a reload.
    late = unit.make_key("late", "ingest")
    unit.give_away()
    program, *words = SERVICE["ExecReload"][0].replace("$MAINPID", str(unit.process.pid)).split()
    subprocess.run([program, *words], check=True, timeout=PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while unit.ask("POST", "/v1/events", event("e-3"), key=late).status != 200:
        assert time.monotonic() < deadline
    state = unit.ask("GET", "/v1/state?hash=true", role="all").json()["state_hash"]
    unit.stop()
    assert "stopped at sequence" in unit.log.read_text()
    own = [path for path in unit.folders["STATE_DIRECTORY"].rglob("*") if path.is_file()]
    assert own and not any(path.stat().st_mode & 0o077 for path in own), "UMask keeps what is written to its user"
    unit.start()
    assert unit.ask("GET", "/v1/state?hash=true", role="all").json()["state_hash"] == state
    assert unit.send(event("e-1", time=first.json()["decision"]["time"]), role="all").json()["result"] == "duplicate"
    unit.stop()


def test_a_store_that_cannot_be_used_is_a_failure_that_is_tried_again(unit):
    assert SERVICE["Restart"] == ["on-failure"]
    unit.start()
    unit.stop()
    segment = max((unit.folders["STATE_DIRECTORY"] / "store/journal").iterdir(), key=lambda path: path.stat().st_size)
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 50:len(damaged) // 40] = b"\x5a" * (len(damaged) // 40 - len(damaged) // 50)
    segment.write_bytes(damaged)
    with pytest.raises(AssertionError, match="credence: cannot open the store"):
        unit.start()
    assert unit.process.wait(PATIENCE) == 1
    unit.process = None
