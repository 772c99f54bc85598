"""One SELECT: FROM, WHERE, GROUP BY, HAVING, windows, QUALIFY, the list, DISTINCT, ORDER BY, LIMIT, in that order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from sqlengine.planner.aggregates import Aggregates
from sqlengine.planner.bind_distinct import distinct_rows, first_of_each
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_from import bind_from
from sqlengine.planner.bind_group import above_keys
from sqlengine.planner.bind_grouping import Grouping, bind_grouping, grouping_value
from sqlengine.planner.bind_name import Aliases
from sqlengine.planner.bind_order import OrderItem, bind_items, bind_order, ordinal, sort_and_limit
from sqlengine.planner.bind_sample import bind_sample
from sqlengine.planner.bind_star import bind_star, each_column, multiplied_name, star_of
from sqlengine.planner.bind_subquery import filter_by
from sqlengine.planner.bind_unnest import Unnests, is_unnest, unnest_items
from sqlengine.planner.bind_window import Windows
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.context import BindContext, CommonTables
from sqlengine.planner.correlation import columns_in
from sqlengine.planner.expressions import Column, Expression, Literal, SortKey, columns_of
from sqlengine.planner.logical import Aggregate, Expand, Filter, Node, expressions_of
from sqlengine.planner.output_name import output_name
from sqlengine.planner.plan_build import project
from sqlengine.planner.scope import Scope
from sqlengine.planner.subqueries import Subqueries
from sqlengine.types import INTEGER


@dataclass(frozen=True, slots=True)
class _Item:
    """One column of the select list; `tree` is None for those that a star stands for."""

    name: str
    expression: Expression
    tree: Any


Above = Callable[[Expression, ExpressionBinder, Any], Expression]


def _as_it_is(expression: Expression, binder: ExpressionBinder, tree: Any) -> Expression:
    return expression


def bind_select(context: BindContext, select: Any, tables: CommonTables) -> BoundQuery:
    """A SELECT as a plan."""
    return _Select(context, select, tables).bind()


@dataclass(slots=True)
class _Select:
    context: BindContext
    select: Any
    tables: CommonTables
    scope: Scope = field(init=False)
    aggregates: Aggregates = field(init=False)
    unnests: Unnests = field(init=False)
    subqueries: Subqueries = field(init=False)
    windows: Windows = field(init=False)
    aliases: Aliases = field(init=False)

    def bind(self) -> BoundQuery:
        context, reader = self.context, self.context.reader
        if not reader.all(self.select):
            raise context.error("SELECT needs at least one column", self.select)
        plan, self.scope = bind_from(context, self.select, self.tables)
        sample = reader.get(self.select, "sample")
        if sample is not None:
            plan = bind_sample(context, plan, sample)
        self.aggregates = Aggregates(context)
        self.unnests = Unnests(context)
        self.subqueries = Subqueries(context)
        self.windows = Windows.of(context, self.select)
        self.aliases = {}
        for tree in reader.all(self.select):
            if isinstance(tree, exp.Alias):
                self.aliases.setdefault(reader.name(reader.get(tree, "alias")).lower(), reader.get(tree, "this"))
        where = reader.get(self.select, "where")
        if where is not None:
            binder = self._binder("WHERE", aggregates=False, subqueries=Subqueries(context))
            tree = reader.get(where, "this")
            for _ in each_column(binder, tree):
                plan = filter_by(binder, plan, tree)

        list_binder = ExpressionBinder(
            context,
            self.scope,
            "the select list",
            {},
            self.aggregates,
            subqueries=self.subqueries,
            windows=self.windows,
        )
        list_binder.unnests = self.unnests
        items = self._items(list_binder)
        grouping = self._grouping(items)
        keys = [] if grouping is None else list(grouping.keys)
        having_subqueries = Subqueries(context)
        having_binder = self._binder("HAVING", subqueries=having_subqueries)
        having_binder.keys = set(keys)
        having = reader.get(self.select, "having")
        having_condition = None if having is None else having_binder.bind_condition(reader.get(having, "this"))
        qualify_binder = self._binder("QUALIFY", windows=True)
        qualify = reader.get(self.select, "qualify")
        kept = None if qualify is None else qualify_binder.bind_condition(reader.get(qualify, "this"))
        order_binder = self._binder("ORDER BY", windows=True)
        order_binder.unnests = self.unnests
        order = bind_order(context, self.select, [item.name for item in items], order_binder)
        on = self._distinct_on(items, order_binder)

        self.windows.skip_unused()
        if qualify is not None and not self.windows.columns:
            raise context.error("QUALIFY needs a window function in it or in the select list", qualify)

        above: Above = _as_it_is
        if grouping is None and self.aggregates.groupings:
            raise context.error("GROUPING needs GROUP BY", self.select)
        if grouping is not None or having is not None or self.aggregates.columns:
            plan = self.unnests.below(plan, keys)
            plan, above = self._aggregate(
                plan, grouping or Grouping(), [(self.subqueries, list_binder), (having_subqueries, having_binder)]
            )
            items = [replace(item, expression=above(item.expression, list_binder, item.tree)) for item in items]
            if having_condition is not None:
                plan = Filter(having_subqueries.attach(plan), above(having_condition, having_binder, having))
            order, on = (
                [
                    item
                    if item.expression is None
                    else replace(item, expression=above(item.expression, order_binder, item.tree))
                    for item in each
                ]
                for each in (order, on)
            )
            if kept is not None:
                kept = above(kept, qualify_binder, qualify)
        plan = self.subqueries.attach(plan)
        plan = self.windows.over(plan, lambda each: above(each, list_binder, self.select))
        if kept is not None:
            plan = Filter(plan, kept)
        plan = self.unnests.above(plan, lambda items: above(items, list_binder, None))
        names = tuple(item.name for item in items)
        return BoundQuery(self._output(plan, items, order, on), names, ordered=bool(order))

    def _binder(
        self, clause: str, aggregates: bool = True, windows: bool = False, subqueries: Subqueries | None = None
    ) -> ExpressionBinder:
        return ExpressionBinder(
            self.context,
            self.scope,
            clause,
            self.aliases,
            self.aggregates if aggregates else None,
            subqueries=subqueries or self.subqueries,
            windows=self.windows if windows else None,
        )

    # -- the select list ----------------------------------------------------------------------

    def _items(self, binder: ExpressionBinder) -> list[_Item]:
        reader = self.context.reader
        items: list[_Item] = []
        for tree in reader.all(self.select):
            if star_of(tree) is not None:
                items += [_Item(each.name, each.expression, each.tree) for each in bind_star(binder, tree)]
                continue
            if is_unnest(tree):
                found = unnest_items(binder, tree)
                items += [_Item(name or output_name(tree, self.scope), value, tree) for name, value in found]
                continue
            alias = reader.name(reader.get(tree, "alias")) if isinstance(tree, exp.Alias) else None
            inner = tree if alias is None else reader.get(tree, "this")
            for starred in each_column(binder, inner):
                expression = binder.bind(inner)
                if starred is not None:
                    name = starred.name if alias is None else multiplied_name(alias, inner, starred)
                else:
                    name = output_name(inner, self.scope) if alias is None else alias
                items.append(_Item(name, expression, inner))
            if alias is not None:
                # An alias is known to the items right of it.
                binder.aliases.setdefault(alias.lower(), inner)
        return items

    # -- grouping -----------------------------------------------------------------------------

    def _grouping(self, items: list[_Item]) -> Grouping | None:
        """The keys of GROUP BY; None without it."""
        reader = self.context.reader
        group = reader.get(self.select, "group")
        if group is None:
            return None
        if reader.get(group, "all"):
            # As in DuckDB, a constant is no key: `SELECT 1 FROM t GROUP BY ALL` does not group.
            plain = [item for item in items if not self._has_aggregate(item.expression)]
            keys = {item.expression: item.name for item in reversed(plain) if columns_of(item.expression)}
            return Grouping(dict(reversed(keys.items()))) if keys else None
        binder = self._binder("GROUP BY", aggregates=False)
        binder.aliases = {}
        return bind_grouping(self.context, reader.all(group), lambda tree: self._group_key(tree, items, binder))

    def _group_key(self, tree: Any, items: list[_Item], binder: ExpressionBinder) -> tuple[str, Expression]:
        """One key: a column of FROM, else an alias; a number; or an expression over FROM."""
        context, reader = self.context, self.context.reader
        tree = reader.unwrap(tree)
        index = ordinal(context, tree, len(items), "GROUP BY")
        if index is None and isinstance(tree, exp.Column) and not tree.args.get("table"):
            name = tree.name.lower()
            with context.at(tree):
                if name in self.aliases and self.scope.find(name) is None:
                    index = next(number for number, item in enumerate(items) if item.name.lower() == name)
                    reader.name(reader.get(tree, "this"))
        if index is None:
            return output_name(tree, self.scope), binder.bind(tree)
        item = items[index]
        if self._has_aggregate(item.expression):
            raise context.error("GROUP BY cannot contain aggregates or window functions", tree)
        return item.name, item.expression

    def _has_aggregate(self, expression: Expression) -> bool:
        """Whether the expression has a value only after grouping: an aggregate, a call over a window."""
        calls = (
            *self.aggregates.columns.values(),
            *self.aggregates.groupings.values(),
            *self.windows.columns.values(),
        )
        return not columns_of(expression).isdisjoint(column.id for column in calls)

    def _aggregate(
        self, plan: Node, wanted: Grouping, inner: Sequence[tuple[Subqueries, ExpressionBinder]]
    ) -> tuple[Node, Above]:
        """The Aggregate, and how to say an expression in terms of its columns."""
        context = self.context
        calls = self.aggregates.columns
        by_expression: dict[Expression, Column] = {}
        grouping = Aggregate(plan, (), tuple(wanted.keys), tuple(calls.values()), tuple(calls))
        read = {column for expression in expressions_of(grouping) for column in columns_of(expression)}
        for subqueries, _ in inner:
            plan = subqueries.taken(read).attach(plan)
        below = frozenset(column.id for column in plan.columns)
        for key, name in wanted.keys.items():
            own = isinstance(key, Column) and key.id in below and wanted.sets is None
            by_expression[key] = key if isinstance(key, Column) and own else context.column(name, key.type)
        set_column = None if wanted.sets is None else context.column("grouping set", INTEGER)
        known: dict[Expression, Expression] = dict(by_expression)
        for arguments, column in self.aggregates.groupings.items():
            value = grouping_value(wanted, arguments, set_column)
            if value is None:
                raise context.error("the arguments of GROUPING must stand in GROUP BY", self.select)
            known[column] = value

        def above(expression: Expression, binder: ExpressionBinder, tree: Any) -> Expression:
            def missing(column: Column) -> Exception:
                node = binder.places.get(column.id, tree if tree is not None else self.select)
                return context.error(
                    f'column "{column.name}" must appear in GROUP BY or inside an aggregate, '
                    f'such as any_value("{column.name}")',
                    node,
                )

            # Aggregates, outcomes of subqueries and columns of enclosing queries are what they are.
            known.update((part, part) for part in columns_in(expression) if part.id not in below and part not in known)
            return above_keys(expression, known, missing)

        for subqueries, binder in inner:
            for column in subqueries.names().values():
                if column.id in below:
                    above(column, binder, None)
            subqueries.rename({key.id: c for key, c in by_expression.items() if isinstance(key, Column) and key != c})
        columns = tuple(by_expression.values())
        if wanted.sets is None or set_column is None:
            return replace(grouping, input=plan, key_columns=columns, keys=tuple(by_expression)), above
        expand = Expand(plan, tuple(by_expression), columns, set_column, wanted.sets)
        always = tuple(
            (*(Literal(None, column.type) for column in columns), Literal(position, INTEGER))
            for position, members in enumerate(wanted.sets)
            if not members
        )
        columns = (*columns, set_column)
        return replace(grouping, input=expand, key_columns=columns, keys=columns, always=always), above

    # -- the result ---------------------------------------------------------------------------

    def _distinct_on(self, items: list[_Item], binder: ExpressionBinder) -> list[OrderItem]:
        """The keys of DISTINCT ON (…)."""
        reader = self.context.reader
        distinct_ = reader.get(self.select, "distinct")
        on = None if distinct_ is None else reader.get(distinct_, "on")
        return [] if on is None else bind_items(self.context, reader.all(on), [item.name for item in items], binder)

    def _output(self, plan: Node, items: list[_Item], order: list[OrderItem], on: list[OrderItem]) -> Node:
        """Project, DISTINCT, sort and cut."""
        context = self.context
        expressions = [item.expression for item in items]
        names = [item.name for item in items]
        # ORDER BY x + 1 may be a column of the result already.
        positions = [self._output_of(each, expressions) for each in order]
        hidden = [each.expression for each, at in zip(order, positions, strict=True) if at is None and each.expression]
        values, headers = expressions + hidden, names + ["order"] * len(hidden)
        if context.reader.get(self.select, "distinct") is None:
            plan = project(context, plan, values, headers)
        elif on:
            keys = [self._meaning(each, expressions) for each in on]
            by = [SortKey(self._meaning(each, expressions), each.descending, each.nulls_first) for each in order]
            plan = first_of_each(context, plan, keys, values, headers, by)
        else:
            plan = distinct_rows(context, plan, expressions, values, headers)
        extra = iter(plan.columns[len(items) :])
        sort_keys = tuple(
            SortKey(next(extra) if at is None else plan.columns[at], each.descending, each.nulls_first)
            for each, at in zip(order, positions, strict=True)
        )
        return sort_and_limit(context, plan, len(items), sort_keys, self.select)

    def _output_of(self, item: OrderItem, expressions: list[Expression]) -> int | None:
        if item.output is not None:
            return item.output
        if item.expression in expressions and not isinstance(item.expression, Literal):
            return expressions.index(item.expression)
        return None

    def _meaning(self, item: OrderItem, expressions: list[Expression]) -> Expression:
        if item.output is not None:
            return expressions[item.output]
        assert item.expression is not None
        return item.expression
