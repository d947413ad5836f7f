"""Results of other make targets, read from the files that these leave below build/.

A malformed file is an error, never a figure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.bench.measurement import Absent, NotMeasured

# What each key must be. "?": may also be null, if the value could not be determined.
NUMBER, COUNT, TEXT = "a number, 0 or more", "a whole number", "text"
NAMES = "a list of strings"
FAULT = {
    **dict.fromkeys(("fault", "request"), TEXT),
    **dict.fromkeys(("gap", "longest"), NUMBER),
    **dict.fromkeys(("rounds", "requests", "failed"), COUNT),
    **dict.fromkeys(("recovered", "limit"), f"{NUMBER}?"),
    **dict.fromkeys(("corosync", "pacemaker", "fencing"), f"{NUMBER}?"),
}
NODE = {
    "node": TEXT,
    "resources": COUNT,
    **dict.fromkeys(("agents", "pacemaker", "corosync", "bare"), NUMBER),
    **dict.fromkeys(("ratio", "limit"), f"{NUMBER}?"),
}
RUN = {"measured": TEXT, "command": TEXT}
OUTAGE = {"gone": NAMES, "back": NUMBER, "healed": f"{NUMBER}?"}


def failover(path: Path) -> dict[str, Any]:
    """Return the gaps at the virtual address, from `make cluster-measure`. Raises as read()."""
    found = read(path, "make cluster, then make cluster-measure")
    check(path, "", found, {**RUN, "nodes": COUNT, "interval": NUMBER})
    check_list(path, found, "faults", FAULT)
    return found


def idle(path: Path) -> dict[str, Any]:
    """Return what idle monitoring costs, from `make cluster-measure`. Raises as read()."""
    found = read(path, "make cluster, then make cluster-measure")
    check(path, "", found, {**RUN, "seconds": NUMBER})
    check_list(path, found, "nodes", NODE)
    return found


def storm(path: Path) -> dict[str, Any]:
    """Return the outages of `make storm` and the problems that it found. Raises as read()."""
    found = read(path, "make storm")
    check_list(path, found, "outages", OUTAGE)
    problems = found.get("problems")
    if not is_a(problems, NAMES):
        raise NotMeasured(f"{path}: problems is {problems!r}, not {NAMES}")
    moment = datetime.fromtimestamp(found["outages"][-1]["back"], timezone.utc)
    return {
        "measured": moment.isoformat(timespec="seconds"),
        "command": "make storm",
        "outages": found["outages"],
        "problems": problems,
    }


def read(path: Path, command: str) -> dict[str, Any]:
    """Return the JSON object in a file. Raises Absent if there is no file, and NotMeasured if
    it is malformed."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise Absent(f"run {command}") from None
    except (OSError, ValueError) as fault:
        raise NotMeasured(f"{path}: {fault}") from None
    if not isinstance(found, dict):
        raise NotMeasured(f"{path} contains no object, but {type(found).__name__}")
    return found


def check_list(path: Path, found: Mapping[str, Any], name: str, keys: Mapping[str, str]) -> None:
    """Raise NotMeasured unless `name` is a non-empty list of objects with these keys."""
    items = found.get(name)
    if not isinstance(items, list) or not items:
        raise NotMeasured(f"{path}: {name} is {items!r}, not a non-empty list")
    for place, item in enumerate(items):
        check(path, f"{name}[{place}].", item, keys)


def check(path: Path, where: str, found: Any, keys: Mapping[str, str]) -> None:
    if not isinstance(found, dict):
        raise NotMeasured(f"{path}: {where.rstrip('.')} is {found!r}, not an object")
    for key, kind in keys.items():
        if key not in found:
            raise NotMeasured(f"{path}: {where}{key} is missing; it should be {kind.rstrip('?')}")
        if not is_a(found[key], kind):
            wanted = kind.replace("?", " or null")
            raise NotMeasured(f"{path}: {where}{key} is {found[key]!r}, not {wanted}")


def is_a(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    kind = kind.rstrip("?")
    if kind == NAMES:
        return isinstance(value, list) and all(is_a(each, TEXT) for each in value)
    if kind == TEXT:
        return isinstance(value, str) and bool(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value >= 0 and (kind != COUNT or value == int(value))
