"""Golden plans: text files of cases, each a command, a query, `---`, and the text that must come out.

::

    # Why this case is here.
    > opt expect=push_down_filter
    SELECT …
    ---
    (the plan before and after that rule)

Commands: `opt` shows what the rule named by `expect=` did, and fails if it did nothing; with `expect-not=` it shows the
final logical plan and fails if that rule changed anything. `bind` shows the plan before any rule, `plan` the physical
one. `tables=tpch` takes the TPC-H tables instead of a, b, c and big; any other `name=value` is a setting.

`SQLENGINE_UPDATE_PLANS=1 pytest tests/planner/test_golden_plans.py` writes what comes out into the files:
read the diff.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlengine.config import Settings, default_settings
from sqlengine.planner.binder import bind_statement
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.explain import explain_logical, explain_physical
from sqlengine.planner.optimizer import optimize, optimize_traced
from sqlengine.planner.parallelize import parallelize
from sqlengine.planner.parse import parse_statements
from sqlengine.planner.statements import Query
from sqlengine.storage.table import Predicate, Table
from tests.planner.synthetic import small_tables, tpch_tables

FOLDER = Path(__file__).parent.parent / "plans"


@dataclass
class Case:
    comments: list[str]
    command: str
    sql: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def text(self, output: str) -> str:
        return "\n".join([*self.comments, f"> {self.command}", *self.sql, "---", output])


def read_cases(path: Path) -> list[Case]:
    """The cases of a file; a blank line ends a case's expectation."""
    cases: list[Case] = []
    comments: list[str] = []
    case: Case | None = None
    target: list[str] | None = None
    for line in path.read_text().splitlines():
        if line.startswith("> ") and target is None:
            case = Case(comments, line[2:])
            cases.append(case)
            comments, target = [], case.sql
        elif case is not None and target is case.sql and line == "---":
            target = case.expected
        elif target is not None and (line or target is not case.expected):
            target.append(line)
        elif line.startswith("#"):
            comments.append(line)
        elif target is not None:
            target = None
        elif not line and comments:
            comments.append(line)
    return cases


class SyntheticCatalog:
    """Tables by name."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables

    def table(self, parts: tuple[str, ...], where: Sequence[Predicate] = ()) -> Table | None:
        return self._tables.get(parts[-1].lower())

    def view(self, parts: tuple[str, ...]) -> None:
        return None

    def macro(self, name: str) -> None:
        return None

    def table_names(self) -> Iterable[str]:
        return self._tables

    def open_path(self, path: str, where: Sequence[Predicate] = ()) -> Table:
        raise NotImplementedError

    def open_function(
        self,
        name: str,
        positional: Sequence[object],
        options: Mapping[str, object],
        where: Sequence[Predicate] = (),
    ) -> Table:
        raise NotImplementedError


CATALOGS = {"small": SyntheticCatalog(small_tables()), "tpch": SyntheticCatalog(tpch_tables())}


def bind(sql: str, tables: str = "small") -> BoundQuery:
    (statement,) = parse_statements(sql)
    bound = bind_statement(statement, CATALOGS[tables])
    assert isinstance(bound, Query)
    return bound.query


def run_case(case: Case) -> str:
    """What comes out; AssertionError if the rule expected did not fire, or the unexpected one did."""
    verb, *words = case.command.split()
    options = dict(word.split("=", 1) for word in words)
    query = bind("\n".join(case.sql), options.pop("tables", "small"))
    expected, unexpected = options.pop("expect", None), options.pop("expect-not", None)
    settings = default_settings({}).replaced({"verify_plans": True, **options})
    match verb:
        case "bind":
            return explain_logical(query.plan)
        case "plan":
            return explain_physical(parallelize(optimize(query.plan, settings), query.names, settings))
        case "opt" if expected is not None:
            return _before_and_after(query, expected, settings)
        case "opt":
            traces = optimize_traced(query.plan, settings)
            if unexpected is not None:
                assert unexpected not in {rule for rule, _ in traces}, f"{unexpected} changed the plan"
            return explain_logical(traces[-1][1] if traces else query.plan)
        case _:
            raise ValueError(f"unknown command {verb!r}")


def _before_and_after(query: BoundQuery, expected: str, settings: Settings) -> str:
    before = query.plan
    for rule, after in optimize_traced(query.plan, settings):
        if rule == expected:
            return "\n".join(["Before:", explain_logical(before), "After:", explain_logical(after)])
        before = after
    raise AssertionError(f"{expected} did not change the plan")
