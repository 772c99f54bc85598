"""What CREATE VIEW and CREATE MACRO keep: syntax trees, bound anew wherever they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlengine.planner.source import Source


@dataclass(frozen=True, slots=True)
class View:
    """A query under a name; `column_names` rename its first columns."""

    name: str
    tree: Any
    source: Source
    column_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MacroForm:
    """One list of parameters and what the macro means for it.

    `parameters` are (name, tree of the default or None); `body` is an expression, or a query if `is_table`.
    """

    parameters: tuple[tuple[str, Any], ...]
    body: Any
    is_table: bool

    def describe(self, name: str) -> str:
        """As a user would write it."""
        shown = [each if default is None else f"{each} := …" for each, default in self.parameters]
        return f"{name}({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro: its forms differ in how many parameters they have."""

    name: str
    forms: tuple[MacroForm, ...]
    source: Source

    @property
    def is_table(self) -> bool:
        """Whether it stands in FROM."""
        return self.forms[0].is_table
