#!/usr/bin/env python3
"""The server under a simulated live market: latency, memory, disk, and the time from a kill to ready.

`credence serve` on an embedded store takes the market of `credence simulate` at a fixed rate (open loop: latency counts from
the moment an event should have been sent). Both run on this machine; where it is allowed the sender goes first (niceness -10),
so that it is late as little as may be. Before and after, the floor: one thread that writes 2,560 bytes to a file of zeros and
syncs them, at the same rate.

Examples:
  ./dev bench serve
  ./dev bench serve --rate 2000 --seconds 600 --json run/serve.json
  ./dev bench serve --rate 2000 --sale-rate 6000 --orders-per-day 3000 --days 3
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/api"))
from served import BINARY, Served  # noqa: E402

FLOOR_BYTES = 2560
FLOOR_FILE_BYTES = 32 << 20
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=2000, help="events a second (2000)")
    parser.add_argument("--seconds", type=float, default=60, help="about so long (60)")
    parser.add_argument("--sale-rate", type=float, help="events a second in the hour of the flash sale")
    parser.add_argument("--days", type=int, default=14, help="of the market (14)")
    parser.add_argument("--orders-per-day", type=int, default=12600, help="of honest buyers (12600)")
    parser.add_argument("--seed", type=int, default=21, help="of the market (21)")
    parser.add_argument("--flash-sale", type=int, help="day of the flash sale, from 0; two thirds through otherwise")
    parser.add_argument("--folder", help="where the store is made, and removed afterwards (a temporary folder)")
    parser.add_argument("--json", help="write the figures to this file")
    return parser.parse_args()


def percentiles(values):
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(len(values) * share))]
    return {"p50": at(.5), "p99": at(.99), "p99.9": at(.999), "max": values[-1]}


def floor(folder, rate, seconds):
    """Milliseconds of a bare write and fdatasync, from the call and from the moment it was due."""
    path = folder / "floor"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.pwrite(file, bytes(FLOOR_FILE_BYTES), 0)
        os.fdatasync(file)
        from_call, from_due = [], []
        block = b"x" * FLOOR_BYTES
        due = time.perf_counter()
        for i in range(int(rate * seconds)):
            due += 1 / rate
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            begun = time.perf_counter()
            os.pwrite(file, block, i * FLOOR_BYTES % (FLOOR_FILE_BYTES - FLOOR_BYTES))
            os.fdatasync(file)
            ended = time.perf_counter()
            from_call.append(1e3 * (ended - begun))
            from_due.append(1e3 * (ended - due))
        return {"from the call": percentiles(from_call), "from when it was due": percentiles(from_due)}
    finally:
        os.close(file)
        path.unlink()


def thread_seconds(pid):
    """CPU seconds of each thread by name, in user and kernel mode."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            user, kernel = found.get(name, (0, 0))
            found[name] = (user + int(fields[11]) / CLOCK_TICKS, kernel + int(fields[12]) / CLOCK_TICKS)
    return {name: both for name, both in found.items() if sum(both) >= .05}


def resident_bytes(pid):
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def first_in_line():
    """In the sender, before it begins: where it is not allowed it goes as any other."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)


def send(options, url):
    command = [BINARY, "simulate", "--seed", str(options.seed), "--days", str(options.days), "--orders-per-day",
               str(options.orders_per_day), "--events", str(int(options.rate * options.seconds)), "--post", url, "--rate",
               str(options.rate)]
    if options.sale_rate:
        command += ["--sale-rate", str(options.sale_rate)]
    if options.flash_sale is not None:
        command += ["--flash-sale", str(options.flash_sale)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sender = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, preexec_fn=first_in_line)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sender.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows_of(text):
    """The table of latencies in ms: name -> answers, p50, p99, p99.9, max."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("ms "))
    rows = {}
    for line in lines[begin + 1:]:
        if not line.strip():
            break
        name, *figures = re.split(r"\s{2,}", line.strip())
        rows[name.rsplit(" ", 1)[0]] = [float(figure.replace(",", "")) for figure in " ".join(figures).split()]
    return rows


def folder_bytes(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def main():
    options = arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="serve-bench-", dir=options.folder or ROOT / "run"))
    server = Served(folder, keys=False, pack=ROOT / "packs/live-commerce", log="errors")
    try:
        floors = [floor(folder, options.rate, 10)]
        server.start()
        text, sender_seconds = send(options, f"http://127.0.0.1:{server.port}")
        print(text[text.index("\nms ") + 1:])
        metrics = server.ask("GET", "/metrics").body.decode()
        threads = thread_seconds(server.process.pid)
        resident = resident_bytes(server.process.pid)
        checkpoints = {result: int(count) for result, count in
                       re.findall(r'credence_checkpoints_total\{result="(\w+)"\} (\d+)', metrics)}
        server.kill()
        disk = {path.name: folder_bytes(path) if path.is_dir() else path.stat().st_size
                for path in sorted((folder / "store").iterdir())}
        begun = time.perf_counter()
        server.start()
        restart = time.perf_counter() - begun
        server.stop()
        floors.append(floor(folder, options.rate, 10))
    finally:
        server.end()
    rows = rows_of(text)
    events = sum(rows[name][0] for name in ("decisions", "other events"))
    decisions = rows["decisions"][0]
    for when, both in zip(("before", "after"), floors):
        for name, found in both.items():
            print(f"floor {when}: write and fdatasync at {options.rate:.0f} a second, {name}: "
                  + ", ".join(f"{key} {value:.2f}" for key, value in found.items()) + " ms")
    print("CPU, us an event: " + ", ".join(f"{name} {1e6 * sum(both) / events:.0f}" for name, both in
                                            sorted(threads.items(), key=lambda item: -sum(item[1])))
          + f", sender {1e6 * sender_seconds / events:.0f}")
    print(f"checkpoints {checkpoints}; resident {resident / 1e6:.0f} MB; from a kill to ready {restart:.2f} s")
    print("disk: " + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in disk.items() if size > 1e5)
          + f"; {sum(disk.values()) / decisions * 1e6 / 1e9:.2f} GB a million decisions")
    if options.json:
        figures = {"rate": options.rate, "sale_rate": options.sale_rate, "seed": options.seed, "events": events,
                   "latency_ms": {name: dict(zip(("answers", "p50", "p99", "p99.9", "max"), row)) for name, row in rows.items()},
                   "floor_ms": floors, "cpu_seconds": {name: sum(both) for name, both in threads.items()},
                   "sender_cpu_seconds": sender_seconds, "checkpoints": checkpoints, "resident_bytes": resident,
                   "restart_seconds": restart, "disk_bytes": disk}
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


main()
