"""FROM: tables, files, table functions, subqueries, and joins of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlglot import exp

from sqlengine.errors import did_you_mean
from sqlengine.planner.bind_expression import ExpressionBinder
from sqlengine.planner.bind_folders import folder_conditions
from sqlengine.planner.bind_macro import bind_table_macro, bind_view
from sqlengine.planner.bind_option import bind_option_call
from sqlengine.planner.bind_pivot import bind_pivot
from sqlengine.planner.bind_recursion import bind_recursion
from sqlengine.planner.bind_relation import offered, renamed
from sqlengine.planner.bind_sample import bind_sample
from sqlengine.planner.bind_subquery import QUERIES, filter_by
from sqlengine.planner.bind_table_function import bind_row_function, row_function
from sqlengine.planner.bind_unpivot import bind_unpivot
from sqlengine.planner.bind_using import merge, merged_names
from sqlengine.planner.bound import BoundQuery
from sqlengine.planner.context import BindContext, CommonTable, CommonTables
from sqlengine.planner.correlation import refers_to
from sqlengine.planner.expressions import Column, Expression, Literal, conjunction, conjuncts
from sqlengine.planner.join_keys import as_inequality, as_key, is_searchable
from sqlengine.planner.logical import ONE_ROW, Filter, Node, Project, Scan
from sqlengine.planner.logical_joins import AsofJoin, Join, JoinKind, PositionalJoin
from sqlengine.planner.plan_build import project
from sqlengine.planner.rewriting import is_repeatable
from sqlengine.planner.scope import Scope
from sqlengine.planner.subqueries import Subqueries
from sqlengine.planner.unnest import dependent_join
from sqlengine.storage.filesystem import is_folder
from sqlengine.storage.schema import unique_names
from sqlengine.storage.table import Table

Source = tuple[Node, Scope]

_KINDS: Final[dict[tuple[str, str], JoinKind]] = {
    ("", ""): JoinKind.INNER,
    ("", "INNER"): JoinKind.INNER,
    ("", "CROSS"): JoinKind.INNER,
    ("LEFT", ""): JoinKind.LEFT,
    ("LEFT", "OUTER"): JoinKind.LEFT,
    ("RIGHT", ""): JoinKind.RIGHT,
    ("RIGHT", "OUTER"): JoinKind.RIGHT,
    ("FULL", ""): JoinKind.FULL,
    ("FULL", "OUTER"): JoinKind.FULL,
    ("", "SEMI"): JoinKind.SEMI,
    ("", "ANTI"): JoinKind.ANTI,
}

_COMMA: Final = "COMMA"


def bind_from(context: BindContext, select: Any, tables: CommonTables) -> Source:
    """The plan of a SELECT's FROM clause and what names mean above it; one row of nothing without FROM."""
    reader = context.reader
    from_ = reader.get(select, "from_")
    if from_ is None:
        return ONE_ROW, Scope()
    conditions = folder_conditions(context, select)
    context.conditions |= conditions
    whole: Source | None = None
    first = reader.get(from_, "this")
    current = _item(context, first, tables, with_joins=False)
    # Without SELECT (`FROM a, b`) sqlglot hangs the joins on the first item.
    for join in (*reader.all(first, "joins"), *reader.all(select, "joins")):
        if reader.get(join, "kind") != _COMMA:
            with context.inside(_around(context, whole), tables):
                current = _join(context, current, join, tables)
            continue
        # JOIN binds tighter than the comma: `a, b LEFT JOIN c` pairs a with all of (b LEFT JOIN c).
        whole = current if whole is None else _pair(context, whole, current, join)
        item = reader.get(join, "this")
        if row_function(item) is not None:
            current = _beside(context, whole, item, JoinKind.INNER, join)
            whole = None
        else:
            with context.inside(_around(context, whole), tables):
                current = _item(context, item, tables)
    for table in conditions:
        del context.conditions[table]
    return current if whole is None else _pair(context, whole, current, from_)


def _pair(context: BindContext, left: Source, right: Source, node: Any) -> Source:
    with context.at(node):
        scope = left[1].joined(right[1])
    return dependent_join(context.column, JoinKind.INNER, left[0], right[0]), scope


