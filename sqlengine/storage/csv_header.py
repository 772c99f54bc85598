"""Whether CSV files start with names, and which columns they name, held against each other."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

import pyarrow as pa

from sqlengine.errors import FileFormatError, SettingError
from sqlengine.keywords import KEYWORDS
from sqlengine.storage.csv_dialect import Dialect
from sqlengine.storage.csv_options import CsvOptions
from sqlengine.storage.csv_sample import Sample, pooled
from sqlengine.storage.csv_types import guess_type
from sqlengine.types import BOOLEAN, VARCHAR, SqlType


def names_of(first: Sequence[str], dialect: Dialect, settings: CsvOptions) -> list[str]:
    """The columns of a file with the first record `first`: names from the header, trimmed; numbered without one."""
    digits = len(str(len(first) - 1))
    names = [f"column{number:0{digits}}" for number in range(len(first))]
    if dialect.header:
        names = [text.strip() or name for text, name in zip(first, names, strict=True)]
        if settings.normalize_names:
            names = [_normal(name) for name in names]
    if len(settings.names) > len(names):
        raise SettingError(f"option 'names' has {len(settings.names)} names for {len(names)} columns")
    return _distinct([*settings.names, *names[len(settings.names) :]])


def have_header(samples: Sequence[Sample], settings: CsvOptions, dialect: Dialect) -> bool:
    """Whether first records are names: a text where the column holds something else, or texts everywhere.

    Raises
    ------
    FileFormatError
        If this holds for some files only.
    """
    alone = not any(sample.rows.num_rows for sample in samples)
    alike = len({len(sample.first) for sample in samples}) == 1
    together = _types_by_position(samples, settings, dialect) if alike else []
    known: dict[str, SqlType] = {}
    verdicts = {
        sample.path: _is_header(
            sample.first, together or _types_by_position([sample], settings, dialect), settings, alone, dialect, known
        )
        for sample in samples
    }
    with_header = [path for path, verdict in verdicts.items() if verdict]
    without = [path for path, verdict in verdicts.items() if not verdict]
    if with_header and without:
        raise FileFormatError(
            f"{with_header[0]!r} seems to start with a header but {without[0]!r} does not;"
            " say which: header = true or header = false"
        )
    return bool(with_header)


def check_widths(firsts: Mapping[str, tuple[str, ...]], width: int, dialect: Dialect) -> None:
    """Refuse a file whose first record has not `width` fields."""
    reference = next((path for path, first in firsts.items() if len(first) == width), None)
    for path, first in firsts.items():
        if len(first) != width:
            expected = f"{width} as in {reference!r}" if reference else f"{width}"
            raise FileFormatError(
                f"{path!r} has {len(first)} columns, not {expected}: {', '.join(first)[:200]};"
                " rewrite it, query it as a table of its own, take columns by their names (union_by_name = true),"
                f" or say how it is written (delim = {dialect.delimiter!r} now)"
            )


def check_names(firsts: Mapping[str, tuple[str, ...]], dialect: Dialect, settings: CsvOptions) -> None:
    """Refuse a file whose header has other names than the first file's."""
    if not dialect.header or settings.columns:
        return
    reference: tuple[str, list[str]] | None = None
    # Thousands of files mostly have one and the same header.
    distinct: dict[tuple[str, ...], str] = {}
    for path, first in firsts.items():
        distinct.setdefault(first, path)
    for first, path in distinct.items():
        names = names_of(first, dialect, settings)
        if reference is None:
            reference = (path, names)
        elif [name.lower() for name in names] != [name.lower() for name in reference[1]]:
            position = next(
                k
                for k, (one, other) in enumerate(zip(names, reference[1], strict=True))
                if one.lower() != other.lower()
            )
            raise FileFormatError(
                f"files of one table disagree: column {position + 1} is {reference[1][position]!r} in {reference[0]!r}"
                f" but {names[position]!r} in {path!r}; union_by_name = true has both, NULL where a file lacks one"
            )


def in_other_order(firsts: Mapping[str, tuple[str, ...]], dialect: Dialect, settings: CsvOptions) -> bool:
    """Whether all files have the same columns, but not all in the same order."""
    orders = {tuple(name.lower() for name in names_of(first, dialect, settings)) for first in set(firsts.values())}
    return len(orders) > 1 and len({frozenset(order) for order in orders}) == 1


def _types_by_position(samples: Sequence[Sample], settings: CsvOptions, dialect: Dialect) -> list[SqlType]:
    if settings.columns:
        return list(settings.columns.values())
    width = len(samples[0].first)
    return [
        guess_type(pooled([(sample, position) for sample in samples], dialect, False), settings)[0]
        for position in range(width)
    ]


def _is_header(
    first: Sequence[str],
    types: Sequence[SqlType],
    settings: CsvOptions,
    alone: bool,
    dialect: Dialect,
    known: dict[str, SqlType],
) -> bool:
    """As `_have_header`, of one file; `alone` says that no file has more records, `known` is filled with types."""
    declared = settings.columns
    own = [_own_type(text, settings, known) for text in first]
    lowered = [text.strip().lower() for text in first]
    if declared and lowered == [name.lower() for name in declared]:
        return True
    if isinstance(settings.types, Mapping) and settings.types and set(settings.types) <= set(lowered):
        return True
    if alone and not declared:
        return all(type_ == VARCHAR for type_ in own)
    if all(type_ == VARCHAR for type_ in types):
        return not declared and all(type_ in (VARCHAR, BOOLEAN) for type_ in own)
    return any(
        # `t` over dates is a name, though it could be a BOOLEAN.
        type_ != VARCHAR and mine in (VARCHAR, BOOLEAN) and mine != type_ and text not in dialect.nulls
        for type_, mine, text in zip(types, own, first, strict=True)
    )


def _own_type(text: str, settings: CsvOptions, known: dict[str, SqlType]) -> SqlType:
    if text not in known:
        texts = pa.array([None if text in settings.nulls else text], pa.string())
        known[text] = guess_type(texts, settings)[0]
    return known[text]


def _distinct(names: Sequence[str]) -> list[str]:
    """`names` with `_1`, `_2`, … behind those that an earlier one equals, case aside, and more if that is taken, too.

    As DuckDB does with headers (not with columns of a query): a, a_1, a are a, a_1, a_1_1.
    """
    often: dict[str, int] = {}
    found = []
    for name in names:
        while name.lower() in often:
            often[name.lower()] += 1
            name = f"{name}_{often[name.lower()]}"
        often[name.lower()] = 0
        found.append(name)
    return found


def _normal(name: str) -> str:
    """A name that needs no quotes, as DuckDB makes it: letters without accents, digits, `_` for blanks."""
    plain = re.sub(r"[^a-zA-Z0-9_\s]", "", unicodedata.normalize("NFKD", name)).strip().lower()
    plain = re.sub(r"\s+", "_", plain) or "_"
    return f"_{plain}" if plain[0].isdigit() or plain in KEYWORDS else plain
