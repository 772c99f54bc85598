"""Where answers go and how they look: one `Output` for the command line and the shell."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, TextIO

from sqlengine.errors import InterfaceError

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.dbapi import Cursor

# For people; everything else is for programs, and complete.
SCREEN_MODES: Final = ("table", "line")


@dataclass(slots=True)
class Output:
    """Shows answers on a stream.

    Attributes
    ----------
    stream
        Where the data go.
    notes
        Where words about the data go.
    mode
        A screen mode, or a key of `writers.WRITERS`.
    null
        How NULL is shown; None: the mode's own way.
    max_rows
        Rows a screen mode shows; None: all.
    path
        A file that takes the answers instead of `stream`; opened with the first answer.
    terminal
        Whether `stream` is a terminal: then tables are fitted to its width.
    """

    stream: IO[bytes]
    notes: TextIO
    mode: str = "table"
    null: str | None = None
    max_rows: int | None = None
    path: str | None = None
    terminal: bool = False
    _answers: int = 0

    def show(self, cursor: Cursor) -> str:
        """Write the cursor's answer, if it has one.

        Returns
        -------
        str
            What to tell the reader: number of rows, and what is not shown of them. Empty without an answer.

        Raises
        ------
        InterfaceError
            A binary format that cannot take this answer: no file, or a second answer for the file.
        OSError
            The stream or the file cannot be written.
        """
        if cursor.description is None:
            return ""
        self._answers += 1
        table = cursor.arrow()
        if self.mode in SCREEN_MODES:
            return self._show_on_screen(table, [str(column[1]) for column in cursor.description])
        from sqlengine.repl.writers import BINARY_FORMATS, WRITERS

        if self.mode in BINARY_FORMATS and (self.path is None or self._answers > 1):
            raise InterfaceError(f"{self.mode} takes one answer, into a file: give one query and -o FILE")
        write = WRITERS[self.mode]
        if self.path is None:
            write(table, self.stream, self.null or "")
            self.stream.flush()
        else:
            with open(self.path, "wb" if self._answers == 1 else "ab") as file:
                write(table, file, self.null or "")
        return _count(table.num_rows, "row")

    def _show_on_screen(self, table: pa.Table, types: list[str]) -> str:
        text, shown_rows, shown_columns = self._drawn(table, types)
        data = (text + "\n").encode() if text else b""
        if self.path is None:
            self.stream.write(data)
            self.stream.flush()
        else:
            with open(self.path, "wb" if self._answers == 1 else "ab") as file:
                file.write(data)
        note = _count(table.num_rows, "row")
        if shown_rows < table.num_rows:
            note = f"shown {shown_rows:,} of {note}"
        if shown_columns < table.num_columns:
            note += f", {shown_columns:,} of {_count(table.num_columns, 'column')}"
        return note

    def _drawn(self, table: pa.Table, types: list[str]) -> tuple[str, int, int]:
        from sqlengine.repl.box import draw, draw_lines

        if table.column_names == ["plan"] and table.num_rows == 1:
            return table.column(0)[0].as_py(), 1, 1
        null = "NULL" if self.null is None else self.null
        if self.mode == "line":
            shown = table.slice(0, self.max_rows)
            return draw_lines(shown, null), shown.num_rows, table.num_columns
        width = shutil.get_terminal_size().columns if self.terminal and self.path is None else None
        color = self.terminal and self.path is None and not os.environ.get("NO_COLOR")
        box = draw(table, types, max_rows=self.max_rows, width=width, null=null, color=color)
        return box.text, box.shown_rows, box.shown_columns


def standard_output(mode: str) -> Output:
    """An output on this process's stdout and stderr."""
    return Output(sys.stdout.buffer, sys.stderr, mode, terminal=sys.stdout.isatty())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
