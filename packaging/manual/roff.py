"""Text and layout in roff: what goes in comes out, hyphens, quotes and backslashes included.

Source: groff_char(7), groff_man(7), tbl(1); what mandoc(1) knows of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# A bare - becomes a hyphen that no shell knows, ' and ` become typographic quotes, ^ and ~ accents.
ESCAPED = {
    "\\": r"\(rs",
    "-": r"\-",
    "'": r"\(aq",
    '"': r"\(dq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}


def text(plain: str) -> str:
    """One line of running text; blanks and line breaks are all one blank."""
    return _line(" ".join(plain.split()))


def bold(plain: str) -> str:
    return rf"\fB{text(plain)}\fR"


def italic(plain: str) -> str:
    return rf"\fI{text(plain)}\fR"


def title(name: str, section: int, source: str, manual: str) -> str:
    """Head and foot of the page; without a date, so that the same agents make the same pages.

    Nothing is hyphenated or stretched: names and paths stay whole, and can be searched for.
    """
    words = " ".join(f'"{text(word)}"' for word in (name, str(section), "", source, manual))
    return f".TH {words}\n.nh\n.ad l\n"


def section(heading: str, *parts: str) -> str:
    return f'.SH "{text(heading)}"\n' + "".join(parts)


def subsection(heading: str, *parts: str) -> str:
    return f'.SS "{text(heading)}"\n' + "".join(parts)


def paragraph(roff: str) -> str:
    """roff: made by the functions above, as wherever a parameter has this name."""
    return f".PP\n{roff}\n"


def item(roff_tag: str, *roff: str) -> str:
    """A tag and what is said of it, a paragraph each."""
    return f".TP\n{roff_tag}\n" + "\n.IP\n".join(roff) + "\n"


def example(lines: Iterable[str]) -> str:
    """Lines as they are typed."""
    return ".PP\n.RS 4\n.nf\n" + "".join(_line(line) + "\n" for line in lines) + ".fi\n.RE\n"


def table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    """columns: tbl's letters for them. rows: cells in roff, of which the last may be long."""
    lines = [".PP", ".TS", f"{columns}."]
    for *short, last in rows:
        lines.append("\t".join([*short, "T{"]))
        lines += [last, "T}"]
    return "\n".join([*lines, ".TE"]) + "\n"


def _line(plain: str) -> str:
    signs = (ESCAPED.get(s) or (s if s.isascii() else rf"\[u{ord(s):04X}]") for s in plain)
    line = "".join(signs)
    return rf"\&{line}" if line.startswith(".") else line
