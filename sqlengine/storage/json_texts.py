"""Dates, times, UUIDs and whole numbers that JSON holds as strings: which type they are, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sqlengine.errors import ConversionError
from sqlengine.functions.casts import cast
from sqlengine.functions.date_parsing import read_moments
from sqlengine.functions.nested_casts import cast_nested
from sqlengine.functions.validity import null_vector
from sqlengine.storage.json_options import JsonOptions
from sqlengine.types import BIGINT, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, UUID, VARCHAR, SqlType, TypeKind
from sqlengine.vector import Vector

# Preferred first: where several fit, days come before months.
DATE_FORMATS: Final = ("%y-%m-%d", "%Y-%m-%d", "%d-%m-%y", "%d-%m-%Y", "%m-%d-%y", "%m-%d-%Y")
TIMESTAMP_FORMATS: Final = (
    "%Y-%m-%dT%H:%M:%S",
    "%y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d-%m-%y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%m-%d-%y %I:%M:%S %p",
    "%m-%d-%Y %I:%M:%S %p",
    "%Y-%m-%d %H:%M:%S.%f",
)

_PATTERNS: Final[dict[SqlType, str]] = {
    UUID: r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    TIMESTAMPTZ: r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[-+]\d{2}(:?\d{2})?)$",
    TIME: r"^\s*\d{1,2}:(\d{2}|\d{1,2}:\d{1,2}(\.\d+)?)\s*$",
    BIGINT: r"^\s*-?(0|[1-9]\d*)\s*$",
}
# Of texts in guessed formats: no years before Christ, no nanoseconds; and four digits where the year has a century.
_MOMENT: Final = r"^\s*\d[^.]*(\.\d{1,6}\s*)?$"
_CENTURY: Final = r"(^|\D)\d{4}(\D|$)"
# What Arrow's cast reads as the format would.
_PLAIN: Final[dict[str, str]] = {
    "%Y-%m-%d": r"^\d{4}-\d{2}-\d{2}$",
    "%Y-%m-%d %H:%M:%S": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$",
    "%Y-%m-%dT%H:%M:%S": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$",
    "%Y-%m-%d %H:%M:%S.%f": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{1,6}$",
}


class TextGuess:
    """The types that all texts seen could be of; begins with all there are.

    Dates and timestamps are guessed by their formats, one of which must fit all texts of a path.
    """

    __slots__ = ("_candidates", "_given", "formats")

    def __init__(self, options: JsonOptions) -> None:
        self._candidates = [TIME, TIMESTAMPTZ, UUID]
        if options.convert_strings_to_integers:
            self._candidates.insert(0, BIGINT)
        given = declared_formats(options)
        self._given = given
        self.formats: dict[SqlType, list[str]] = {
            DATE: list(given.dates or DATE_FORMATS),
            TIMESTAMP: list(given.timestamps or TIMESTAMP_FORMATS),
        }

    def add(self, texts: Iterable[str]) -> None:
        """Drop what does not fit all of `texts`."""
        array = pa.array(list(texts), pa.string())
        # One text rules out most.
        for part in (array[:1], array):
            self._candidates = [type_ for type_ in self._candidates if _is_of(part, type_)]
            for type_, formats in self.formats.items():
                guessed = not self._given.of(type_)
                self.formats[type_] = [format_ for format_ in formats if _is_in(part, format_, guessed)]

    def merged(self, other: TextGuess) -> TextGuess:
        """What both guesses leave."""
        self._candidates = [type_ for type_ in self._candidates if type_ in other._candidates]
        self.keep(format_ for formats in other.formats.values() for format_ in formats)
        return self

    def keep(self, formats: Iterable[str]) -> None:
        """Drop all formats but these."""
        kept = set(formats)
        self.formats = {type_: [one for one in ours if one in kept] for type_, ours in self.formats.items()}

    def type(self) -> SqlType:
        """The guess."""
        found = [type_ for type_, formats in self.formats.items() if formats] + self._candidates
        return next((type_ for type_ in _ORDER if type_ in found), VARCHAR)


_ORDER: Final = (BIGINT, TIME, DATE, TIMESTAMP, TIMESTAMPTZ, UUID)


def agree(guesses: Sequence[TextGuess]) -> Formats:
    """The formats in which the dates and timestamps of all paths are read, each text in the one that it has.

    So no two may be for texts that look the same: of 03-04-2020 with days first and 03-31-2020 with months first, those
    of the path whose format is preferred less remain texts.
    """
    chosen: dict[SqlType, dict[str, str]] = {DATE: {}, TIMESTAMP: {}}
    for guess in guesses:
        for type_, formats in guess.formats.items():
            if formats:
                look = re.sub("%[dmy]", "%m", formats[0])
                both = {formats[0], chosen[type_].get(look, formats[0])}
                chosen[type_][look] = min(both, key=_rank)
    dates, timestamps = (tuple(sorted(chosen[type_].values(), key=_rank)) for type_ in (DATE, TIMESTAMP))
    agreed = Formats(dates, timestamps)
    for guess in guesses:
        guess.keep((*agreed.dates, *agreed.timestamps))
    return agreed


@dataclass(frozen=True, slots=True)
class Formats:
    """How texts are read as dates and timestamps: in strptime formats; where there are none, as CAST does."""

    dates: tuple[str, ...] = ()
    timestamps: tuple[str, ...] = ()

    def of(self, type_: SqlType) -> tuple[str, ...]:
        """The formats of a type."""
        return self.dates if type_ == DATE else self.timestamps if type_ == TIMESTAMP else ()

    def cast(self, vector: Vector, target: SqlType, attempt: bool = False) -> Vector:
        """`functions.casts.cast`, but for texts that formats are for, and for what is to be NULL only.

        Raises
        ------
        ConversionError
            A value does not fit, or is in none of the formats, unless `attempt`.
        """
        if target.kind is TypeKind.NULL:
            return null_vector(target, [vector])
        formats = self.of(target)
        if vector.type.kind is not TypeKind.VARCHAR or not formats:
            # Casts of nested values come back here for what is in them.
            return (
                cast_nested(vector, target, attempt, self.cast)
                if _holds_texts(vector, target)
                else cast(vector, target, attempt)
            )
        array = vector.arrow()
        array = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
        plain = "|".join(_PLAIN[format_] for format_ in formats if format_ in _PLAIN)
        if plain and pc.all(pc.match_substring_regex(array, plain), min_count=0).as_py():
            return cast(vector, target, attempt)
        missing = ~np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
        words, read = np.zeros(len(array), np.int64), missing
        for format_ in formats:
            if read.all():
                break
            moments, fits = read_moments(array, format_)
            words = np.where(fits & ~read, moments, words)
            read = read | fits
        if not read.all() and not attempt:
            text = array[int((~read).argmax())].as_py()
            raise ConversionError(f"'{text}' is not in the format {' or '.join(formats)}")
        valid = read & ~missing
        return cast(Vector.from_values(words, None if valid.all() else valid, TIMESTAMP), target, attempt)


def declared_formats(options: JsonOptions) -> Formats:
    """The formats that the options name."""
    dates, timestamps = options.date_format, options.timestamp_format
    return Formats((dates,) if dates else (), (timestamps,) if timestamps else ())


def _rank(format_: str) -> int:
    """How much a format is preferred; those of options are not compared."""
    known = DATE_FORMATS + TIMESTAMP_FORMATS
    return known.index(format_) if format_ in known else 0


def _is_of(array: pa.Array, type_: SqlType) -> bool:
    if not pc.all(pc.match_substring_regex(array, _PATTERNS[type_])).as_py():
        return False
    try:
        cast(Vector(VARCHAR, array), type_)
    except ConversionError:
        return False
    return True


def _is_in(array: pa.Array, format_: str, guessed: bool) -> bool:
    if guessed and not pc.all(pc.match_substring_regex(array, _MOMENT)).as_py():
        return False
    if guessed and "%Y" in format_ and not pc.all(pc.match_substring_regex(array, _CENTURY)).as_py():
        return False
    return bool(read_moments(array, format_)[1].all())


def _holds_texts(vector: Vector, target: SqlType) -> bool:
    return vector.type.is_nested and target.is_nested and vector.type != target
