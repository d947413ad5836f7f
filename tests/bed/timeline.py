"""What the demo prints: lines with the time since its start, and the table of faults."""

from __future__ import annotations

import textwrap
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault and its recovery.

    at, noticed (None if unknown) and back (the next token) are in seconds since 1970. before,
    after: the node that served before and after the fault. alone: the seconds that the start
    operation alone took, 0 if none is on record.
    """

    name: str
    at: float
    noticed: float | None
    back: float
    before: str
    after: str
    alone: float = 0.0


class Timeline:
    """Prints what happens, and remembers the faults for the table."""

    def __init__(self) -> None:
        self.start = time.time()
        self.faults: list[Fault] = []

    def title(self, text: str) -> None:
        print(f"\n== {text}", flush=True)

    def say(self, text: str) -> None:
        """Print what was done, with minutes and seconds since the start."""
        minutes, seconds = divmod(int(time.time() - self.start), 60)
        print(f"  {minutes:02d}:{seconds:02d}  {text}", flush=True)

    def note(self, text: str) -> None:
        """Print an explanation."""
        margin = " " * 9
        lines = textwrap.wrap(text, 96, initial_indent=margin, subsequent_indent=margin)
        print("\n".join(lines), flush=True)

    def typed(self, node: str, line: str) -> None:
        """Print a command line as an operator types it on a node."""
        first, *more = line.splitlines()
        print("\n".join([f"\n  {node}# {first}", *(f"      {rest.strip()}" for rest in more)]))

    def output(self, text: str) -> None:
        """Print what a command printed."""
        if text.strip():
            print(textwrap.indent(text.rstrip(), "  | ", lambda line: True), flush=True)

    def table(self) -> str:
        """The faults, with the seconds from each to its discovery and to the next token."""
        rows = [("fault", "at", "noticed after", "next token after", "served by")]
        for fault in self.faults:
            minutes, seconds = divmod(int(fault.at - self.start), 60)
            noticed = f"{fault.noticed - fault.at:.1f} s" if fault.noticed else "-"
            where = f"{fault.before} -> {fault.after}"
            if fault.before == fault.after:
                where = f"{fault.after} (in place)"
            back = f"{fault.back - fault.at:.1f} s"
            rows.append((fault.name, f"{minutes:02d}:{seconds:02d}", noticed, back, where))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            f"  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}"
            f"  {row[3]:>{widths[3]}}  {row[4]}"
            for row in rows
        ]
        return "\n".join([lines[0], "  " + "-" * (len(max(lines, key=len)) - 2), *lines[1:]])
