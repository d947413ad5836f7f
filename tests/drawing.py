"""Builds SVG elements as text, and escapes the words in them."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

# Light or dark, as the reader's device prefers.
STYLE = """
svg { font: 13px system-ui, sans-serif; }
svg text { fill: #24292f; }
svg .faint { fill: #57606a; font-size: 11px; }
svg .line { stroke: #d0d7de; }
@media (prefers-color-scheme: dark) {
  svg text { fill: #e6edf3; }
  svg .faint { fill: #9da7b1; }
  svg .line { stroke: #30363d; }
}
"""
NAMESPACE = "http://www.w3.org/2000/svg"


def opening(width: float, height: float, title: str, description: str = "") -> str:
    """The opening tag, with a title and a description for screen readers."""
    size = f'viewBox="0 0 {width} {height}" role="img"'
    told = f"<desc>{escape(description)}</desc>\n" if description else ""
    return f'<svg xmlns="{NAMESPACE}" {size}>\n<title>{escape(title)}</title>\n{told}'


def box(
    left: float, top: float, right: float, bottom: float, kind: str, title: str, colour: str = ""
) -> str:
    """A rectangle with a colour, or else a CSS class (kind). It is at least 0.8 wide, so that it
    stays visible."""
    fill = f'fill="{colour}"' if colour else f"class={quoteattr(kind)}"
    width, height = max(0.8, right - left), bottom - top
    place = f'x="{left}" y="{top}" width="{width:.1f}" height="{height}"'
    return f"<rect {place} {fill}><title>{escape(title)}</title></rect>\n"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    style = f" class={quoteattr(kind)}" if kind else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{style}>{escape(words)}</text>\n'


def line(x1: float, y1: float, x2: float, y2: float, kind: str, title: str = "") -> str:
    told = f"<title>{escape(title)}</title>" if title else ""
    place = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
    return f"<line class={quoteattr(kind)} {place}>{told}</line>\n"
