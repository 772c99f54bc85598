"""How a CSV file is written: delimiter, quoting, header; given by options or guessed from its first lines."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow.csv as pc

from sqlengine.errors import SettingError

# In order of preference when several fit equally well.
DELIMITERS: Final = (",", "|", ";", "\t")

# Encodings in which delimiters, quotes and line ends are single ASCII bytes, so that files can be cut.
ENCODINGS: Final[dict[str, str]] = {
    "utf-8": "utf8",
    "utf8": "utf8",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "cp1252": "cp1252",
    "windows-1252": "cp1252",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """The grammar of a CSV file.

    Attributes
    ----------
    quote, escape
        One character, or '' for none. Within quotes, `escape` (by default the quote itself) makes the next
        quote an ordinary character.
    header
        Whether the first record holds names.
    skip
        Lines before the header or the first record.
    null
        The text that means NULL, quoted or not.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    header: bool = True
    skip: int = 0
    null: str = ""
    encoding: str = "utf8"

    @property
    def can_be_cut(self) -> bool:
        """Whether record ends can be found from quotes alone."""
        return self.escape in ("", self.quote)

    def parse_options(self, columns: int) -> pc.ParseOptions:
        """For Arrow's reader of files with `columns` columns.

        An empty line is no record, except that it is a NULL where there is one column only (as in DuckDB).
        """
        return pc.ParseOptions(
            delimiter=self.delimiter,
            quote_char=self.quote or False,
            double_quote=bool(self.quote) and self.can_be_cut,
            escape_char=False if self.can_be_cut else self.escape,
            newlines_in_values=bool(self.quote),
            ignore_empty_lines=columns > 1,
        )

    def reader(self, lines: Any) -> Any:
        """Python's `csv.reader` over an iterable of lines, for heads of files and for explaining failures."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=self.can_be_cut,
            escapechar=None if self.can_be_cut else self.escape,
        )


def dialect_from_options(options: Mapping[str, object], heads: Sequence[str]) -> Dialect:
    """The dialect that `options` state; the delimiter, if not stated, guessed from `heads` (see `guess_delimiter`).

    `header` is left True where `options` do not say.

    Raises
    ------
    SettingError
        If an option has an unfit value.
    """
    quote = _character(options, "quote", '"')
    escape = _character(options, "escape", quote)
    skip = options.get("skip", 0)
    if not isinstance(skip, int) or skip < 0:
        raise SettingError(f"option 'skip' takes a number of lines, not {skip!r}")
    encoding = str(options.get("encoding", "utf-8")).lower()
    if encoding not in ENCODINGS:
        raise SettingError(f"option 'encoding' takes one of {', '.join(ENCODINGS)}; not {encoding!r}")
    given = [name for name in ("delim", "sep", "delimiter") if name in options]
    if len(given) > 1:
        raise SettingError(f"options {' and '.join(map(repr, given))} say the same; give one of them")
    delimiter = _character(options, given[0], ",") if given else guess_delimiter(heads, quote)
    if not delimiter:
        raise SettingError(f"option {given[0]!r} takes one character")
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        header=options.get("header") is not False,
        skip=skip,
        null=str(options.get("nullstr", "")),
        encoding=ENCODINGS[encoding],
    )


def guess_delimiter(heads: Sequence[str], quote: str) -> str:
    """The delimiter that cuts the records of all `heads` into equally many fields, most of them if several do.

    Parameters
    ----------
    heads
        The first complete lines of some files.
    """
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        dialect = Dialect(delimiter=delimiter, quote=quote, escape=quote)
        counts = Counter(len(row) for head in heads for row in dialect.reader(io.StringIO(head, newline="")) if row)
        if not counts:
            continue
        width, rows = max(counts.items(), key=lambda item: (item[1], item[0]))
        if width > 1 and (score := (rows / counts.total(), width)) > best_score:
            best, best_score = delimiter, score
    return best


def _character(options: Mapping[str, object], name: str, default: str) -> str:
    value = options.get(name, default)
    if not isinstance(value, str) or len(value) > 1 or not value.isascii() or value in ("\n", "\r"):
        raise SettingError(f"option {name!r} takes one ASCII character, not {value!r}")
    return value
