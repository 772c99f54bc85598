"""Results as a box on the terminal: names, types, rows; what does not fit is elided, and said to be.

::

    ┌────┬─────────┐
    │ id │  name   │
    │int │ varchar │
    ├────┼─────────┤
    │  1 │ Berlin  │
    │  · │ ·       │
    │ 99 │ 東京    │
    └────┴─────────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from sqlengine.repl.text import text_column

_ELLIPSIS: Final = "…"
_DOT: Final = "·"
# No column is cut below this to make others fit; rather, columns in the middle are left out.
_NARROWEST: Final = 8
_DIM: Final = ("\x1b[2m", "\x1b[22m")
_BOLD: Final = ("\x1b[1m", "\x1b[22m")


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn table: its text, and how much of the result it shows."""

    text: str
    shown_rows: int
    shown_columns: int


@dataclass(frozen=True, slots=True)
class _Column:
    """Cells of one column, ready to draw: `name`, `type`, then the rows. None is NULL."""

    name: str
    type: str
    cells: list[str | None]
    right: bool
    width: int


def draw(
    table: pa.Table,
    types: Sequence[str],
    *,
    max_rows: int | None,
    width: int | None,
    null: str = "NULL",
    color: bool = False,
) -> Box:
    """Draw `table`.

    Parameters
    ----------
    table
        The result, of any size: only the rows shown are formatted.
    types
        The SQL type of each column, shown below its name.
    max_rows
        Rows shown; of more, the first and the last half are. None: all.
    width
        Columns of the terminal. None: unlimited.
    null
        How NULL is shown.
    color
        Whether to use ANSI escape sequences.
    """
    cut = max_rows is not None and table.num_rows > max_rows
    head = (max_rows + 1) // 2 if cut and max_rows is not None else table.num_rows
    tail = max_rows - head if cut and max_rows is not None else 0
    shown = pa.concat_tables([table.slice(0, head), table.slice(table.num_rows - tail)]) if cut else table
    columns = [
        _column(field.name, type_name, shown.column(position), field.type, head if cut else None, null)
        for position, (field, type_name) in enumerate(zip(table.schema, types, strict=True))
    ]
    fitted = columns if width is None else _fit(columns, width)
    shown_columns = len(columns) if len(fitted) == len(columns) else len(fitted) - 1
    return Box(_draw(fitted, null, color), shown.num_rows, shown_columns)


def printable(text: str) -> str:
    """The text on one line, with control characters (which could command the terminal) made visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def cell_width(text: str) -> int:
    """Terminal columns the text takes: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    from prompt_toolkit.utils import get_cwidth

    return int(get_cwidth(text))


def _escape(character: str) -> str:
    # Joiners and direction marks belong to the text; blanks of all kinds look like blanks.
    if character.isspace() and character not in "\n\r\t\v\f":
        return " "
    return character.encode("unicode_escape").decode()


def _column(
    name: str, type_name: str, values: pa.ChunkedArray, kind: pa.DataType, dots_at: int | None, null: str
) -> _Column:
    is_ = pa.types
    right = is_.is_integer(kind) or is_.is_floating(kind) or is_.is_decimal(kind)
    cells: list[str | None] = []
    for chunk in values.chunks:
        cells += [None if cell is None else printable(cell) for cell in text_column(chunk).to_pylist()]
    if dots_at is not None:
        cells.insert(dots_at, _DOT)
    name = printable(name)
    width = max(cell_width(text) for text in [name, type_name, *(null if cell is None else cell for cell in cells)])
    return _Column(name, type_name, cells, right, width)


def _fit(columns: list[_Column], width: int) -> list[_Column]:
    """Columns that fit into `width`: the widest are cut first; if that is not enough the middle ones go."""
    count = len(columns)
    kept = columns
    while count > 1 and _total(min(column.width, _NARROWEST) for column in kept) > width:
        count -= 1
        left = (count + 1) // 2
        dots = _Column(_ELLIPSIS, "", [_ELLIPSIS] * len(columns[0].cells), False, 1)
        kept = [*columns[:left], dots, *columns[len(columns) - count + left :]]
    widths = [column.width for column in kept]
    while (excess := _total(widths) - width) > 0 and max(widths) > _NARROWEST:
        widest = max(widths)
        at = [i for i, size in enumerate(widths) if size == widest]
        floor = max([_NARROWEST, *(size for size in widths if size < widest)])
        for i in at:
            widths[i] -= min(widest - floor, -(-excess // len(at)))
    return [replace(column, width=size) for column, size in zip(kept, widths, strict=True)]


def _total(widths: Iterable[int]) -> int:
    sizes = list(widths)
    return sum(sizes) + 3 * len(sizes) + 1


def _draw(columns: list[_Column], null: str, color: bool) -> str:
    dim, bold = (_DIM, _BOLD) if color else (("", ""), ("", ""))
    bars = ["─" * (column.width + 2) for column in columns]
    lines = [
        f"┌{'┬'.join(bars)}┐",
        _line(_styled(_centered(column.name, column.width), bold) for column in columns),
        _line(_styled(_centered(column.type, column.width), dim) for column in columns),
    ]
    body = [_styled_cells(column, null, dim) for column in columns]
    if body and body[0]:
        lines.append(f"├{'┼'.join(bars)}┤")
        lines += [_line(cells) for cells in zip(*body, strict=True)]
    lines.append(f"└{'┴'.join(bars)}┘")
    return "\n".join(lines)


def _styled_cells(column: _Column, null: str, dim: tuple[str, str]) -> list[str]:
    return [_styled(_aligned(null, column), dim) if cell is None else _aligned(cell, column) for cell in column.cells]


def _line(cells: Iterable[str]) -> str:
    return f"│ {' │ '.join(cells)} │"


def _styled(text: str, style: tuple[str, str]) -> str:
    return style[0] + text + style[1]


def _aligned(text: str, column: _Column) -> str:
    text = _cut(text, column.width)
    padding = " " * (column.width - cell_width(text))
    return padding + text if column.right else text + padding


def _centered(text: str, width: int) -> str:
    text = _cut(text, width)
    spare = width - cell_width(text)
    return " " * (spare // 2) + text + " " * (spare - spare // 2)


def _cut(text: str, width: int) -> str:
    if cell_width(text) <= width:
        return text
    kept, used = [], 1
    for character in text:
        used += cell_width(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + _ELLIPSIS


def draw_lines(table: pa.Table, null: str) -> str:
    """One `name = value` a line, records apart by a blank line: for rows wider than any terminal."""
    names = [printable(name) for name in table.column_names]
    width = max(map(cell_width, names), default=0)
    labels = [" " * (width - cell_width(name)) + name for name in names]
    columns = [
        [
            null if cell is None else printable(cell)
            for chunk in column.chunks
            for cell in text_column(chunk).to_pylist()
        ]
        for column in table.columns
    ]
    records = zip(*columns, strict=True) if columns else ()
    return "\n\n".join(
        "\n".join(f"{label} = {cell}" for label, cell in zip(labels, record, strict=True)) for record in records
    )
