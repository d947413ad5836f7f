"""Text and layout in roff. Text appears on the page unchanged, with its hyphens and quotes.

Source: groff_char(7), groff_man(7), tbl(1), as far as mandoc(1) supports them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Unescaped, - becomes a hyphen that no shell knows, ' and ` typographic quotes, ^ and ~ accents.
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
    """Returns running text as one line; any white space becomes one space."""
    return _line(" ".join(plain.split()))


def bold(plain: str) -> str:
    return rf"\fB{text(plain)}\fR"


def italic(plain: str) -> str:
    return rf"\fI{text(plain)}\fR"


def title(name: str, section: int, source: str, manual: str) -> str:
    """Returns header and footer of the page, without a date, so that pages are reproducible.

    Nothing is hyphenated or stretched: names and paths stay whole, so one can search for them.
    """
    words = " ".join(f'"{text(word)}"' for word in (name, str(section), "", source, manual))
    return f".TH {words}\n.nh\n.ad l\n"


def section(heading: str, *parts: str) -> str:
    return f'.SH "{text(heading)}"\n' + "".join(parts)


def subsection(heading: str, *parts: str) -> str:
    return f'.SS "{text(heading)}"\n' + "".join(parts)


def paragraph(roff: str) -> str:
    """Returns a paragraph. roff: text made by the functions above; here and below."""
    return f".PP\n{roff}\n"


def item(roff_tag: str, *roff: str) -> str:
    """Returns a tag with its description, one paragraph for each `roff`."""
    return f".TP\n{roff_tag}\n" + "\n.IP\n".join(roff) + "\n"


def example(lines: Iterable[str]) -> str:
    """Returns lines to type, unchanged."""
    return ".PP\n.RS 4\n.nf\n" + "".join(_line(line) + "\n" for line in lines) + ".fi\n.RE\n"


def table(columns: str, rows: Iterable[Sequence[str]]) -> str:
    """Returns a table. columns: tbl's letters. rows: cells in roff; the last cell may be long."""
    lines = [".PP", ".TS", f"{columns}."]
    for *short, last in rows:
        lines.append("\t".join([*short, "T{"]))
        lines += [last, "T}"]
    return "\n".join([*lines, ".TE"]) + "\n"


def _line(plain: str) -> str:
    signs = (ESCAPED.get(s) or (s if s.isascii() else rf"\[u{ord(s):04X}]") for s in plain)
    line = "".join(signs)
    return rf"\&{line}" if line.startswith(".") else line
