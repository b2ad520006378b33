"""What a command costs, and how that is printed beside what it is held to."""
import dataclasses
import os
import subprocess
import time

REPEATS = int(os.environ.get("REPEATS", "1"))
failures = []  # what was run and failed, or answered otherwise


@dataclasses.dataclass(frozen=True)
class Cost:
    cpu_s: float  # user and system, of the process and those it waited for
    wall_s: float
    peak_mb: float  # of the largest process


def fail(name, what):
    failures.append(name)
    print(f"  {name:44} FAILED: {what}", flush=True)


def run(name, command, folder, python_path=""):
    """The median run of REPEATS by CPU time; None, and a failure noted, where one of them failed."""
    costs = []
    for _ in range(REPEATS):
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=os.environ | {"PYTHONPATH": python_path})
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)  # and not communicate(), which keeps the usage to itself
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            fail(name, f"status {process.returncode}: {error.decode(errors='replace')[-500:]}")
            return None
        costs.append(Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024))
    cost = sorted(costs, key=lambda c: c.cpu_s)[len(costs) // 2]
    print(f"  {name:44} {cost.cpu_s:9.2f} CPU s {cost.wall_s:9.2f} s {cost.peak_mb:9.0f} MB", flush=True)
    return cost


def at_least(name, value, bar, aim=None, unit="times"):
    """A ratio that should be high, beside its bar."""
    aimed = f", aim {aim:g}" if aim else ""
    print(f"  {name:44} {value:9.2f} {unit}  (bar {bar:g}{aimed}: {'met' if value >= bar else 'MISSED'})", flush=True)


def at_most(name, value, bar, unit):
    print(f"  {name:44} {value:9.2f} {unit}  (at most {bar:g}: {'met' if value <= bar else 'MISSED'})", flush=True)


def times_cheaper(peer_name, peer, ours, bar, aim=None):
    """The peer's CPU seconds over ours."""
    if peer and ours:
        at_least(f"{peer_name} / Headrace", peer.cpu_s / ours.cpu_s, bar, aim)
