"""CSV: RFC 4180 by default, with DuckDB's rules of what needs quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

from sqlengine.errors import SettingError
from sqlengine.storage.compressing import CODECS, compressing
from sqlengine.storage.format import Field, Options
from sqlengine.storage.joining import Concatenation, Joining
from sqlengine.storage.writing import Cells

if TYPE_CHECKING:
    import pyarrow as pa


class CsvWriting:
    r"""Writes CSV, with `\n` line ends unless `new_line` is `\r\n`.

    A value is quoted if it holds the delimiter, the quote, a line break or `#`, or if it reads the same as NULL, so
    that the two differ in the file. `force_quote` names columns all whose values are quoted, NULL aside.
    """

    name = "csv"
    endings: tuple[str, ...] = (".csv", ".tsv", ".txt")
    cells = Cells.TEXT
    options: Mapping[str, type] = {
        "header": bool,
        "delimiter": str,
        "null": str,
        "quote": str,
        "escape": str,
        "force_quote": list,
        "new_line": str,
    }
    codecs: Mapping[str, str] = CODECS
    joining: Joining | None = Concatenation({"header": False})

    def check(self, columns: Sequence[Field], options: Options) -> None:
        """See `WritingFormat.check`; any type has a text."""
        style = _Style(options)
        for name in ("quote", "escape"):
            if len(str(options.get(name, ""))) > 1:
                raise SettingError(f"option {name!r} takes one character, or none to quote nothing")
        if not 1 <= len(style.delimiter.encode()) <= 4:
            raise SettingError("option 'delimiter' takes one to four bytes")
        signs = [sign for sign in (style.delimiter, style.quote) if sign]
        if len(set(signs)) < len(signs) or "\n" in style.delimiter or "\r" in style.delimiter:
            raise SettingError("the delimiter must be another character than the quote and the end of a line")
        if style.null and any(sign in style.null for sign in (*signs, "\n", "\r")):
            raise SettingError("option 'null' takes a text without delimiter, quote or line break")
        if style.end not in ("\n", "\r\n"):
            raise SettingError(r"option 'new_line' takes '\n' or '\r\n'")
        known = {column.name.lower() for column in columns}
        for name in style.forced:
            if name != "*" and name.lower() not in known:
                raise SettingError(f"option 'force_quote' names {name!r}, which is no column")

    def writer(self, stream: IO[bytes], schema: pa.Schema, options: Options) -> CsvWriter:
        """See `WritingFormat.writer`."""
        return CsvWriter(stream, schema.names, options)


class _Style:
    def __init__(self, options: Options) -> None:
        self.header = options.get("header", True) is not False
        # Written with a backslash it is a tab, as where CSV is read.
        self.delimiter = str(options.get("delimiter", ",")).replace("\\t", "\t")
        self.end = str(options.get("new_line", "\n")).replace("\\r", "\r").replace("\\n", "\n")
        self.null = str(options.get("null", ""))
        self.quote = str(options.get("quote", '"'))
        self.escape = str(options.get("escape") or self.quote)
        forced: Any = options.get("force_quote", [])
        self.forced = [str(name) for name in forced]


class CsvWriter:
    """Writes batches of strings as lines of CSV."""

    def __init__(self, stream: IO[bytes], names: Sequence[str], options: Options) -> None:
        import pyarrow as pa

        self._style = style = _Style(options)
        self._context = compressing(stream, str(options.get("compression", "none")))
        self._stream = self._context.__enter__()
        forced = {name.lower() for name in style.forced}
        self._forced = [bool(forced & {"*", name.lower()}) for name in names]
        signs = [sign for sign in (style.delimiter, style.quote, "#", "\r", "\n") if sign]
        self._signs: Final = [sign.encode() for sign in signs]
        self._special: Final = "|".join(map(re.escape, signs))
        if style.header and names:
            header = [
                self._quoted(pa.array([name], pa.string()), force)
                for name, force in zip(names, self._forced, strict=True)
            ]
            self._write(header)

    def write(self, batch: pa.RecordBatch) -> None:
        """See `Writer.write`."""
        import pyarrow.compute as pc

        from sqlengine.storage.text_lines import slices

        for part in slices(batch):
            cells = [
                pc.fill_null(self._quoted(column, force), self._style.null)
                for column, force in zip(part.columns, self._forced, strict=True)
            ]
            self._write(cells)

    def close(self) -> None:
        """See `Writer.close`."""
        self._context.__exit__(None, None, None)

    def _write(self, cells: Sequence[pa.Array]) -> None:
        import pyarrow.compute as pc

        from sqlengine.storage.text_lines import write_lines

        write_lines(self._stream, pc.binary_join_element_wise(*cells, self._style.delimiter), self._style.end)

    def _quoted(self, text: pa.Array, force: bool) -> pa.Array:
        import pyarrow.compute as pc

        from sqlengine.storage.text_lines import content

        quote, escape = self._style.quote, self._style.escape
        if not quote:
            return text
        needed = None
        if not force:
            needed = pc.equal(text, self._style.null)
            held = bytes(content(text))
            # To look through all bytes of a column at once is cheap, and numbers and dates never hold a sign.
            if any(sign in held for sign in self._signs):
                needed = pc.or_(needed, pc.match_substring_regex(text, self._special))
            if not pc.any(needed, min_count=0).as_py():
                return text
        inside = text
        for sign in dict.fromkeys((escape, quote)):
            inside = pc.replace_substring(inside, sign, escape + sign)
        quoted = pc.binary_join_element_wise(quote, inside, quote, "")
        return quoted if needed is None else pc.if_else(needed, quoted, text)