def _around(context: BindContext, left: Source | None) -> ExpressionBinder | None:
    """What names mean in a FROM item right of `left`, which it may refer to (LATERAL is understood)."""
    return context.outer if left is None else ExpressionBinder(context, left[1], "FROM")


def _beside(context: BindContext, left: Source, node: Any, kind: JoinKind, join: Any) -> Source:
    """`left` and, row by row, the rows of a function that may read it."""
    plan, scope, whole = bind_row_function(context, node, left, kind)
    with context.at(join):
        both = left[1].joined(scope)
    return plan if whole else Join(kind, left[0], plan, ()), both


def _item(context: BindContext, node: Any, tables: CommonTables, with_joins: bool = True) -> Source:
    match node:
        case _ if row_function(node) is not None:
            plan, scope, _ = bind_row_function(context, node, None, JoinKind.INNER)
            source: Source = plan, scope
        case exp.Table():
            source = _table(context, node, tables)
        case exp.Subquery():
            source = _subquery(context, node, tables)
        case exp.Values():
            source = _aliased(context, _query(context, node, tables), node)
        case exp.Lateral() if isinstance(node.this, exp.Subquery):
            source = _aliased(context, _query(context, context.reader.get(node, "this"), tables), node)
        case exp.Pivot():
            below = _item(context, context.reader.get(node, "this"), tables)
            source = _pivoted(context, below, node)
        case _:
            raise context.reader.unknown(node)
    sample = context.reader.get(node, "sample")
    if sample is not None:
        source = bind_sample(context, source[0], sample), source[1]
    for pivot in context.reader.all(node, "pivots"):
        source = _pivoted(context, source, pivot)
    for join in context.reader.all(node, "joins") if with_joins else ():
        source = _join(context, source, join, tables)
    return source


def _pivoted(context: BindContext, source: Source, node: Any) -> Source:
    bind = bind_unpivot if context.reader.get(node, "unpivot") else bind_pivot
    plan, names = bind(context, *source, node)
    return plan, Scope([offered(context, node, (), unique_names(names), plan.columns)])


def _query(context: BindContext, node: Any, tables: CommonTables) -> BoundQuery:
    from sqlengine.planner.bind_query import bind_query

    return bind_query(context, node, tables)


# -- tables and subqueries ----------------------------------------------------------------------


def _table(context: BindContext, node: Any, tables: CommonTables) -> Source:
    reader = context.reader
    where = context.conditions.get(id(node), ())
    this = reader.get(node, "this")
    if not isinstance(this, exp.Identifier):
        macro = context.catalog.macro(this.name) if isinstance(this, exp.Anonymous) else None
        if macro is not None and macro.is_table:
            binder = ExpressionBinder(context, Scope(), "FROM")
            return _aliased(context, bind_table_macro(context, this, macro, binder), node, macro.name)
        with context.at(node):
            name, table = bind_option_call(context, this, where)
        return _scan(context, node, (name,), table)
    parts = tuple(
        reader.name(reader.get(node, part)) for part in ("catalog", "db", "this") if reader.get(node, part) is not None
    )
    common = tables.get(parts[0].lower()) if len(parts) == 1 else None
    if common is not None:
        return _common_table(context, node, common)
    view = context.catalog.view(parts)
    if view is not None:
        return _aliased(context, bind_view(context, node, view), node, view.name)
    with context.at(node):
        table_ = context.catalog.table(parts, where)
        if table_ is None and len(parts) == 1 and this.args.get("quoted") and _is_path(parts[0]):
            table_ = context.catalog.open_path(parts[0], where)
            parts = (_stem(parts[0]),)
    if table_ is None:
        raise _unknown_table(context, node, parts, tables)
    return _scan(context, node, parts, table_)


def _unknown_table(context: BindContext, node: Any, parts: tuple[str, ...], tables: CommonTables) -> Exception:
    name = ".".join(parts)
    names = [*(each.name for each in tables.values()), *context.catalog.table_names()]
    hint = did_you_mean(name, names)
    if not hint and len(parts) > 1:
        hint = f" To read a file, put its path in quotes: FROM '{name}'."
    return context.error(f'there is no table "{name}".{hint}', node)


def _is_path(text: str) -> bool:
    return any(mark in text for mark in "./\\*?") or is_folder(text)


