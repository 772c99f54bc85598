"""Every choice of how to run something, as a pure function of estimates and settings that returns its reason.

Nothing here knows the number of workers: a plan, and so the answer to the last bit, is the same on any machine.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Final

from sqlengine.config import Settings
from sqlengine.planner.logical_joins import JoinKind

ROWS_PER_BUCKET: Final = 262_144
MIN_BUCKETS: Final = 8
MAX_BUCKETS: Final = 64
# From so many groups on, merging them in one task takes longer than dealing them out to several.
GATHERED_GROUPS: Final = 100_000
# Partial aggregation that keeps more than this fraction of its rows is work for nothing.
USELESS_REDUCTION: Final = 0.7
SMALL_ROWS: Final = 2_000_000
# A build side of so many rows is first reduced to keys of the other side, if no more than this fraction remains.
REDUCED_ROWS: Final = 200_000
# Rows from which on work that a plan holds twice is worth a stage of its own, and how many of them one kept row must
# stand for: rows are written and read again.
KEPT_ROWS: Final = 100_000
KEPT_SHRINKAGE: Final = 2
REDUCED: Final = 0.25
# From so many rows on a file is worth having: smaller ones of several tasks are brought together.
ROWS_PER_FILE: Final = 100_000
# Pairs of equal keys per input row from which on a search by an inequality is worth putting the rows in order.
SEARCHED_PAIRS: Final = 16


class JoinStrategy(enum.Enum):
    """How the two inputs of a join meet."""

    ONE_TASK = "one task"
    BROADCAST = "broadcast"
    SHUFFLE = "shuffle"


class AggregateStrategy(enum.Enum):
    """How rows of one group meet."""

    SINGLE = "single"  # they are in one task already
    PARTIAL_GATHER = "partial, gather, final"
    PARTIAL_HASH = "partial, exchange by keys, final"
    ROWS_GATHER = "gather rows, single"
    ROWS_HASH = "exchange rows by keys, single"


class WindowStrategy(enum.Enum):
    """How rows of one partition meet."""

    IN_PLACE = "they are in one task already"
    GATHER = "gather rows"
    HASH = "exchange rows by keys"


class WriteStrategy(enum.Enum):
    """How rows meet that go to one file, or one partition of files."""

    IN_PLACE = "every task writes its rows"
    PARTS = "every task writes a part of the file"
    GATHER = "gather rows"
    HASH = "exchange rows by partition"


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one input of a join: estimated rows and bytes, and its number of tasks."""

    rows: float
    bytes: float
    tasks: int


def should_reduce(kind: JoinKind, left: Side, right: Side, met: float) -> bool:
    """Whether to look the right side up in the left one's keys before a join that must build of the right side.

    `met` is the fraction of the right side's keys that the left side can have.
    """
    kept = kind in (JoinKind.SEMI, JoinKind.ANTI, JoinKind.LEFT)
    return kept and met <= REDUCED and right.rows >= REDUCED_ROWS and left.rows < right.rows * REDUCED


def should_keep(scanned: float, rows: float) -> bool:
    """Whether what is made of `scanned` rows, and wanted more than once, is kept rather than made again."""
    return scanned >= KEPT_ROWS and rows * KEPT_SHRINKAGE <= scanned


def choose_buckets(rows: float, settings: Settings) -> int:
    """Buckets of a hash exchange of about `rows` rows."""
    forced = settings.get_optional_int("shuffle_buckets")
    if forced is not None:
        return forced
    return min(MAX_BUCKETS, max(MIN_BUCKETS, math.ceil(rows / ROWS_PER_BUCKET)))


def choose_ranges(rows: float, settings: Settings) -> int:
    """Ranges, and so files, of about `rows` sorted rows."""
    forced = settings.get_optional_int("shuffle_buckets")
    return forced or min(MAX_BUCKETS, max(1, math.ceil(rows / ROWS_PER_BUCKET)))


def should_build_left(kind: JoinKind, left: Side, right: Side) -> bool:
    """Whether the left input becomes the build side: of an inner join the smaller one, of RIGHT always.

    LEFT, SEMI and ANTI probe with the side they keep; so does RIGHT, which thereby becomes a LEFT.
    """
    return kind is JoinKind.RIGHT or (kind is JoinKind.INNER and left.bytes < right.bytes)


def needs_both_partitioned(kind: JoinKind) -> bool:
    """Whether unmatched build rows are delivered: one task must then see all probe rows of a build row."""
    return kind in (JoinKind.RIGHT, JoinKind.FULL)


