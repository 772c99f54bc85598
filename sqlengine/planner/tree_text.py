"""Trees as text: one line a node, `Kind: details`, at most 100 columns, long lists elided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Line:
    """One node: its kind, the parts after the colon (set apart by semicolons), what follows the details, its inputs."""

    kind: str
    parts: tuple[Part, ...]
    inputs: tuple[Line, ...] = ()
    suffix: str = ""

    def text(self, width: int) -> str:
        """The line in `width` columns; of all lists the longest loses items first."""
        parts = [part for part in self.parts if part.label or part.items]
        shown = [len(part.items) for part in parts]
        while True:
            details = "; ".join(part.text(count) for part, count in zip(parts, shown, strict=True))
            text = f"{self.kind}: {details}" if details else self.kind
            if len(text) + len(self.suffix) <= width:
                return text + self.suffix
            longest = max(range(len(parts)), key=lambda k: len(parts[k].text(shown[k])) if shown[k] > 1 else 0)
            if shown[longest] <= 1:
                return text[: max(0, width - len(self.suffix) - 1)] + "…" + self.suffix
            shown[longest] -= 1


def render(line: Line, indent: str = "") -> Iterator[str]:
    """The lines of the tree under `line`."""
    yield indent + line.text(WIDTH - len(indent))
    yield from _render_inputs(line.inputs, indent)


def _render_inputs(inputs: Sequence[Line], indent: str) -> Iterator[str]:
    for number, child in enumerate(inputs):
        last = number == len(inputs) - 1
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield indent + branch + child.text(WIDTH - len(indent) - len(branch))
        yield from _render_inputs(child.inputs, indent + below)
