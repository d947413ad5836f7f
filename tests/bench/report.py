"""`make bench`: what each call of an agent costs, as ratios to a bare interpreter in the same run.

Measured on a quiet host, on one with 10,000 open sockets and 2,000 processes, and with the paper's
45 resources at their own intervals. Each host is made in namespaces of its own (inside.py), which
end with this program, however that ends.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import crash
from tests.bench.cost import Figure
from tests.calling import ROOT

STAGE = ROOT / "build/stage"
PROVIDER = "usr/lib/ocf/resource.d/openstack"
RESULT = ROOT / "build/bench.json"
HOSTS = {
    "quiet": "a quiet host",
    "busy": "a host with 10,000 open sockets and 2,000 processes",
    "paper": "the paper's 45 resources",
    "crash": "a crash of Keystone on a three-node cluster, monitored every 30 s",
}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=100, help="calls of each case (100)")
    asked.add_argument("--seconds", type=float, default=60, help="for the 45 resources (60)")
    asked.add_argument("--stage", type=Path, default=STAGE, help="where the agents are installed")
    asked.add_argument("hosts", nargs="*", metavar="HOST", help=f"of {', '.join(HOSTS)} (all)")
    given = asked.parse_args()
    unknown = set(given.hosts) - set(HOSTS)
    if unknown:
        asked.error(f"there is no host {', '.join(sorted(unknown))}")
    if os.geteuid() != 0:
        sys.exit("make bench builds hosts in namespaces, which takes root")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("ended; all that was made is removed"))
    agents = given.stage.resolve() / PROVIDER
    found = {}
    for host in given.hosts or HOSTS:
        print(f"measuring: {HOSTS[host]}", flush=True)
        if host == "crash":
            found[host] = crash.measure(given.stage.resolve())
        else:
            found[host] = measure(host, agents, given.rounds, given.seconds)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    too_dear = [name for host, its in found.items() for name in show(host, its)]
    print(f"\n{RESULT.relative_to(ROOT)} has each figure")
    if too_dear:
        sys.exit(f"dearer than the project allows: {'; '.join(too_dear)}")


def measure(host: str, agents: Path, rounds: int, seconds: float) -> dict[str, Any]:
    """What inside.py finds on a host of its own, which is gone when this returns."""
    with tempfile.TemporaryDirectory(prefix="ocf-bench-") as folder:
        os.chmod(folder, 0o711)
        spec = {
            "host": host,
            "folder": folder,
            "agents": str(agents),
            "rounds": rounds,
            "seconds": seconds,
        }
        child = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--net", "--ipc", "--mount", "--propagation", "unchanged"),
                *("--pid", "--fork", "--kill-child", "--"),
                *(sys.executable, "-m", "tests.bench.inside", json.dumps(spec)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for this program, which then ends the other
        )
        assert child.stdout is not None
        try:
            said = child.stdout.read()
        finally:
            child.kill()
            # ends once no process in there holds it any more
            child.stdout.read()
            child.wait()
    if not said:
        sys.exit(f"the {host} host ended without a figure")
    return dict(json.loads(said))


def show(host: str, found: dict[str, Any]) -> list[str]:
    """Print the table of one host; return what is over its limit."""
    if host == "paper":
        return show_paper(found)
    if host == "crash":
        return show_crash(found)
    figures = [Figure(**each) for each in found["figures"]]
    bare = figures[0]
    print(
        f"\n{host} host: {found['sockets']:,} open sockets, {found['processes']:,} processes; "
        f"CPU of a call, median of {bare.calls}; 1.00 = {bare.name}, {bare.milliseconds:.1f} ms\n"
    )
    print(f"  {'':38} {'ms':>7} {'ratio':>7} {'limit':>6}")
    for figure in figures[1:]:
        print(line(figure))
    over = [f"{each.name} on the {host} host" for each in figures if each.is_over]
    return over + show_promptness(found.get("promptness", []))


def line(figure: Figure) -> str:
    limit = "" if figure.limit is None else f"{figure.limit:.1f}"
    verdict = "" if figure.limit is None else "  OVER" if figure.is_over else "  ok"
    return f"  {figure.name:38} {figure.milliseconds:7.1f} {figure.ratio:7.2f} {limit:>6}{verdict}"


def show_promptness(figures: list[dict[str, Any]]) -> list[str]:
    """Print how long the actions take beyond the daemon's own time; return what is over."""
    if figures:
        print(f"\n  {'wall time':44} {'median s':>9} {'longest':>8} {'limit':>6}")
    for each in figures:
        verdict = "OVER" if each["seconds"] > each["limit"] else "ok"
        print(
            f"  {each['name']:44} {each['seconds']:9.3f} {each['longest']:8.3f} "
            f"{each['limit']:6.2f}  {verdict}"
        )
    return [each["name"] for each in figures if each["seconds"] > each["limit"]]


def show_crash(found: dict[str, Any]) -> list[str]:
    is_over = found["beyond"] > found["limit"]
    print(
        f"\nKeystone is killed on a three-node cluster, monitor every 30 s; medians "
        f"of {found['calls']}\n\n"
        f"  next token after {found['back']:.1f} s, of which Keystone's own start took "
        f"{found['alone']:.1f} s; beyond it {found['beyond']:.2f} s, limit {found['limit']:.1f} s"
        f"  {'OVER' if is_over else 'ok'}"
    )
    return ["a crash beyond Keystone's own start"] if is_over else []


def show_paper(found: dict[str, Any]) -> list[str]:
    is_over = found["percent"] > found["limit"]
    print(
        f"\nthe paper's {found['resources']} resources at its own intervals, on one host: "
        f"{found['calls']} monitors in {found['seconds']:.0f} s, {found['milliseconds']:.1f} ms "
        f"each\n\n"
        f"  {found['percent']:.2f} % of one core, limit {found['limit']:.1f} %"
        f"  {'OVER' if is_over else 'ok'}"
        f"  (as many bare interpreters: {found['bare_percent']:.2f} %, "
        f"{found['bare_milliseconds']:.1f} ms each)"
    )
    return [f"the paper's {found['resources']} resources"] if is_over else []


if __name__ == "__main__":
    main()
