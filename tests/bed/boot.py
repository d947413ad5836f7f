"""What a node does between its start and its first process.

    python3 -I boot.py network SPEC    in the node's network, mount, UTS and IPC namespaces
    python3 -I boot.py init SPEC       as process 1 of its PID namespace; becomes tini

SPEC is the supervisor's SPEC (see supervisor.py) with three more keys: name (the node's),
supervisor (its PID) and late (how late this machine is). This program also reads:

    layers    folders laid over the node's /: their usr/ is overlaid on /usr, read-only, and
              their OCF provider folders replace, not join, what the host has installed
    binds     node path to the host path that the node sees there (below FOLDER, if relative).
              All nodes share it, unless it contains the node's name: "{name}/srv"
    private   paths where the node writes, kept in FOLDER/NAME/PATH from boot to boot
    software  pacemaker or heartbeat: what the node starts

"up" on standard output means that Corosync is up and pacemakerd starts next, or that Heartbeat has
started. Errors go to standard error, the node's console, as does the output of what is started.

The new root is a recursive bind of / into the bed's private tmpfs, entered by chroot. Only this
also works in a chroot whose / is not a mount point: there pivot_root and a change of propagation
at / fail (EINVAL), and mounts made directly on / may reach the host.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
PACEMAKER = {
    **ENVIRONMENT,
    "PCMK_logfile": "/var/log/pacemaker/pacemaker.log",
    "PCMK_logfacility": "none",
}
# net/tun creates taps in the caller's network namespace, which is the node's own
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
# Folders that a layer replaces entirely.
OWN = ("usr/lib/ocf/resource.d/openstack", "usr/lib/ocf/lib/openstack")
# On a quiet machine.
COROSYNC_SECONDS = 10


def run(*command: str) -> None:
    """Run a command; its output goes to the console. Raises CalledProcessError if it fails."""
    subprocess.run(command, check=True, stdout=sys.stderr)


def mount(*arguments: object) -> None:
    run("mount", *map(str, arguments))


def connect(spec: dict[str, Any]) -> None:
    """Connect the node's eth0 to the bridge; continue as process 1 of a new PID namespace."""
    name, supervisor = spec["name"], str(spec["supervisor"])
    run("ip", "link", "set", "lo", "up")
    cable = ("eth0", "type", "veth", "peer", "name", name, "netns", supervisor)
    run("ip", "link", "add", *cable)
    run("nsenter", "-t", supervisor, "-n", "ip", "link", "set", name, "master", "bed", "up")
    run("ip", "address", "add", spec["nodes"][name], "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    again = [sys.executable, "-I", __file__, "init", sys.argv[2]]
    os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", *again])


def make_devices(dev: Path) -> None:
    """Make a /dev with only the harmless devices of the host: no /dev/log, no disks."""
    mount("-t", "tmpfs", "-o", "mode=755", "dev", dev)
    for device in filter(lambda name: Path("/dev", name).exists(), DEVICES):
        (dev / device).parent.mkdir(exist_ok=True)
        (dev / device).touch()
        mount("--bind", f"/dev/{device}", dev / device)
    for folder in ("pts", "shm"):
        (dev / folder).mkdir()
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", dev / "pts")
    mount("-t", "tmpfs", "-o", "mode=1777", "shm", dev / "shm")
    for link, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd")):
        (dev / link).symlink_to(target)
    for number, stream in enumerate(("stdin", "stdout", "stderr")):
        (dev / stream).symlink_to(f"/proc/self/fd/{number}")


def lay(layers: list[Path], root: Path, spare: Path) -> None:
    """Lay the usr/ of each layer over the root's /usr, the first uppermost."""
    tops = [layer / "usr" for layer in layers if (layer / "usr").is_dir()]
    if not tops:
        return
    lower = ":".join(map(str, [*tops, root / "usr"]))
    overlay = ["mount", "-t", "overlay", "-o", f"ro,lowerdir={lower}", "layers", str(root / "usr")]
    if subprocess.run(overlay, check=False, stdout=sys.stderr).returncode:
        lay_copies(tops, root, spare)
    for layer in reversed(layers):
        for own in OWN:
            if (layer / own).is_dir():
                mount("--bind", layer / own, root / own)


def lay_copies(tops: list[Path], root: Path, spare: Path) -> None:
    """Bind merged copies, if the kernel refuses overlayfs (an overlay on two others).

    Copies only /usr/sbin and /usr/lib/ocf, if a layer adds to them: about 14 MB.
    """
    for folder in ("sbin", "lib/ocf"):
        if any((top / folder).is_dir() for top in tops):
            shutil.copytree(root / "usr" / folder, spare / folder, symlinks=True)
            for top in reversed(tops):
                if (top / folder).is_dir():
                    shutil.copytree(
                        top / folder, spare / folder, dirs_exist_ok=True, copy_function=replace
                    )
            mount("--bind", spare / folder, root / "usr" / folder)


def replace(source: str, target: str) -> None:
    """Copy a file. A link at the target is replaced, not followed: reboot links to systemctl."""
    Path(target).unlink(missing_ok=True)
    shutil.copy2(source, target)


def make_root(spec: dict[str, Any]) -> Path:
    """Mount all that the node sees; return the folder that becomes its /."""
    home = Path(spec["folder"], spec["name"])
    root, spare = home / "root", home / "layers"
    root.mkdir(exist_ok=True)
    shutil.rmtree(spare, ignore_errors=True)
    mount("--rbind", "/", root)
    mount("--make-rprivate", root)
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "sysfs", "sysfs", root / "sys")
    make_devices(root / "dev")
    trigger = root / "proc/sysrq-trigger"
    if trigger.exists():  # it ignores namespaces: a letter written there reboots the host
        mount("--bind", root / "dev/null", trigger)
    mount("-t", "tmpfs", "-o", "mode=755", "run", root / "run")
    (root / "run/lock").mkdir()
    (root / "run/lock").chmod(0o1777)
    (root / "run/ocf-bed").mkdir()
    mount("--bind", Path(spec["folder"], "shared"), root / "run/ocf-bed")
    lay([Path(layer) for layer in spec["layers"]], root, spare)
    for path in spec["private"]:
        mount("--bind", home / path.lstrip("/"), root / path.lstrip("/"))
    for path, source in spec["binds"].items():
        own = source.replace("{name}", spec["name"])
        mount("--bind", Path(spec["folder"], own), root / path.lstrip("/"))
    return root