def _stem(path: str) -> str:
    """The name a file has in a query, as in DuckDB: FROM 'data/x.parquet' is called x."""
    return path.replace("\\", "/").rsplit("/", 1)[-1].split(".", 1)[0]


def _scan(context: BindContext, node: Any, path: tuple[str, ...], table: Table) -> Source:
    fields = (*table.fields, *table.hidden_fields)
    columns = tuple(context.column(each.name, each.type) for each in fields)
    names = tuple(each.name for each in fields)
    shown = len(table.fields)
    relation = offered(context, node, path, names[:shown], columns[:shown])
    relation.other_names = tuple(zip(names[shown:], columns[shown:], strict=True))
    return Scan(relation.name, table, columns, names), Scope([relation])


def _common_table(context: BindContext, node: Any, common: CommonTable) -> Source:
    context.used_tables.add(id(common.tree))
    if common.working is not None:
        return _scan(context, node, (common.name,), common.working)
    if common.recursive:
        bound = bind_recursion(context, common)
        return bound.plan, Scope([offered(context, node, (common.name,), bound.names, bound.plan.columns)])
    with context.inside(common.outer, common.visible):
        bound = _query(context, context.reader.get(common.tree, "this"), common.visible)
    first = context.references.setdefault(id(common.tree), id(node))
    if first != id(node) and not common.repeated and not is_repeatable(bound.plan):
        raise context.refuse(
            f"{common.name} holds random values and is read more than once, which is supported only with NOT"
            " MATERIALIZED (new ones for each reader)",
            node,
        )
    names = unique_names(renamed(context, bound.names, common.column_names, common.name, node))
    return bound.plan, Scope([offered(context, node, (common.name,), names, bound.plan.columns)])


def _subquery(context: BindContext, node: Any, tables: CommonTables) -> Source:
    this = context.reader.get(node, "this")
    if not isinstance(this, exp.Table | exp.Subquery) or _is_query(this):
        return _aliased(context, _query(context, node, tables), node)
    # ( a JOIN b ON … ): parentheses around tables.
    plan, scope = _item(context, this, tables)
    if node.args.get("alias") is None:
        return plan, scope
    names, meanings = zip(*scope.star(), strict=True)
    if any(not isinstance(meaning, Column) for meaning in meanings):
        # A column that FULL JOIN … USING makes of two.
        plan = project(context, plan, meanings, names)
        meanings = plan.columns
    return plan, Scope([offered(context, node, (), names, meanings)])


def _is_query(node: Any) -> bool:
    """Whether parentheses hold a query in the end, not tables."""
    while isinstance(node, exp.Subquery):
        node = node.this
    return not isinstance(node, exp.Table)


def _aliased(context: BindContext, bound: BoundQuery, node: Any, *path: str) -> Source:
    return bound.plan, Scope([offered(context, node, path, unique_names(bound.names), bound.plan.columns)])


# -- joins --------------------------------------------------------------------------------------


