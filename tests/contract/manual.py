"""Manual pages as man shows them, of agents that need do no more than describe themselves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.calling import AGENTS, PATH, ROOT, Result, agents

MAKER = ROOT / "packaging" / "man-pages"
# Links: older names of an agent, by which it is found too.
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
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr, 0.0)


def plain(text: str) -> str:
    return " ".join(text.split())


def joined(example: str) -> str:
    """On one line, as the shell reads it."""
    return " ".join(example.replace("\\\n", "").split())


def stand_ins(folder: Path, texts: dict[str, str]) -> Path:
    """Agents that know `meta-data` and nothing else."""
    folder.mkdir()
    for name, text in texts.items():
        if name in ALIASES:
            (folder / name).symlink_to(ALIASES[name])
            continue
        (folder / name).write_text(f"#!/bin/sh\ncat <<'END-OF-XML'\n{text}END-OF-XML\n")
        (folder / name).chmod(0o755)
    return folder


class Page:
    """A page as man shows it, by sections; what is indented by 7 in one begins an item."""

    def __init__(self, manuals: Path, agent: str) -> None:
        words = ("man", "--warnings=w", "-E", "UTF-8", "-M", manuals, "7", f"ocf_openstack_{agent}")
        self.result = run(*words)
        parts = re.split(r"(?m)^([A-Z][A-Z ]+)\n", self.result.out)
        self.sections = dict(zip(parts[1::2], parts[2::2]))

    def items(self, section: str) -> list[str]:
        return [plain(item) for item in re.split(r"(?m)^ {7}(?=\S)", self.sections[section])[1:]]

    def examples(self, program: str) -> list[str]:
        """Commands as they stand there."""
        blocks = re.findall(r"(?m)(?:^ {11}.*\n)+", self.sections[f"EXAMPLE {program}"])
        return [re.sub(r"(?m)^ {11}", "", block) for block in blocks]
