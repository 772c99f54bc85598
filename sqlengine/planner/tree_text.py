"""Trees as text: `Kind: details; details`, at most 100 columns, long lists elided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line: `label` and a list of `items`, of which some may be left out when space is short."""

    label: str
    items: tuple[str, ...] = ()
    separator: str = ", "

    def text(self, shown: int) -> str:
        """The piece with its first `shown` items."""
        left_out = len(self.items) - shown
        items = [*self.items[:shown], *([f"… {left_out} more"] if left_out else [])]
        return " ".join(text for text in (self.label, self.separator.join(items)) if text)

    def fitted(self, width: int) -> str:
        """The piece in `width` columns: items are left out from the end, and the last one is cut if it must be."""
        for shown in range(len(self.items), 0, -1):
            text = self.text(shown)
            if len(text) <= width:
                return text
        text = self.text(min(1, len(self.items)))
        return text if len(text) <= width else text[: width - 1] + "…"


@dataclass(frozen=True, slots=True)
class Line:
    """One node: its kind, parts after the colon (set apart by semicolons), what ends its first line, its inputs."""

    kind: str
    parts: tuple[Part, ...]
    inputs: tuple[Line, ...] = ()
    suffix: str = ""

    def texts(self, width: int) -> list[str]:
        """The node in lines of at most `width` columns: parts that do not fit beside others get a line of their own."""
        parts = [part for part in self.parts if part.label or part.items]
        first = width - len(self.suffix)
        lines = [f"{self.kind}: " if parts else self.kind]
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            room = (first if len(lines) == 1 else width) - (0 if last else 1)
            separator = " " if number and lines[-1] else ""
            text = part.text(len(part.items))
            if number and len(lines[-1]) + len(separator) + len(text) > room:
                lines.append("")
                separator, room = "", width - (0 if last else 1)
            lines[-1] += separator + part.fitted(room - len(lines[-1]) - len(separator)) + ("" if last else ";")
        lines[0] += self.suffix
        return lines


def render(line: Line, indent: str = "") -> Iterator[str]:
    """The lines of the tree under `line`."""
    yield from _render(line, indent, indent)


def _render(line: Line, first: str, below: str) -> Iterator[str]:
    """`first` stands before the node's first line, `below` before all others of its tree."""
    more = below + ("│    " if line.inputs else "     ")
    texts = line.texts(WIDTH - len(more))
    yield first + texts[0]
    yield from (more + text for text in texts[1:])
    for number, child in enumerate(line.inputs):
        last = number == len(line.inputs) - 1
        branch, continued = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _render(child, below + branch, below + continued)