def _join(context: BindContext, left: Source, join: Any, tables: CommonTables) -> Source:
    reader = context.reader
    method = str(reader.get(join, "method") or "").upper()
    kind = _join_kind(context, join)
    if not method and row_function(join.this) is not None and kind in (JoinKind.INNER, JoinKind.LEFT):
        return _function_join(context, left, join, kind)
    with context.inside(_around(context, left), tables):
        right = _item(context, reader.get(join, "this"), tables)
    with context.at(join):
        scope = left[1].joined(right[1])
    lateral = refers_to(right[0], left[0])
    if lateral and (kind not in (JoinKind.INNER, JoinKind.LEFT) or method in ("ASOF", "POSITIONAL")):
        raise context.error("The combining JOIN type must be INNER or LEFT for a LATERAL reference", join)
    if method == "POSITIONAL":
        return PositionalJoin((left[0], right[0])), scope
    conditions: list[Expression] = []
    names = merged_names(context, left[1], right[1], join)
    subqueries = Subqueries(context)
    binder = ExpressionBinder(context, scope, "a join condition", subqueries=subqueries)
    for position, name in enumerate(names):
        # ASOF JOIN … USING (k, t): the last one is `left.t >= right.t`.
        operator = ">=" if method == "ASOF" and position == len(names) - 1 else "="
        condition, merged = merge(context, left[1], right[1], name, kind, operator, join)
        conditions.append(condition)
        scope = Scope(scope.relations, [m for m in scope.merged if m.name.lower() != name.lower()] + [merged])
    on = reader.get(join, "on")
    if on is not None and kind is JoinKind.INNER and method != "ASOF" and on.find(*QUERIES) is not None:
        paired = dependent_join(context.column, kind, left[0], right[0], conditions)
        return filter_by(binder, paired, on), scope
    if on is not None:
        conditions += [part for part in conjuncts(binder.bind_condition(on)) if not _is_true(part)]
    sides = subqueries.attach_to_sides(left[0], right[0])
    if refers_to(sides[1], sides[0]) and (kind in (JoinKind.RIGHT, JoinKind.FULL) or method == "ASOF"):
        words = f"{method} {kind.value.upper()}".strip()
        raise context.refuse(f"a subquery over both sides of a {words} JOIN in its ON is not supported", join)
    if method == "ASOF":
        plan: Node = _asof(context, kind, *sides, conditions, join)
    else:
        plan = dependent_join(context.column, kind, *sides, conditions)
    filters = kind in (JoinKind.SEMI, JoinKind.ANTI)
    if sides != (left[0], right[0]):
        kept = left[0].columns if filters else left[0].columns + right[0].columns
        plan = Project(plan, kept, kept)
    return plan, (left[1] if filters else scope)


def _asof(
    context: BindContext, kind: JoinKind, left: Node, right: Node, conditions: Sequence[Expression], join: Any
) -> AsofJoin:
    """The one inequality between the sides says what is close; the other conditions are met by every partner."""
    left_ids = frozenset(column.id for column in left.columns)
    right_ids = frozenset(column.id for column in right.columns)
    inequalities = {each: as_inequality(each, left_ids, right_ids) for each in conditions}
    found = [(each, inequality) for each, inequality in inequalities.items() if inequality is not None]
    if len(found) != 1:
        what = "none" if not found else str(len(found))
        raise context.error(f"ASOF JOIN needs exactly one inequality between its two sides; here is {what}", join)
    condition, at = found[0]
    if not is_searchable(at.left.type):
        raise context.refuse(f"ASOF JOIN by a {at.left.type} is not supported", join)
    rest = tuple(each for each in conditions if each is not condition)
    if kind in (JoinKind.RIGHT, JoinKind.FULL) and not all(as_key(each, left_ids, right_ids) for each in rest):
        raise context.refuse(f"ASOF {kind.name} JOIN with a condition that is no equality is not supported", join)
    return AsofJoin(kind, left, right, at.left, at.operator, at.right, rest)


def _function_join(context: BindContext, left: Source, join: Any, kind: JoinKind) -> Source:
    """`left JOIN range(left.n) ON …`."""
    reader = context.reader
    plan, scope, whole = bind_row_function(context, reader.get(join, "this"), left, kind)
    with context.at(join):
        both = left[1].joined(scope)
    on = reader.get(join, "on")
    conditions: tuple[Expression, ...] = ()
    if on is not None:
        bound = ExpressionBinder(context, both, "a join condition").bind_condition(on)
        conditions = tuple(part for part in conjuncts(bound) if not _is_true(part))
    if not whole:
        return Join(kind, left[0], plan, conditions), both
    condition = conjunction(conditions)
    if condition is None:
        return plan, both
    if kind is JoinKind.LEFT:
        raise context.refuse("LEFT JOIN with a function of the left side takes ON true only", join)
    return Filter(plan, condition), both


def _is_true(expression: Expression) -> bool:
    return isinstance(expression, Literal) and expression.value is True


def _join_kind(context: BindContext, join: Any) -> JoinKind:
    reader = context.reader
    method = str(reader.get(join, "method") or "").upper()
    if method not in ("", "NATURAL", "ASOF", "POSITIONAL"):
        raise context.refuse(f"{method} JOIN is not supported", join)
    side, kind = (str(reader.get(join, part) or "").upper() for part in ("side", "kind"))
    found = _KINDS.get((side, kind))
    if found is None or (method == "POSITIONAL" and (side or kind)):
        raise context.refuse(f"{side} {kind} JOIN is not supported".strip(), join)
    return found