def choose_join_strategy(
    kind: JoinKind, probe: Side, build: Side, has_keys: bool, settings: Settings
) -> tuple[JoinStrategy, str]:
    """How a join is run, and why; `kind` as seen from the probe side."""
    forced = settings.get_str("join_strategy")
    if probe.tasks == 1 and build.tasks == 1 and (forced != "shuffle" or not has_keys):
        return JoinStrategy.ONE_TASK, "both sides in one task"
    if not has_keys:
        if needs_both_partitioned(kind):
            return JoinStrategy.ONE_TASK, f"{kind.value} without an equality needs one task"
        return JoinStrategy.BROADCAST, "no equality to shuffle by"
    if needs_both_partitioned(kind):
        return JoinStrategy.SHUFFLE, f"{kind.value} delivers unmatched build rows"
    if forced == "broadcast":
        return JoinStrategy.BROADCAST, "forced by join_strategy"
    if forced == "shuffle":
        return JoinStrategy.SHUFFLE, "forced by join_strategy"
    limit = settings.get_int("broadcast_bytes")
    size = format_bytes(build.bytes)
    if build.bytes > limit:
        return JoinStrategy.SHUFFLE, f"{size} > {format_bytes(limit)}"
    return JoinStrategy.BROADCAST, f"{size} <= {format_bytes(limit)}"


def choose_aggregate_strategy(
    tasks: int, has_keys: bool, partitioned: bool, whole: bool, rows: float, groups: float
) -> tuple[AggregateStrategy, str]:
    """How an aggregation is run, and why.

    Parameters
    ----------
    tasks
        Tasks of the input.
    has_keys
        False: one group.
    partitioned
        Whether all rows of a group are in one task already.
    whole
        Whether some aggregate drops duplicates, or wants all rows of a group at once.
    rows, groups
        Estimates of input rows and of groups.
    """
    if tasks == 1:
        return AggregateStrategy.SINGLE, "one task"
    if partitioned:
        return AggregateStrategy.SINGLE, "input is partitioned by the keys"
    if not has_keys:
        if whole:
            return AggregateStrategy.ROWS_GATHER, "an aggregate needs all rows in one task"
        return AggregateStrategy.PARTIAL_GATHER, "one group"
    if whole:
        return AggregateStrategy.ROWS_HASH, "an aggregate needs all rows of a group in one task"
    about = f"about {format_count(groups)} groups"
    if groups > GATHERED_GROUPS and groups > USELESS_REDUCTION * rows:
        return AggregateStrategy.ROWS_HASH, f"{about} of {format_count(rows)} rows"
    if groups > GATHERED_GROUPS:
        return AggregateStrategy.PARTIAL_HASH, about
    return AggregateStrategy.PARTIAL_GATHER, about


def choose_window_strategy(tasks: int, has_keys: bool, partitioned: bool) -> tuple[WindowStrategy, str]:
    """How the rows of a window's partitions meet, and why; parameters as of `choose_aggregate_strategy`."""
    if tasks == 1:
        return WindowStrategy.IN_PLACE, "one task"
    if not has_keys:
        return WindowStrategy.GATHER, "one partition"
    if partitioned:
        return WindowStrategy.IN_PLACE, "input is partitioned by the keys"
    return WindowStrategy.HASH, "exchange rows by keys"


def choose_write_strategy(
    is_folder: bool, tasks: int, rows: float, partitions: float, part_rows: int | None
) -> tuple[WriteStrategy, str]:
    """Who writes what, and why.

    Parameters
    ----------
    partitions
        About how many folders the rows go to.
    part_rows
        The least rows of a part of a file; None: the file cannot be made of parts.
    """
    if tasks == 1:
        return WriteStrategy.IN_PLACE, "one task"
    if not is_folder and part_rows is not None and rows >= part_rows * tasks:
        return WriteStrategy.PARTS, "parts by every task"
    if not is_folder:
        return WriteStrategy.GATHER, "one task"
    if partitions > 1 and rows < ROWS_PER_FILE * tasks * partitions:
        return WriteStrategy.HASH, f"about {format_count(partitions)} partitions of {format_count(rows)} rows"
    return WriteStrategy.IN_PLACE, "files of every task"


def choose_small(scanned_bytes: int, rows: float, settings: Settings) -> tuple[bool, str]:
    """Whether a query is so small that workers would cost more than they save; `rows`: of its largest stage."""
    limit = settings.get_int("inline_bytes")
    if scanned_bytes == 0 and rows <= SMALL_ROWS:
        return True, "nothing to scan"
    if scanned_bytes > limit:
        return False, f"scans {format_bytes(scanned_bytes)} > {format_bytes(limit)}"
    if rows > SMALL_ROWS:
        return False, f"about {format_count(rows)} rows in one stage"
    return True, f"scans {format_bytes(scanned_bytes)} <= {format_bytes(limit)}"


def format_bytes(size: float) -> str:
    """`1.4 MiB`: two digits or so."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_count(rows: float) -> str:
    """`1.5M`: two digits or so, since estimates deserve no more."""
    for unit in ("", "K", "M", "G"):
        if rows < 1000:
            return f"{rows:.0f}{unit}" if rows >= 10 or not unit else f"{rows:.1f}{unit}"
        rows /= 1000
    return f"{rows:.0f}T"
