"""Completion at the prompt: columns before functions before keywords, tables after FROM, paths inside quotes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from sqlengine import errors
from sqlengine.repl.commands import COMMANDS, is_command
from sqlengine.repl.statements import open_quote

if TYPE_CHECKING:
    from sqlengine.dbapi import Connection

KEYWORDS: Final = tuple(
    re.findall(
        r"\w+",
        """
        ALL AND ANTI AS ASC BETWEEN BY CASE CAST CROSS CURRENT_DATE DESC DESCRIBE DISTINCT
        ELSE END EXCEPT EXISTS EXPLAIN ANALYZE FALSE FILTER FIRST FROM FULL GROUP HAVING ILIKE
        IN INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE LIMIT NOT NULL NULLS OFFSET
        ON OR ORDER OUTER OVER PARTITION QUALIFY RIGHT SELECT SEMI SET SHOW TABLES THEN
        TRUE UNION USING VALUES WHEN WHERE WITH
        """,
    )
)

_WORD: Final = re.compile(r"[\w$]*$")
_AFTER_FROM: Final = re.compile(r"\b(?:from|join|describe)\s+[\w$\"]*$", re.IGNORECASE)
_QUALIFIER: Final = re.compile(r"""([\w$]+|"(?:[^"]|"")+")\.\w*$""")
# FROM or JOIN, the table or path, and its alias if any.
_SOURCE: Final = re.compile(
    r"""\b(?:from|join)\s+ (?P<table> '[^']+' | "[^"]+" | [\w$]+ ) (?: \s+ (?:as\s+)? (?P<alias>[a-z_]\w*) )?""",
    re.IGNORECASE | re.VERBOSE,
)
_MOST: Final = 200


class SqlCompleter(Completer):
    """Completes SQL and commands.

    Columns are looked up once a table and kept until `refresh`; a table that cannot be read has none.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._columns: dict[str, list[str]] = {}
        self._tables: list[str] | None = None
        self._functions: list[str] | None = None

    def refresh(self) -> None:
        """Look the tables up again at the next use: files may have come or gone."""
        self._tables = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Completions of the word, command or path before the cursor."""
        before = document.text_before_cursor
        if is_command(before):
            yield from self._commands(before.lstrip())
            return
        path = open_quote(before)
        if path is not None:
            yield from _paths(path)
            return
        word = _WORD.search(before)
        typed = word[0] if word else ""
        qualified = _QUALIFIER.search(before)
        if qualified:
            yield from _matching(typed, self._columns_of(document.text, qualified[1]), "column")
        elif _AFTER_FROM.search(before):
            yield from _matching(typed, self._table_names(), "table")
        elif typed or complete_event.completion_requested:
            yield from _matching(typed, self._columns_of(document.text, None), "column")
            yield from _matching(typed, self._function_names(), "function")
            yield from _matching(typed, self._table_names(), "table")
            yield from _matching(typed, KEYWORDS, "keyword")

    def _commands(self, before: str) -> Iterator[Completion]:
        word, space, argument = before[1:].partition(" ")
        if not space:
            yield from _matching(word, [name for name in COMMANDS if len(name) > 2], "command")
        elif word in ("schema", "d"):
            yield from _matching(argument, self._table_names(), "table")
        elif word == "mode":
            from sqlengine.repl.commands import shown_modes

            yield from _matching(argument, shown_modes(), "mode")
        elif word in ("read", "i", "export", "o"):
            yield from _paths(argument)

    def _table_names(self) -> list[str]:
        if self._tables is None:
            try:
                self._tables = self._connection.tables()
            except (errors.Error, OSError):
                self._tables = []
        return self._tables

    def _function_names(self) -> list[str]:
        if self._functions is None:
            from sqlengine.functions.registry import function_names

            self._functions = [name for name in function_names() if name.isidentifier()]
        return [*self._functions, *self._connection.macros()]

    def _columns_of(self, text: str, qualifier: str | None) -> list[str]:
        """Columns of the tables the text reads from; of one of them, when its name or alias is given."""
        wanted = None if qualifier is None else qualifier.strip('"').lower()
        found: dict[str, None] = {}
        for source in _SOURCE.finditer(text):
            table, alias = source["table"], source["alias"] or ""
            if wanted is None or wanted in (table.strip('"').lower(), alias.lower()):
                found.update(dict.fromkeys(self._columns_of_table(table)))
        return list(found)

    def _columns_of_table(self, table: str) -> list[str]:
        key = table.lower()
        if key not in self._columns:
            try:
                rows = self._connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
                self._columns[key] = [str(row[0]) for row in rows]
            except (errors.Error, OSError):
                # Half-typed names are no tables; they are looked up again when they are.
                return []
        return self._columns[key]


def _matching(typed: str, names: Iterable[str], kind: str) -> Iterator[Completion]:
    folded = typed.lower()
    for name in names:
        if name.lower().startswith(folded) and name != typed:
            text = name.lower() if kind == "keyword" and typed.islower() else name
            if kind in ("column", "table") and not re.fullmatch(r"[A-Za-z_]\w*", name):
                text = '"' + name.replace('"', '""') + '"'
            yield Completion(text, start_position=-len(typed), display=name, display_meta=kind)


def _paths(typed: str) -> Iterator[Completion]:
    folder, _, name = typed.rpartition("/")
    root = os.path.expanduser(folder) or ("/" if typed.startswith("/") else ".")
    try:
        with os.scandir(root) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries if entry.name.startswith(name))
    except OSError:
        return
    for entry, is_folder in found[:_MOST]:
        if name or not entry.startswith("."):
            yield Completion(entry + "/" * is_folder, start_position=-len(name), display_meta="folder" * is_folder)