def start_pacemaker(console: int, late: float) -> list[str]:
    """Start Corosync and wait until it is up: otherwise pacemakerd sleeps between its attempts.

    Return pacemakerd's command. The node dies when that ends.
    """
    corosync = subprocess.Popen(["corosync", "-f"], env=PACEMAKER, stdout=console, stderr=console)
    seconds = COROSYNC_SECONDS * late
    until = time.monotonic() + seconds
    while "@cmap@" not in Path("/proc/net/unix").read_text() + "@":
        if corosync.poll() is not None or time.monotonic() > until:
            sys.exit(f"corosync is not up after {seconds:.0f} s or has ended")
        time.sleep(0.02)
    os.environ.update(PACEMAKER)
    return ["pacemakerd"]


def start_heartbeat(console: int, late: float) -> list[str]:
    """Start Heartbeat as a host does. As on a host, the node stays up when Heartbeat stops."""
    subprocess.run(["/etc/init.d/heartbeat", "start"], check=True, stdout=console, stderr=console)
    return ["sleep", "infinity"]


def become_first(spec: dict[str, Any]) -> None:
    """As process 1: set up the node, start its cluster, then become tini, which reaps orphans."""
    console = os.dup(2)
    root = make_root(spec)
    socket.sethostname(spec["name"])
    os.chroot(root)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    starts = {"pacemaker": start_pacemaker, "heartbeat": start_heartbeat}
    command = starts[spec["software"]](console, spec["late"])
    print("up", flush=True)
    os.dup2(console, 1)
    os.execvp("tini", ["tini", "-s", "--", *command])


if __name__ == "__main__":
    {"network": connect, "init": become_first}[sys.argv[1]](json.loads(sys.argv[2]))
