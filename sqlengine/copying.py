"""COPY … TO: run the plan that writes, then give its files their names."""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sqlengine.result import Result, ResultColumn
from sqlengine.storage.output_files import FileToPublish, OutputFile, output_errors
from sqlengine.storage.staging import Staging
from sqlengine.storage.writing_formats import find_writing_format
from sqlengine.types import BIGINT, BOOLEAN, INTEGER_KINDS, VARCHAR, TypeKind, list_of

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.batch import Batch
    from sqlengine.config import Settings
    from sqlengine.executor.context import QueryContext
    from sqlengine.planner.expressions import Literal
    from sqlengine.planner.logical import Node
    from sqlengine.planner.physical import PhysicalPlan
    from sqlengine.planner.physical_write import WriteSpec
    from sqlengine.planner.statements import CopyTo

#: Values that are looked at to find out how a sort key is spread.
_SAMPLED = 20_000
#: Kinds of keys whose values are literals of a plan.
_RANGED = frozenset(INTEGER_KINDS) | {
    TypeKind.VARCHAR,
    TypeKind.FLOAT,
    TypeKind.DOUBLE,
    TypeKind.DECIMAL,
    TypeKind.DATE,
    TypeKind.TIMESTAMP,
}

#: What a task tells of a file: the folder within the target, where the file is, its rows.
_Told = tuple[str, str, int]


def range_bounds(
    plan: Node, write: WriteSpec, settings: Settings, run: Callable[[Node], pa.Table] | None
) -> tuple[Literal, ...]:
    """Where to cut the rows of a sorted plan into ranges of about equal size, one a file; nothing if they are few.

    A sample of the first sort key, about `_SAMPLED` values, is taken by running a query for it (what Dask's set_index
    does, too). Where the cuts are has no influence on the rows or on their order. Without `run` the bounds are NULL: as
    many as there would be, for EXPLAIN.
    """
    from sqlengine.planner.choices import choose_ranges
    from sqlengine.planner.expressions import Call, Column, Literal, SortKey
    from sqlengine.planner.logical import Filter, Project, Sort
    from sqlengine.planner.lower_write import is_scan, sorted_by, writes_in_parts
    from sqlengine.planner.rewriting import next_column_id
    from sqlengine.planner.statistics import Estimator

    sort = sorted_by(plan)
    if sort is None or not writes_in_parts(write) or write.partition_names:
        return ()
    if not write.is_folder and not is_scan(sort.input):
        # What is below the sort would be computed twice, for no more than a faster sort.
        return ()
    first = sort.keys[0]
    if first.expression.type.kind not in _RANGED or first.expression.type.is_nested:
        return ()
    rows = Estimator(plan).rows(sort.input)
    ranges = choose_ranges(rows, settings)
    if ranges == 1:
        return ()
    if run is None:
        return (Literal(None, first.expression.type),) * (ranges - 1)
    key = Column(next_column_id(plan), "key", first.expression.type)
    step = Literal(max(1, int(rows / _SAMPLED)), BIGINT)
    keys = Project(sort.input, (key,), (first.expression,))
    sample = Filter(keys, Call("__one_in", (key, step), BOOLEAN))
    values = run(Sort(sample, (SortKey(key, first.descending, first.nulls_first),))).column(0).drop_null()
    places = [len(values) * number // ranges for number in range(1, ranges)] if len(values) else []
    return tuple(Literal(value, key.type) for value in dict.fromkeys(_python_values(values.take(places))))


def _python_values(values: pa.ChunkedArray) -> Iterator[object]:
    """Those that Python has: its years are 1 to 9999."""
    for value in values:
        with contextlib.suppress(OverflowError, ValueError):
            yield value.as_py()


def publish(
    copy: CopyTo, staging: Staging, plan: PhysicalPlan, batches: Iterable[Batch], context: QueryContext
) -> Result:
    """Wait for the tasks, whose files `batches` tell of, and publish these in the order of the tasks, or joined.

    Returns
    -------
    Result
        The number of rows, with RETURN_FILES the names of the files too.
    """
    from sqlengine.executor.operators.write import write_nothing
    from sqlengine.planner.physical_write import WriteExec

    told = list(_told(plan, batches))
    rows = sum(count for _, _, count in told)
    root = plan.result.root
    assert isinstance(root, WriteExec)
    if root.is_part or (not told and not copy.write.partition_names):
        (head,) = _told(plan, [write_nothing(root)])
        told = [_joined(copy.write, head, told, context)] if root.is_part else [head]
    with staging.naming([path for _, path, _ in told]):
        files = list(_places(copy, staging, told))
        staging.publish(files, context.check)
    if not copy.returns_files:
        return Result.from_count(rows)
    import pyarrow as pa

    names = [f"{copy.target.rstrip('/')}/{file.place}" if file.place else copy.target for file in files]
    columns = [ResultColumn("Count", BIGINT), ResultColumn("Files", list_of(VARCHAR))]
    arrays = [pa.array([rows], pa.int64()), pa.array([names], pa.list_(pa.string()))]
    return Result(columns, pa.Table.from_arrays(arrays, names=["Count", "Files"]))


def _told(plan: PhysicalPlan, batches: Iterable[Batch]) -> Iterator[_Told]:
    folder, file, rows, _ = (column.id for column in plan.result.root.columns)
    for batch in batches:
        columns = [batch.column(each).expand(batch.length).arrow().to_pylist() for each in (folder, file, rows)]
        yield from zip(*columns, strict=True)


def _joined(write: WriteSpec, head: _Told, parts: Sequence[_Told], context: QueryContext) -> _Told:
    """The file that `parts` become, which are gone then."""
    joining = find_writing_format(write.format).joining
    assert joining is not None
    file = OutputFile(write.folder, write.target)
    try:
        with output_errors(write.target):
            joining.join(head[1], [path for _, path, _ in parts], dict(write.options), file.stream, context.check)
        file.finish()
    except BaseException:
        file.abandon()
        raise
    return "", file.path, sum(count for _, _, count in parts)


def _places(copy: CopyTo, staging: Staging, told: Sequence[_Told]) -> Iterator[FileToPublish]:
    """The place of each file: numbers go up in each folder, past those that are taken, and sort as the files do."""
    numbers: Counter[str] = Counter()
    digits = {folder: len(str(count - 1)) for folder, count in Counter(folder for folder, _, _ in told).items()}
    for folder, path, _ in told:
        if not copy.write.is_folder:
            yield FileToPublish(path, "")
            continue
        while True:
            number = numbers[folder]
            numbers[folder] += 1
            shown = str(number).zfill(digits[folder])
            name = copy.pattern.replace("{i}", shown).replace("{uuid}", str(uuid.uuid4())) + copy.extension
            place = f"{folder}/{name}" if folder else name
            if not staging.taken(place):
                break
        yield FileToPublish(path, place)
