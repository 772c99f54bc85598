"""A correlated plan for every value of the outer columns it names: the domain, pushed down to where it is named.

`Domain.push` turns a plan that names columns of an outer query into one that names none and delivers, beside its own
columns, one for each outer column. For any combination of values that the outer query has, the rows with that
combination are the rows of the original plan; other combinations may be there and mean nothing. So operators work
within one combination: aggregates group by it, limits count in it, joins match on it.

T. Neumann, A. Kemper, "Unnesting Arbitrary Queries", BTW 2015, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlengine.errors import NotSupportedError
from sqlengine.planner.correlation import columns_in, copied, free_columns
from sqlengine.planner.expressions import AggregateCall, Call, Case, Column, Expression, Literal, columns_of, conjuncts
from sqlengine.planner.logical import (
    ONE_ROW,
    Aggregate,
    Expand,
    Filter,
    Limit,
    Node,
    Project,
    Sort,
    Union,
    Unnest,
    Values,
    Window,
    expressions_of,
)
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind
from sqlengine.planner.outer_values import outer_values
from sqlengine.planner.rewriting import filtered, is_deterministic, is_repeatable, map_expressions, substitute
from sqlengine.types import BIGINT, BOOLEAN, SqlType

NewColumn = Callable[[str, SqlType], Column]

N = TypeVar("N", bound=Node)

# Outer column -> the column that holds its value in a plan that was pushed.
Bound = dict[int, Column]
Pushed = tuple[Node, Bound]

# What these give for no rows.
_ZERO_OF_NOTHING = frozenset({"count", "count_star"})
_NULL_OF_NOTHING = frozenset({"sum", "avg", "min", "max", "first", "any_value", "bool_and", "bool_or"})


@dataclass(slots=True)
class Domain:
    """The distinct values of some columns of an outer plan.

    Attributes
    ----------
    new_column
        Makes a column that no plan has.
    outer
        The plan whose columns they are.
    columns
        Those that the inner plan names, by id.
    """

    new_column: NewColumn
    outer: Node
    columns: dict[int, Column]
    _never_null: set[int] = field(default_factory=set)

    def push(self, node: Node) -> Pushed:
        """`node`, which names some of the columns, for every value of those it names.

        Raises
        ------
        NotSupportedError
            A kind of node through which this does not work.
        """
        match node:
            case Filter():
                plan, bound = self._opened(node.input)
                return self._filtered(plan, bound, conjuncts(node.condition))
            case Project():
                plan, bound = self._computing(node, node.input)
                extra = _not_in(bound.values(), node.columns)
                expressions = tuple(substitute(each, bound) for each in node.expressions)
                return Project(plan, node.columns + extra, expressions + extra), bound
            case Aggregate(keys=()):
                grouped, bound, values = self.grouped(node)
                domain, names = self._read(bound)
                plan = Join(JoinKind.LEFT, domain, grouped, self._matches(names, bound))
                return self.or_empty(node, plan, domain.columns, values), names
            case Aggregate(always=always) if always:
                return self._totals(node)
            case Aggregate():
                plan, bound = self._computing(node, node.input)
                extra = _not_in(bound.values(), node.key_columns)
                mapped = _substituted(node, bound)
                return replace(
                    mapped, input=plan, key_columns=extra + node.key_columns, keys=extra + mapped.keys
                ), bound
            case Join():
                return self._join(node)
            case Union():
                return self._union(node)
            case Values():
                rows = tuple(Project(ONE_ROW, tuple(self._again(node.columns)), row) for row in node.rows)
                return self.push(Union(rows, node.columns))
            case Unnest() | Expand():
                plan, bound = self._computing(node, node.input)
                return replace(_substituted(node, bound), input=plan), bound
            case AsofJoin(kind=JoinKind.INNER | JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI):
                right, right_bound = self._opened(node.right)
                left, bound = self._opened(node.left)
                left, bound = self._complete(left, bound, {*self.named_in(expressions_of(node)), *right_bound})
                asof = _substituted(node, bound)
                conditions = (*self._matches(bound, right_bound), *asof.conditions)
                return replace(asof, left=left, right=right, conditions=conditions), bound
            case Window():
                plan, bound = self._computing(node, node.input)
                windows = _substituted(node, bound)
                return replace(windows, input=plan, partition=_not_in(bound.values(), ()) + windows.partition), bound
            case Sort(limit=None, offset=0):
                plan, bound = self._computing(node, node.input)
                return replace(_substituted(node, bound), input=plan), bound
            case Limit(percent=None, per=per):
                plan, bound = self._opened(node.input)
                return replace(node, input=plan, per=_not_in(bound.values(), per) + per), bound
            case _:
                kind = type(node).__name__.lower()
                raise NotSupportedError(f"a subquery that names outer columns below a {kind} is not supported")

    def grouped(self, node: Aggregate) -> tuple[Aggregate, Bound, tuple[Column, ...]]:
        """An aggregation without keys as one group per value of the domain.

        Returns the plan, the outer columns in it and the columns of its results, the last of which counts its rows. A
        value without rows has no group: see `or_empty`.
        """
        plan, bound = self._computing(node, node.input)
        keys = _not_in(bound.values(), ())
        calls = _substituted(node, bound).aggregates
        values = (*self._again(node.aggregate_columns), self.new_column("rows", BIGINT))
        return Aggregate(plan, keys, keys, values, (*calls, AggregateCall("count_star", (), BIGINT))), bound, values

    def or_empty(self, node: Aggregate, joined: Node, kept: Sequence[Column], values: Sequence[Column]) -> Node:
        """The `kept` columns of `joined` and the results of `node`: `values`, where padded what they are for no rows.

        Parameters
        ----------
        node
            The aggregation that `grouped` made `values` of.
        joined
            An outer join that padded them.
        """
        rows = values[-1]
        results: list[Expression] = []
        unknown: list[tuple[Column, AggregateCall]] = []
        for column, call in zip(values[:-1], node.aggregates, strict=True):
            if call.function in _NULL_OF_NOTHING:
                results.append(column)
            elif call.function in _ZERO_OF_NOTHING:
                results.append(Call("coalesce", (column, Literal(0, BIGINT)), BIGINT))
            else:
                empty = self.new_column(column.name, column.type)
                unknown.append((empty, call))
                padded = Call("is_null", (rows,), BOOLEAN)
                results.append(Case(((padded, empty),), column, column.type))
        if unknown:
            joined = Join(JoinKind.INNER, joined, self._of_nothing(unknown), ())
        columns = tuple(kept) + node.aggregate_columns
        return Project(joined, columns, (*kept, *results))

    def _of_nothing(self, calls: Sequence[tuple[Column, AggregateCall]]) -> Node:
        """One row: what the aggregates are for no rows."""
        node = Aggregate(ONE_ROW, (), (), tuple(column for column, _ in calls), tuple(call for _, call in calls))
        renamed = {
            column.id: self.new_column(column.name, column.type)
            for expression in expressions_of(node)
            for column in columns_in(expression)
        }
        node = replace(node, input=Values(tuple(renamed.values()), ()))
        return _substituted(node, renamed)

    def _totals(self, node: Aggregate) -> Pushed:
        """The groups of GROUPING SETS; the totals that stand even without rows, for values that have none."""
        found, bound = self.push(replace(node, always=()))
        # The union says the columns of the groups, so the groups get columns of their own.
        inputs = [copied(found, self.new_column)[0]]
        for keys in node.always:
            plan, names = self._read(bound)
            groups, again = copied(found, self.new_column)
            tests = [self._match(names[i], again[column.id]) for i, column in bound.items()]
            for column, key in zip(node.key_columns, keys, strict=True):
                tests.append(Call("is_not_distinct_from", (again[column.id], key), BOOLEAN))
            plan = Join(JoinKind.ANTI, plan, groups, tuple(tests))
            totals = self._again(node.aggregate_columns)
            if totals:
                nothing = self._of_nothing(list(zip(totals, node.aggregates, strict=True)))
                plan = Join(JoinKind.INNER, plan, nothing, ())
            values: dict[int, Expression] = {}
            values |= {column.id: key for column, key in zip(node.key_columns, keys, strict=True)}
            values |= {column.id: total for column, total in zip(node.aggregate_columns, totals, strict=True)}
            values |= {column.id: names[i] for i, column in bound.items()}
            expressions = tuple(values[column.id] for column in found.columns)
            inputs.append(Project(plan, self._again(found.columns), expressions))
        # A total may stand for a NULL that no group has.
        fresh = dict(zip(bound, self._again(bound.values()), strict=True))
        renamed = {column.id: fresh[i] for i, column in bound.items()}
        return Union(tuple(inputs), tuple(renamed.get(each.id, each) for each in found.columns)), fresh

    # -- the domain in a plan -----------------------------------------------------------------

    def named_in(self, expressions: Iterable[Expression]) -> set[int]:
        """Which of the outer columns the expressions name."""
        return {i for each in expressions for i in columns_of(each) if i in self.columns}

    def matches(self, bound: Bound) -> tuple[Expression, ...]:
        """The conditions under which a row of the outer plan meets a row of a plan that was pushed."""
        return self._matches(self.columns, bound)

    def _matches(self, left: Bound, right: Bound) -> tuple[Expression, ...]:
        return tuple(self._match(left[i], right[i]) for i in left if i in right)

    def _match(self, one: Column, other: Column) -> Expression:
        plain = one.id in self._never_null or other.id in self._never_null
        return Call("=" if plain else "is_not_distinct_from", (one, other), BOOLEAN)

    def _read(self, wanted: Collection[int]) -> Pushed:
        named = [i for i in self.columns if i in wanted]
        values = outer_values(self.outer, named)
        if not is_repeatable(values):
            raise NotSupportedError("a subquery that names random values of an outer query is not supported")
        source, names = copied(values, self.new_column)
        keys = tuple(names[i] for i in named)
        fresh = self._again(keys)
        bound = dict(zip(named, fresh, strict=True))
        return Aggregate(source, fresh, keys, (), ()), bound

    def _again(self, columns: Iterable[Column]) -> tuple[Column, ...]:
        return tuple(self.new_column(column.name, column.type) for column in columns)

    def _opened(self, node: Node) -> Pushed:
        """`node` pushed if it names any of the columns, else as it is."""
        return self.push(node) if self._is_named_by(node) else (node, {})

    def _is_named_by(self, node: Node) -> bool:
        return not free_columns(node).keys().isdisjoint(self.columns)

    def _computing(self, node: Node, below: Node) -> Pushed:
        """The input of `node` with all that the node's own expressions name."""
        plan, bound = self._opened(below)
        return self._complete(plan, bound, self.named_in(expressions_of(node)))

    def _complete(
        self, plan: Node, bound: Bound, wanted: Collection[int], conditions: Sequence[Expression] = ()
    ) -> Pushed:
        """The rows of `plan` that meet `conditions`, with the `wanted` columns and those `bound` already."""
        if bound.keys() >= set(wanted):
            return filtered(plan, [substitute(each, bound) for each in conditions]), bound
        domain, names = self._read({*wanted, *bound})
        tests = [*self._matches(names, bound), *(substitute(each, names) for each in conditions)]
        if plan == ONE_ROW:
            return filtered(domain, tests), names
        return Join(JoinKind.INNER, domain, plan, tuple(tests)), names

    def _filtered(self, plan: Node, bound: Bound, conditions: Sequence[Expression]) -> Pushed:
        """The rows that meet `conditions`; an equality with an outer column makes its domain needless."""
        available = {column.id for column in plan.columns}
        columns, expressions = list(plan.columns), list[Expression](plan.columns)
        bound = dict(bound)
        rest = []
        for condition in conditions:
            found = self._definition(condition, bound, available)
            if found is None:
                rest.append(condition)
                continue
            outer, value, skips_null = found
            if not isinstance(value, Column):
                columns.append(self.new_column(outer.name, outer.type))
                expressions.append(value)
                value = columns[-1]
            bound[outer.id] = value
            if skips_null:
                self._never_null.add(value.id)
                rest.append(Call("is_not_null", (value,), BOOLEAN))
        if len(columns) > len(plan.columns):
            plan = Project(plan, tuple(columns), tuple(expressions))
        return self._complete(plan, bound, self.named_in(rest), rest)

    def _definition(
        self, condition: Expression, bound: Bound, available: Collection[int]
    ) -> tuple[Column, Expression, bool] | None:
        """(outer column, its value, whether NULL is no value) if the condition says what an unbound column equals."""
        match condition:
            case Call(function="=" | "is_not_distinct_from" as operator, arguments=(one, other)):
                for column, value in ((one, other), (other, one)):
                    if (
                        isinstance(column, Column)
                        and column.id in self.columns
                        and column.id not in bound
                        and columns_of(value) <= set(available)
                        and value.type == column.type
                        and is_deterministic(value)
                    ):
                        return column, value, operator == "="
            case _:
                pass
        return None

    # -- joins and unions ---------------------------------------------------------------------

    def _join(self, node: Join) -> Pushed:
        named = self.named_in(node.conditions)
        match node.kind:
            case JoinKind.INNER:
                left, left_bound = self._opened(node.left)
                right, right_bound = self._opened(node.right)
                own = [each for each in node.conditions if not self.named_in([each])]
                others = [each for each in node.conditions if self.named_in([each])]
                conditions = (*self._matches(left_bound, right_bound), *own)
                joined = Join(JoinKind.INNER, left, right, conditions)
                return self._filtered(joined, right_bound | left_bound, others)
            case JoinKind.LEFT | JoinKind.SEMI | JoinKind.ANTI:
                right, right_bound = self._opened(node.right)
                left, bound = self._complete(*self._opened(node.left), {*named, *right_bound})
                conditions = tuple(substitute(each, bound) for each in node.conditions)
                return Join(node.kind, left, right, (*self._matches(bound, right_bound), *conditions)), bound
            case JoinKind.RIGHT:
                return self.push(Join(JoinKind.LEFT, node.right, node.left, node.conditions))
            case JoinKind.FULL:
                left, left_bound = self._opened(node.left)
                right, right_bound = self._opened(node.right)
                named |= {*left_bound, *right_bound}
                left, left_bound = self._complete(left, left_bound, named)
                right, right_bound = self._complete(right, right_bound, named)
                conditions = tuple(substitute(each, left_bound) for each in node.conditions)
                joined = Join(node.kind, left, right, (*self._matches(left_bound, right_bound), *conditions))
                bound = dict(zip(left_bound, self._again(left_bound.values()), strict=True))
                either = tuple(Call("coalesce", (left_bound[i], right_bound[i]), left_bound[i].type) for i in bound)
                return Project(joined, node.columns + tuple(bound.values()), node.columns + either), bound
            case _:
                raise NotSupportedError(f"outer columns in a {node.kind.value} join of a subquery are not supported")

    def _union(self, node: Union) -> Pushed:
        opened = [self._opened(each) for each in node.inputs]
        wanted = {i for _, bound in opened for i in bound}
        order = [i for i in self.columns if i in wanted]
        inputs = []
        for each, (plan, bound) in zip(node.inputs, opened, strict=True):
            plan, bound = self._complete(plan, bound, wanted)
            values = (*each.columns, *(bound[i] for i in order))
            # Two inputs may say the same column, and one column may stand for two.
            inputs.append(Project(plan, self._again(values), values))
        fresh = dict(zip(order, self._again(self.columns[i] for i in order), strict=True))
        return Union(tuple(inputs), node.columns + tuple(fresh.values())), fresh


def _substituted(node: N, bound: Bound) -> N:
    """The node with what it names of the outer columns replaced."""
    return map_expressions(node, lambda each: substitute(each, bound))  # type: ignore[return-value]


def _not_in(columns: Iterable[Column], others: Sequence[Column]) -> tuple[Column, ...]:
    """`columns` without those of `others`, each once."""
    known = {column.id for column in others}
    return tuple({column.id: column for column in columns if column.id not in known}.values())
