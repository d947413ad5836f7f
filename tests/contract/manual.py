"""Manual pages as man shows them. The agents need to support only `meta-data`."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests import pace
from tests.calling import AGENTS, PATH, ROOT, Result, agents

MAKER = ROOT / "packaging" / "man-pages"
# Links: older names of an agent, and the current name of each.
ALIASES = {
    name: (AGENTS / name).resolve().name for name in agents() if (AGENTS / name).is_symlink()
}


def run(*words: object, folder: Path | None = None, text: str | None = None) -> Result:
    done = subprocess.run(
        [str(word) for word in words],
        env={"PATH": PATH, "LANG": "C.UTF-8", "MANWIDTH": "80"},
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=pace.seconds(60),
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr, 0.0)


def plain(text: str) -> str:
    return " ".join(text.split())


def joined(example: str) -> str:
    """The example on one line, as a shell reads it."""
    return " ".join(example.replace("\\\n", "").split())


def stand_ins(folder: Path, texts: dict[str, str]) -> Path:
    """Make scripts that only print the given meta-data in place of the agents."""
    folder.mkdir()
    for name, text in texts.items():
        if name in ALIASES:
            (folder / name).symlink_to(ALIASES[name])
            continue
        (folder / name).write_text(f"#!/bin/sh\ncat <<'END-OF-XML'\n{text}END-OF-XML\n")
        (folder / name).chmod(0o755)
    return folder


class Page:
    """A manual page as man shows it, by section. A line indented by 7 begins an item."""

    def __init__(self, manuals: Path, agent: str) -> None:
        words = ("man", "--warnings=w", "-E", "UTF-8", "-M", manuals, "7", f"ocf_openstack_{agent}")
        self.result = run(*words)
        parts = re.split(r"(?m)^([A-Z][A-Z ]+)\n", self.result.out)
        self.sections = dict(zip(parts[1::2], parts[2::2]))

    def items(self, section: str) -> list[str]:
        return [plain(item) for item in re.split(r"(?m)^ {7}(?=\S)", self.sections[section])[1:]]

    def examples(self, program: str) -> list[str]:
        """The example commands for this program, without indentation."""
        blocks = re.findall(r"(?m)(?:^ {11}.*\n)+", self.sections[f"EXAMPLE {program}"])
        return [re.sub(r"(?m)^ {11}", "", block) for block in blocks]
