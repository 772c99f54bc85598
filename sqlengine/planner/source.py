"""Where a statement stands in the text a user typed, and where its parts stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlengine.errors import Position


@dataclass(frozen=True, slots=True)
class Source:
    """One statement of a script: characters `start` … `stop` (exclusive) of `script`.

    Positions count from the start of the script, so they hold for the whole text as typed.
    """

    script: str
    start: int
    stop: int

    @property
    def text(self) -> str:
        """The statement itself."""
        return self.script[self.start : self.stop]

    def position(self, node: Any) -> Position | None:
        """The place of a syntax-tree node: its own token, else the first token known below it.

        sqlglot remembers the tokens of names, literals and function names only.
        """
        if node is None:
            return None
        meta = node.meta if "start" in node.meta else None
        if meta is None:
            known = [part.meta for part in node.walk() if "start" in part.meta]
            if not known:
                return None
            meta = min(known, key=lambda each: int(each["start"]))
        return self.place(meta["start"], meta["end"] + 1)

    def place(self, start: int, stop: int) -> Position | None:
        """The position of the characters `start` … `stop` (exclusive) of the script."""
        # Lines are counted as `errors.render` cuts them.
        lines = (self.script[:start] + "x").splitlines()
        return Position(len(lines), len(lines[-1]), max(1, stop - start))
