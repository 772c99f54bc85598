"""How a CSV file is written: delimiter, quoting, comments, header."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

import pyarrow.csv as pc


@dataclass(frozen=True, slots=True)
class Dialect:
    """The grammar of a CSV file.

    Attributes
    ----------
    quote, escape
        One character, or '' for none. Within quotes, `escape` (by default the quote itself) makes the next
        quote an ordinary character.
    comment
        The character that begins a comment, up to the end of the line; '' for none.
    header
        Whether the first record holds names.
    skip
        Lines before the header or the first record.
    nulls
        The texts that mean NULL, quoted or, unless `quoted_nulls`, not quoted only.
    pads
        Whether a record may have too few fields; those that are missing are NULL.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    comment: str = ""
    header: bool = True
    skip: int = 0
    nulls: tuple[str, ...] = ("",)
    quoted_nulls: bool = True
    encoding: str = "utf8"
    pads: bool = False

    @property
    def doubles(self) -> bool:
        """Whether a quote within quotes is written twice, if at all."""
        return self.escape in ("", self.quote)

    @property
    def can_be_cut(self) -> bool:
        """Whether record ends can be found from the quotes in the bytes of the file alone."""
        return self.doubles and not self.comment and self.encoding != "utf-16"

    def parse_options(self, columns: int, on_ragged: Any = None) -> pc.ParseOptions:
        """For Arrow's reader of files with `columns` columns.

        An empty line is no record, except that it is a NULL where there is one column only (as in DuckDB).
        """
        return pc.ParseOptions(
            delimiter=self.delimiter,
            quote_char=self.quote or False,
            double_quote=bool(self.quote) and self.doubles,
            escape_char=False if self.doubles else self.escape,
            newlines_in_values=bool(self.quote),
            ignore_empty_lines=columns > 1,
            invalid_row_handler=on_ragged,
        )

    def reader(self, lines: Any) -> Any:
        """Python's `csv.reader` over an iterable of lines, for heads of files."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=self.doubles,
            escapechar=None if self.doubles else self.escape,
        )
