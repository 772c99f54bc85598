"""The one registry of SQL functions, read by the binder (types) and by the evaluator (`run`).

A function is one record in a module of this folder. Operators are functions too: `+` is bound and run the
same way as `substring`. To add one: write it in the module of its kind with `@scalar`, or call
`register_aggregate`; nothing else needs to know.
"""

from __future__ import annotations

import enum
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlengine.errors import InternalError
from sqlengine.functions.grouped_rows import GroupedRows
from sqlengine.types import SqlType
from sqlengine.vector import Vector

if TYPE_CHECKING:
    from sqlengine.functions.window_rows import WindowRows


class _NotLiteral(enum.Enum):
    NOT_LITERAL = "not a literal"


NOT_LITERAL: Final = _NotLiteral.NOT_LITERAL


@dataclass(frozen=True, slots=True)
class Operand:
    """What is known of an argument while binding.

    Attributes
    ----------
    type
        Its type; an untyped literal has its natural type (1 is INTEGER, 'x' is VARCHAR, NULL is NULL).
    literal
        The Python value if it is an untyped literal, which adapts to the other operands' types as in
        DuckDB (`1::TINYINT + 1` is TINYINT, `d >= '1995-01-01'` compares dates); else NOT_LITERAL.
    """

    type: SqlType
    literal: object = NOT_LITERAL

    @property
    def is_literal(self) -> bool:
        """Whether this is an untyped literal."""
        return self.literal is not NOT_LITERAL


@dataclass(frozen=True, slots=True)
class Signature:
    """The outcome of resolving a call: what each argument is cast to, and the result type."""

    arguments: tuple[SqlType, ...]
    result: SqlType


Resolve = Callable[[Sequence[Operand]], Signature]
Run = Callable[[Sequence[Vector], SqlType], Vector]


@dataclass(frozen=True, slots=True)
class ScalarFunction:
    """One value in, one value out, row by row.

    Attributes
    ----------
    name
        SQL name in lower case, or the operator's sign.
    resolve
        Types of a call from its operands; raises BindError naming the function and the types it takes.
    run
        (argument vectors already cast to the signature, result type) -> result vector. Arguments may be
        constant vectors; if all are, the result must be constant. NULL in, NULL out, unless documented.
    deterministic
        False for `random()`: never folded.
    example
        (SQL, expected text) that the reference page shows and a test runs.
    summary
        One line for the reference page and the shell: "The year of a date." Starts with a capital, ends with a stop.
    usage
        How a call is written, where `resolve` is not made of overloads that say it: "coalesce(value, ...)".
    alias_of
        The name this one stands for; None for the name itself.
    """

    name: str
    resolve: Resolve
    run: Run
    deterministic: bool = True
    example: tuple[str, str] | None = None
    summary: str = ""
    usage: str = ""
    alias_of: str | None = None


class StateOp(enum.Enum):
    """What a partial aggregate keeps per group; `executor.accumulators` has one class for each.

    Every one merges with states of its own kind, in task order, so that pieces may be computed anywhere.
    """

    COUNT_ALL = "count_all"  # rows
    COUNT = "count"  # rows whose argument is not NULL
    SUM = "sum"  # exact for integers and decimals (128 bits), NULL for no rows
    MIN = "min"
    MAX = "max"
    ANY = "any"  # first value that is not NULL, in task order
    FIRST = "first"  # first row in task order, as a STRUCT of its value (maybe NULL); NULL for no rows
    LAST = "last"  # as FIRST, of the last row
    BIT_AND = "bit_and"
    BIT_OR = "bit_or"
    BIT_XOR = "bit_xor"
    PRODUCT = "product"  # STRUCT(n, product) of doubles
    KAHAN = "kahan"  # STRUCT(n, sum, error) of doubles: Kahan's compensated sum
    MOMENTS = "moments"  # STRUCT(n, mean, m2): count, mean, sum of squared deviations
    SHAPES = "shapes"  # STRUCT(n, mean, m2, m3, m4): sums of the second to fourth powers of deviations
    COMOMENTS = "comoments"  # STRUCT(n, mean_x, mean_y, m2_x, m2_y, c) of rows where neither y nor x is NULL
    ARG_MIN = "arg_min"  # STRUCT(value, key) of the row with the least key; of equal ones the first
    ARG_MAX = "arg_max"
    DISTINCT = "distinct"  # BLOB: HyperLogLog registers, from which the number of distinct values is estimated


@dataclass(frozen=True, slots=True)
class State:
    """One column of partial state: `op` over the arguments of these numbers, of `type`."""

    op: StateOp
    arguments: tuple[int, ...]
    type: SqlType


