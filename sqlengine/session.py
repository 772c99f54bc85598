"""One session: settings, tables, and the whole path of a query, in `Session.run_query`."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from sqlengine.catalog import SessionCatalog
from sqlengine.config import SETTINGS, Settings, default_settings
from sqlengine.errors import (
    BindError,
    Error,
    InterfaceError,
    InternalError,
    QueryInterruptedError,
    SettingError,
    did_you_mean,
)
from sqlengine.executor.context import Progress, QueryCancelled, QueryContext
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.logical import Node
from sqlengine.planner.physical import PhysicalPlan
from sqlengine.recursion import Recursions, recursions_in, without_rows
from sqlengine.result import Result, ResultColumn
from sqlengine.storage.files.access import within
from sqlengine.storage.table import Table
from sqlengine.types import SqlType

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlengine.planner import statements as kinds
    from sqlengine.planner.parse import Statement
    from sqlengine.planner.physical_write import WriteSpec

Parameters = Sequence[object] | Mapping[str, object] | None

_query_numbers = itertools.count(1)


class Session:
    """What a connection stands on.

    Parameters
    ----------
    folder
        A folder whose files and sub-folders are tables, or None.
    changes
        Settings that differ from the defaults and the environment.
    """

    def __init__(self, folder: str | None = None, changes: Mapping[str, object] | None = None) -> None:
        self.settings: Settings = default_settings().replaced(changes or {})
        self.catalog = SessionCatalog(folder, lambda: self.settings, self._expect_work)
        if self.catalog.holds_more_than(self.settings.get_int("inline_bytes")):
            self._warm_up()
        self.catalog.all_tables = self._tables
        self.on_progress: Callable[[Progress], None] | None = None
        self._running: QueryContext | None = None
        self._prepared: dict[str, Statement] = {}
        self._variables: dict[str, tuple[SqlType, pa.Array]] = {}

    def run_script(self, sql: str, parameters: Parameters = None) -> Iterator[Result | None]:
        """Run the statements of `sql` one by one; a statement without an answer (SET) gives None."""
        from sqlengine.planner.parse import read_statements

        for statement in read_statements(sql, lambda: self.settings.get_str("dialect")):
            yield self.run(statement, parameters)

    def run(self, statement: Statement, parameters: Parameters = None) -> Result | None:
        """Run one parsed statement."""
        from sqlengine.functions.session import planning

        access = within(self.catalog.access())
        with access, planning(self.settings.values, self.settings.__getitem__, self._variables):
            return self._run(statement, parameters)

    def _run(self, statement: Statement, parameters: Parameters) -> Result | None:
        from sqlengine.planner import statements as kinds
        from sqlengine.planner.binder import bind_statement

        bound = bind_statement(statement, self.catalog, parameters, lambda query: self.run_query(query).rows())
        match bound:
            case kinds.Query(query=query):
                return self.run_query(query)
            case kinds.Explain(level=level, query=query, copy=copy):
                return Result.from_text(["plan"], [[self.explain(query, level, copy)]])
            case kinds.SetStatement(name=name, value=value):
                self.change_setting(name, value)
                return None
            case kinds.ShowStatement(name=name):
                return self.show(name)
            case kinds.ShowTables():
                return Result.from_text(["name"], [[name] for name in self.catalog.table_names()])
            case kinds.ShowAllTables():
                from sqlengine.information import all_tables

                return all_tables(self._tables())
            case kinds.Describe(columns=columns):
                rows_ = [[name, type_.nested_name, "YES", None, None, None] for name, type_ in columns]
                return Result.from_text(["column_name", "column_type", "null", "key", "default", "extra"], rows_)
            case kinds.Execute(name=name, values=values):
                prepared = self._prepared.get(name.lower())
                if prepared is None:
                    raise BindError(f'there is no prepared statement "{name}".{did_you_mean(name, self._prepared)}')
                return self.run(prepared, values)
            case _:
                return self._define(bound)

    def _define(self, bound: kinds.Definition) -> Result | None:
        """Run a statement that changes what the session knows; those that write rows answer with their number."""
        from sqlengine.planner import statements as kinds

        definitions, task_rows = self.catalog.definitions, self.settings.get_int("task_rows")
        match bound:
            case kinds.CreateView(view=view, replace=replaces, if_missing=if_missing):
                definitions.create_view(view, replaces, if_missing)
            case kinds.CreateMacro(macro=macro, replace=replaces, if_missing=if_missing):
                definitions.create_macro(macro, replaces, if_missing)
            case kinds.CreateTable(name=name, columns=columns, query=query):
                if definitions.wants_table(name, bound.replace, bound.if_missing):
                    rows = None if query is None else self.run_query(query).carried()
                    definitions.put_table(name, columns, rows, task_rows)
                    return None if rows is None else Result.from_count(rows.num_rows)
            case kinds.Insert(name=name, query=query):
                rows = self.run_query(query).carried()
                definitions.insert(name, rows, task_rows)
                return Result.from_count(rows.num_rows)
            case kinds.CopyTo():
                return self.copy(bound)
            case kinds.Drop(kind=kind, names=names, if_exists=if_exists):
                for each in names:
                    definitions.drop(kind, each, if_exists)
            case kinds.Prepare(name=name, statement=statement):
                self._prepared[name.lower()] = statement
            case kinds.Deallocate(name=name):
                if self._prepared.pop(name.lower(), None) is None:
                    raise BindError(f'there is no prepared statement "{name}".{did_you_mean(name, self._prepared)}')
            case kinds.SetVariable(name=name, query=None):
                self._variables.pop(name.lower(), None)
            case kinds.SetVariable(name=name, query=query):
                assert query is not None
                self._variables[name.lower()] = self.run_query(query).single_value()
            case kinds.Execute():
                raise InternalError("EXECUTE runs another statement")
            case _:
                assert_never(bound)
        return None

    def _tables(self) -> Iterator[tuple[str, bool, Sequence[tuple[str, SqlType]]]]:
        """(name, whether it is a view, columns) of every table; one that cannot be read has no columns."""
        for name in self.catalog.table_names():
            quoted = name.replace('"', '""')
            try:
                columns = self._columns(f'SELECT * FROM "{quoted}"', None)
            except Error:
                columns = ()
            yield name, self.catalog.view((name,)) is not None, columns

    def _columns(self, query: str, parameters: Parameters) -> Sequence[tuple[str, SqlType]]:
        from sqlengine.planner import statements as kinds
        from sqlengine.planner.binder import bind_statement
        from sqlengine.planner.parse import parse_statements

        (statement,) = parse_statements(f"DESCRIBE {query}")
        bound = bind_statement(statement, self.catalog, parameters)
        assert isinstance(bound, kinds.Describe)
        return bound.columns

    def change_setting(self, name: str, value: object) -> None:
        """Change a setting for the statements that follow; SettingError if they are locked."""
        changed = self.settings.replaced({name: value})
        if self.settings.get_bool("lock_configuration"):
            raise SettingError(f"setting {name!r} is locked, as all are (lock_configuration = true)")
        self.settings = changed
        if name.lower() == "column_cache":
            from sqlengine.storage.column_cache import COLUMNS

            COLUMNS.shrink(changed.bytes_of_memory(name))

    def show(self, name: str | None) -> Result:
        """The value of one setting, or name, value and meaning of all."""
        if name is not None:
            return Result.from_text([name], [[_shown(self.settings[name])]])
        rows = [(each.name, _shown(self.settings[each.name]), each.meaning) for each in SETTINGS.values()]
        return Result.from_text(["name", "value", "description"], rows)

    def run_query(self, query: BoundQuery) -> Result:
        """From a bound query to its answer: optimize, run its recursions, parallelize, execute, collect."""
        with _Running(self) as context:
            logical = self._optimized(query.plan)
            if recursions_in(logical):
                logical = self._recursions(context).resolve(logical)
            return self._execute(logical, query.names, context)

    def copy(self, copy: kinds.CopyTo) -> Result:
        """As `run_query`, but the last stage writes files, which appear when all of them are written."""
        return self._write(copy)[0]

    def _write(self, copy: kinds.CopyTo) -> tuple[Result, PhysicalPlan, QueryContext]:
        """The answer of a COPY, and how it came to be."""
        from sqlengine.copying import publish, range_bounds
        from sqlengine.executor.execute import execute
        from sqlengine.planner.parallelize import parallelize
        from sqlengine.storage.staging import staging_for

        target = staging_for(copy.target, copy.write.is_folder, copy.existing, copy.storage_options)
        with _Running(self) as context, target as staging:
            logical = self._recursions(context).resolve(self._optimized(copy.query.plan))
            bounds = range_bounds(logical, copy.write, self.settings, lambda part: self._run_part(part, context))
            write = replace(copy.write, bounds=bounds, folder=staging.folder)
            plan = parallelize(logical, copy.query.names, self.settings, write)
            result = publish(copy, staging, plan, execute(plan, self.settings, context), context)
        return result, plan, context

    def _optimized(self, plan: Node) -> Node:
        from sqlengine.planner.optimizer import optimize

        return optimize(plan, self.settings)

    def _execute(self, logical: Node, names: Sequence[str], context: QueryContext) -> Result:
        """Parallelize, execute, collect."""
        from sqlengine.executor.execute import execute
        from sqlengine.planner.parallelize import parallelize

        plan = parallelize(logical, names, self.settings)
        columns = plan.result.root.columns
        header = [ResultColumn(name, column.type) for name, column in zip(names, columns, strict=True)]
        return Result.from_batches(header, [column.id for column in columns], execute(plan, self.settings, context))

    def _run_part(self, plan: Node, context: QueryContext) -> pa.Table:
        """The rows of a plan that must have run before the rest of a query can be planned."""
        part = replace(context, query_id=f"{context.query_id}-{next(_query_numbers)}", on_progress=None, metrics=[])
        names = [str(position) for position in range(len(plan.columns))]
        return self._execute(self._optimized(plan), names, part).carried()

    def _recursions(self, context: QueryContext) -> Recursions:
        return Recursions(lambda plan: self._run_part(plan, context), context, self.settings.get_int("task_rows"))

    def plan(self, query: BoundQuery, write: WriteSpec | None = None) -> PhysicalPlan:
        """The physical plan of a bound query under the current settings; nothing is run for it."""
        from sqlengine.copying import range_bounds
        from sqlengine.planner.parallelize import parallelize

        logical = without_rows(self._optimized(query.plan))
        if write is not None:
            write = replace(write, bounds=range_bounds(logical, write, self.settings, None))
        return parallelize(logical, query.names, self.settings, write)

    def explain(self, query: BoundQuery, level: str, copy: kinds.CopyTo | None = None) -> str:
        """The plan as text; level `analyze` runs the query or COPY and shows rows and times."""
        from sqlengine.planner import explain
        from sqlengine.planner.optimizer import optimize_traced
        from sqlengine.planner.parallelize import parallelize

        if level == "verbose":
            traces = optimize_traced(query.plan, self.settings)
            last = traces[-1][1] if traces else query.plan
            return explain.explain_verbose(
                query.plan, traces, parallelize(without_rows(last), query.names, self.settings)
            )
        if level == "plan":
            return self._explain_plan(query, None if copy is None else copy.write)
        from sqlengine.executor.execute import execute

        started = time.perf_counter()
        if copy is not None:
            result, plan, context = self._write(copy)
            rows = result.rows()[0][0]
            return explain.explain_analyze(plan, context.metrics, time.perf_counter() - started, rows)
        with _Running(self) as context:
            logical = self._recursions(context).resolve(self._optimized(query.plan))
            plan = parallelize(logical, query.names, self.settings)
            rows = sum(batch.length for batch in execute(plan, self.settings, context))
        return explain.explain_analyze(plan, context.metrics, time.perf_counter() - started, rows)

    def _explain_plan(self, query: BoundQuery, write: WriteSpec | None) -> str:
        """The plan, below those of the recursive queries that run before it."""
        from sqlengine.planner import explain

        texts = []
        for recursion in recursions_in(self._optimized(query.plan)):
            for title, part in (("begins with", recursion.start), ("goes on with", recursion.step)):
                plan = self.plan(BoundQuery(part, tuple(column.name for column in part.columns)))
                texts.append(f"{recursion.name} {title}\n{explain.explain_physical(plan)}\n")
        return "\n".join([*texts, explain.explain_physical(self.plan(query, write))])

    def interrupt(self) -> None:
        """End the running query, from another thread; its caller gets QueryInterruptedError."""
        if self._running is not None:
            self._running.cancel.cancel()

    def _expect_work(self, table: Table) -> None:
        """Start the workers while the query is still being planned, if it reads too much to run inline."""
        if table.size() > self.settings.get_int("inline_bytes"):
            self._warm_up()

    def _warm_up(self) -> None:
        from sqlengine.executor.execute import warm_up

        warm_up(self.settings)

    def new_context(self) -> QueryContext:
        """A context for one query, its deadline counted from now."""
        timeout = self.settings.get_optional_float("timeout")
        return QueryContext(
            query_id=f"{os.getpid()}-{next(_query_numbers)}",
            deadline=None if timeout is None else time.monotonic() + timeout,
            memory_limit=self.settings.get_optional_int("memory_limit"),
            batch_rows=self.settings.get_int("batch_rows"),
            on_progress=self.on_progress,
        )


class _Running:
    """Marks a session as busy with one query, and turns a cancelled one into an error users can catch."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __enter__(self) -> QueryContext:
        if self.session._running is not None:
            raise InterfaceError("this connection is busy with another query; use one connection per thread")
        self.session._running = self.session.new_context()
        return self.session._running

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.session._running = None
        if isinstance(error, QueryCancelled):
            raise QueryInterruptedError("the query was interrupted") from None


def _shown(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        value = list(value)
    return None if value is None else str(value)
