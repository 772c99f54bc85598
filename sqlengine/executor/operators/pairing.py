"""What every join does with candidate pairs of rows: conditions, outer rows, delivery.

::

    candidates          conditions        LEFT delivers
    probe  build        true?             probe  build
    0      4            yes          ->   0      4
    1      4            no                1      NULL
    1      5            no                2      NULL
    (2 has none)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sqlengine.batch import Batch
from sqlengine.executor.evaluate import Evaluator
from sqlengine.executor.operators.buffer import null_columns
from sqlengine.planner.expressions import Column, Expression
from sqlengine.planner.logical_joins import JoinKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Mask = NDArray[np.bool_]


class Pairing:
    """Turns candidate pairs into the join's output, and remembers which build rows found a partner.

    Parameters
    ----------
    kind
        As seen from the probe side.
    probe_columns
        Columns of the probe side, for the NULLs beside unmatched build rows.
    build
        All rows of the build side.
    conditions
        What must be true of a candidate pair.
    columns
        What is delivered, in order.
    """

    def __init__(
        self,
        kind: JoinKind,
        probe_columns: Sequence[Column],
        build: Batch,
        conditions: Sequence[Expression],
        columns: Sequence[Column],
    ) -> None:
        self._kind = kind
        self._build = build
        self._conditions = Evaluator(conditions) if conditions else None
        self._delivered = [column.id for column in columns]
        wanted = set(self._delivered)
        self._probe_columns = [column for column in probe_columns if column.id in wanted]
        self._build_columns = [column for column in columns if column.id in build.ids]
        keeps_build = kind in (JoinKind.RIGHT, JoinKind.FULL)
        self._seen: Mask | None = np.zeros(build.length, np.bool_) if keeps_build else None

    def satisfying(self, probe: Batch, probe_rows: Rows, build_rows: Rows) -> tuple[Rows, Rows]:
        """The candidate pairs of which all conditions are true."""
        if self._conditions is None or not len(probe_rows):
            return probe_rows, build_rows
        kept = self._conditions.passing(_paired(probe, probe_rows, self._build, build_rows))
        if kept is None:
            return probe_rows, build_rows
        return probe_rows.take(kept), build_rows.take(kept)

    def joined(
        self, probe: Batch, start: int, stop: int, probe_rows: Rows, build_rows: Rows, batch_rows: int
    ) -> Iterator[Batch]:
        """Output for the probe rows [start, stop), of which these are all the satisfying pairs, by probe row."""
        if self._seen is not None:
            self._seen[build_rows] = True
        if self._kind in (JoinKind.LEFT, JoinKind.FULL):
            probe_rows, build_rows = _with_unmatched(start, stop, probe_rows, build_rows)
        for first in range(0, len(probe_rows), batch_rows):
            part = slice(first, first + batch_rows)
            yield _paired(probe, probe_rows[part], self._build, build_rows[part]).select(self._delivered)

    def filtered(self, probe: Batch, matched: Mask) -> Iterator[Batch]:
        """Output of SEMI (rows that are matched) or ANTI (the others)."""
        kept = probe.filter(matched if self._kind is JoinKind.SEMI else ~matched)
        if kept.length:
            yield kept.select(self._delivered)

    def unmatched(self, probe: Batch) -> Batch:
        """Output for probe rows none of which has a partner, of a kind that keeps them."""
        if self._kind is JoinKind.ANTI:
            return probe.select(self._delivered)
        return probe.with_columns(null_columns(self._build_columns)).select(self._delivered)

    def rest(self, batch_rows: int) -> Iterator[Batch]:
        """For RIGHT and FULL, the build rows without a partner; to be asked after all probe rows."""
        if self._seen is None:
            return
        rows = np.flatnonzero(~self._seen)
        nulls = null_columns(self._probe_columns)
        for start in range(0, len(rows), batch_rows):
            batch = self._build.take(rows[start : start + batch_rows])
            yield batch.with_columns(nulls).select(self._delivered)


def _paired(probe: Batch, probe_rows: Rows, build: Batch, build_rows: Rows) -> Batch:
    """The rows side by side; build row -1 is a row of NULLs."""
    left = probe if _is_every_row(probe_rows, probe.length) else probe.take(probe_rows)
    # Rows come sorted by probe row, so a miss can be anywhere.
    may_miss = bool(len(build_rows)) and int(build_rows.min()) < 0
    return left.merged(build.take(build_rows, may_miss))


def _is_every_row(rows: Rows, length: int) -> bool:
    """Whether `rows` is 0, 1, … length - 1: then the batch itself can be delivered, and nothing is gathered."""
    if len(rows) != length or (length and (rows[0] != 0 or rows[-1] != length - 1)):
        return False
    return bool(np.array_equal(rows, np.arange(length)))


def _with_unmatched(start: int, stop: int, probe_rows: Rows, build_rows: Rows) -> tuple[Rows, Rows]:
    """The pairs and, in its place, (row, -1) for each row of [start, stop) that is in none."""
    partners = np.bincount(probe_rows - start, minlength=stop - start)
    lines = np.maximum(partners, 1)
    all_rows = np.repeat(np.arange(start, stop), lines)
    all_build = np.full(len(all_rows), -1, np.int64)
    all_build[np.repeat(partners > 0, lines)] = build_rows
    return all_rows, all_build
