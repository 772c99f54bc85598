"""Guess how CSV files are written from their first lines: delimiter, quotes, comments, junk before the header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlengine.errors import FileFormatError, SettingError
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_options import CsvOptions
from sqlengine.storage.csv_pieces import prepared

# In order of preference when several fit equally well.
DELIMITERS: Final = (",", "|", ";", "\t")

# As much of each file as the guess looks at.
_LOOKED_AT: Final = 16 << 10
_MOST_JUNK: Final = 64


def guess_dialect(options: CsvOptions, heads: Sequence[bytes]) -> Dialect:
    r"""What `options` say, the rest guessed from the first complete lines of some files; `header` is left true.

    The guess is the plain one (quote ", doubled; no comments; no junk) if there is a delimiter with which it cuts
    all records into equally many fields, at least two. Only then others are tried: a backslash as the escape, ' as the
    quote, # as the sign of comments, lines of junk before the header. Whatever then cuts all records alike is taken.

    Raises
    ------
    SettingError
        If two signs are the same.
    FileFormatError
        If lines do not end as option `new_line` says.
    """
    heads = [_shortened(head) for head in heads]
    if options.line_end is not None:
        _check_line_ends(heads, options.line_end)
    quote = '"' if options.quote is None else options.quote
    signs = [sign for sign in (options.delimiter, quote, options.comment) if sign]
    if len(set(signs)) < len(signs):
        raise SettingError(f"delimiter, quote and comment must be different signs, not {', '.join(map(repr, signs))}")
    plain = Dialect(
        quote=quote,
        escape=quote if options.escape is None else options.escape,
        comment=options.comment or "",
        header=options.header is not False,
        skip=options.skip or 0,
        nulls=options.nulls,
        quoted_nulls=options.quoted_nulls,
        encoding=options.encoding,
        pads=options.null_padding,
    )
    best, share = _with_delimiter(plain, options, heads)
    # What an option says is not guessed; and junk cannot be told where rows may be short.
    may_escape = options.escape is None and quote != ""
    escapes = may_escape and any(_has_escaped_quote(_text(head, best), best) for head in heads)
    if (share == 1 and not escapes) or not any(heads):
        return best
    others = []
    if may_escape:
        others.append(replace(plain, escape="\\"))
    if options.quote is None:
        others.append(replace(plain, quote="'", escape=options.escape or "'"))
    if options.comment is None:
        others.append(replace(plain, comment="#"))
    for other in others:
        found, share = _with_delimiter(other, options, heads)
        if share == 1:
            return found
    if options.skip is None and not options.null_padding and len(others):
        return _without_junk(best, options, heads) or best
    return best


def _with_delimiter(dialect: Dialect, options: CsvOptions, heads: Sequence[bytes]) -> tuple[Dialect, float]:
    """`dialect` with the delimiter that cuts most records into equally many fields, and the share of these.

    The share is 0 if no delimiter cuts anything.
    """
    candidates = DELIMITERS if options.delimiter is None else (options.delimiter,)
    best, best_score = replace(dialect, delimiter=candidates[0]), (0.0, 0)
    texts = [_text(head, dialect) for head in heads]
    for delimiter in candidates:
        tried = replace(dialect, delimiter=delimiter)
        counts = Counter(width for text in texts for width in _widths(text, tried) if width)
        if not counts:
            continue
        width, rows = max(counts.items(), key=lambda item: (item[1], item[0]))
        if width > 1 and (score := (rows / counts.total(), width)) > best_score:
            best, best_score = tried, score
    return best, best_score[0]


def _without_junk(dialect: Dialect, options: CsvOptions, heads: Sequence[bytes]) -> Dialect | None:
    """`dialect` skipping the lines before the first of those that are cut alike to the end, or None.

    The lines must be equally many in all files, and narrower than what follows.
    """
    for delimiter in DELIMITERS if options.delimiter is None else (options.delimiter,):
        tried = replace(dialect, delimiter=delimiter)
        found = {_junk_lines(_text(head, tried), tried) for head in heads if head}
        if len(found) == 1 and (lines := found.pop()):
            return replace(tried, skip=lines)
    return None


def _junk_lines(text: str, dialect: Dialect) -> int | None:
    """Lines before the last run of records of one width; None if there is no such run."""
    reader = dialect.reader(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    ends = [0]
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        return None
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        return None
    width, first = len(rows[-1]), len(rows)
    while first and len(rows[first - 1]) == width:
        first -= 1
    # A header and at least a record must follow; what is junk has fewer fields.
    if width < 2 or len(rows) - first < 2 or first > _MOST_JUNK or any(len(row) >= width for row in rows[:first]):
        return None
    if first and len(rows[first - 1]) == width - 1 and not any(row[-1] for row in rows[first:]):
        # Names, above rows that end with a delimiter.
        return None
    return ends[first]


def _has_escaped_quote(text: str, dialect: Dialect) -> bool:
    """Whether a quoted field closes with a quote after a backslash, and goes on all the same."""
    if "\\" + dialect.quote not in text:
        return False
    sign, separator = re.escape(dialect.quote), re.escape(dialect.delimiter)
    closed = rf"(?:\A|[\r\n{separator}]){sign}(?:[^{sign}]|{sign}{sign})*\\{sign}(?![{sign}{separator}\r\n]|\Z)"
    return re.search(closed, text) is not None


def _widths(text: str, dialect: Dialect) -> list[int]:
    try:
        return [len(row) for row in dialect.reader(io.StringIO(text, newline=""))]
    except csv.Error:
        return []


def _text(head: bytes, dialect: Dialect) -> str:
    return prepared(head, dialect, at_start=True).data.tobytes().decode(errors="replace")


def _shortened(head: bytes) -> bytes:
    if len(head) <= _LOOKED_AT:
        return head
    cut = head.rfind(b"\n", 0, _LOOKED_AT) + 1
    return head[:cut] if cut else head


def _check_line_ends(heads: Sequence[bytes], expected: str) -> None:
    for head in heads:
        found = line_end(head)
        if found not in (expected, ""):
            raise FileFormatError(
                f"lines end with {found!r}, not {expected!r} as option 'new_line' says; leave the option out"
            )


def line_end(head: bytes) -> str:
    """How the first line ends: a line feed, a carriage return, both, or '' if it does not."""
    for index, byte in enumerate(head):
        if byte == 10:
            return "\n"
        if byte == 13:
            return "\r\n" if head[index + 1 : index + 2] == b"\n" else "\r"
    return ""