@dataclass(frozen=True, slots=True)
class Rows:
    """What a holistic aggregate does with the rows of its groups.

    Attributes
    ----------
    compute
        (rows of all groups, result type) -> one value a group.
    skip_nulls
        Numbers of arguments; a row where one of them is NULL is left out.
    sorted_by
        Number of the argument by which the rows of a group come sorted, NULLs last; None: in the order of the
        input, or of the call's ORDER BY. Equal rows keep that order.
    descending
        Whether the greatest comes first.
    """

    compute: Callable[[GroupedRows, SqlType], Vector]
    skip_nulls: tuple[int, ...] = (0,)
    sorted_by: int | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class AggregateSignature:
    """The outcome of resolving an aggregate: casts of its arguments, result type, and how it is computed.

    Attributes
    ----------
    states
        Partial states, which the function's `finalize` turns into the result.
    rows
        Of a *holistic* aggregate (Gray et al., "Data Cube", 1997), which has no such states but wants all rows of a
        group at once: what it does with them.
    """

    arguments: tuple[SqlType, ...]
    result: SqlType
    states: tuple[State, ...] = ()
    rows: Rows | None = None


def _no_states(states: Sequence[Vector], result: SqlType) -> Vector:
    raise InternalError("a holistic aggregate has no states")


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """An aggregate as one record.

    To compute one over rows at hand, whichever kind it is, call `executor.whole.aggregate_rows`: window frames and
    aggregates with ORDER BY do.

    Attributes
    ----------
    name
        SQL name in lower case.
    resolve
        Types of a call from its operands, and its states or rows; resolving again from the types after the
        casts gives the same. Raises BindError naming the function and what it takes.
    finalize
        Merged states of all groups -> results; never called for a holistic aggregate.
    example, summary, usage, alias_of
        As in `ScalarFunction`.
    ordered
        Whether the order of the rows matters; if not, ORDER BY inside the call is dropped.
    idempotent
        Whether duplicates change nothing, so that DISTINCT is dropped.
    constants
        Numbers of arguments that must be constant.
    """

    name: str
    resolve: Callable[[Sequence[Operand]], AggregateSignature]
    finalize: Run = _no_states
    example: tuple[str, str] | None = None
    summary: str = ""
    usage: str = ""
    alias_of: str | None = None
    ordered: bool = False
    idempotent: bool = False
    constants: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowFunction:
    """A function that is more than an aggregate over a frame: it stands before OVER only.

    Attributes
    ----------
    run
        (rows in window order, argument vectors of these rows, whether rows with NULL as first argument are passed over,
        result type) -> a value for each row.
    takes_nulls
        Whether IGNORE NULLS may be said.
    uses_frame
        Whether the frame counts; if not, the call sees the whole partition.

    The other fields are those of `ScalarFunction`.
    """

    name: str
    resolve: Resolve
    run: Callable[[WindowRows, Sequence[Vector], bool, SqlType], Vector]
    takes_nulls: bool = False
    uses_frame: bool = False
    aliases: tuple[str, ...] = ()
    example: tuple[str, str] | None = None
    summary: str = ""
    usage: str = ""
    alias_of: str | None = None


_SCALARS: dict[str, ScalarFunction] = {}
_WINDOWS: dict[str, WindowFunction] = {}
_AGGREGATES: dict[str, AggregateFunction] = {}
_loaded = False


def scalar(
    name: str,
    resolve: Resolve,
    *,
    aliases: Sequence[str] = (),
    deterministic: bool = True,
    example: tuple[str, str] | None = None,
    summary: str = "",
    usage: str = "",
) -> Callable[[Run], Run]:
    """Register the decorated `run` under `name` and `aliases`; see `ScalarFunction` for the rest."""

    def register(run: Run) -> Run:
        for each in (name, *aliases):
            if each in _SCALARS:
                raise InternalError(f"scalar function {each!r} is registered twice")
            alias_of = None if each == name else name
            _SCALARS[each] = ScalarFunction(each, resolve, run, deterministic, example, summary, usage, alias_of)
        return run

    return register


def register_aggregate(function: AggregateFunction, aliases: Sequence[str] = ()) -> None:
    """Add an aggregate under its name and `aliases`."""
    for each in (function.name, *aliases):
        if each in _AGGREGATES:
            raise InternalError(f"aggregate function {each!r} is registered twice")
        alias_of = None if each == function.name else function.name
        _AGGREGATES[each] = replace(function, name=each, alias_of=alias_of)


def register_window(function: WindowFunction) -> None:
    """Add a window function under its name and its aliases."""
    for each in (function.name, *function.aliases):
        if each in _WINDOWS:
            raise InternalError(f"window function {each!r} is registered twice")
        alias_of = None if each == function.name else function.name
        _WINDOWS[each] = replace(function, name=each, alias_of=alias_of)


def find_scalar(name: str) -> ScalarFunction | None:
    """The scalar function of that (lower-case) name."""
    _load()
    return _SCALARS.get(name)


def find_aggregate(name: str) -> AggregateFunction | None:
    """The aggregate function of that (lower-case) name."""
    _load()
    return _AGGREGATES.get(name)


def find_window(name: str) -> WindowFunction | None:
    """The window function of that (lower-case) name; aggregates, which also stand before OVER, are not among them."""
    _load()
    return _WINDOWS.get(name)


def function_names() -> list[str]:
    """Every name users may call, sorted; one that begins with __ is for the binder only."""
    _load()
    return sorted(name for name in {*_SCALARS, *_AGGREGATES, *_WINDOWS} if not name.startswith("__"))


def _load() -> None:
    """Import every module of this folder once, so that each registers what it defines."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    import sqlengine.functions as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
