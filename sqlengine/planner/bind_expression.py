"""Expressions: names looked up, types derived, implicit casts written out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from sqlglot import exp

from sqlengine.functions.nested_overloads import overload_for
from sqlengine.functions.registry import find_scalar
from sqlengine.planner import bind_function, bind_subquery
from sqlengine.planner.aggregates import Aggregates
from sqlengine.planner.bind_literal import FRACTIONAL_UNITS, blob_literal, interval_literal, number_literal, unit_name
from sqlengine.planner.bind_name import Aliases, NameBinder
from sqlengine.planner.bind_parameter import bind_parameter
from sqlengine.planner.bind_type import bind_type
from sqlengine.planner.bind_unnest import Unnests
from sqlengine.planner.bind_window import Windows, bind_window
from sqlengine.planner.coerce import coerce, coerce_all, coerce_for_in, operand_of
from sqlengine.planner.constant import fold
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Call, Case, Cast, Column, Expression, InList, Literal
from sqlengine.planner.scope import Scope
from sqlengine.planner.session_zone import in_session_zone, session_value, zoned_cast
from sqlengine.planner.subqueries import Subqueries
from sqlengine.types import BIGINT, BOOLEAN, DOUBLE, INTERVAL, NULL, VARCHAR, TypeKind


class ExpressionBinder(NameBinder):
    """Binds the expressions of one clause.

    Parameters
    ----------
    context
        Of the query.
    scope
        What column names mean.
    clause
        What the clause is called in errors: "WHERE".
    aliases
        Names of the SELECT list, in lower case, to their syntax trees: a name that no column has means these.
    aggregates
        Where aggregate calls go; None where none may stand.
    keys
        For HAVING: the GROUP BY keys. A column that is none of them gives way to an alias of its name.
    subqueries
        Where subqueries go; None where none may stand.
    windows
        Where calls over windows go; None where none may stand.
    """

    def __init__(
        self,
        context: BindContext,
        scope: Scope,
        clause: str,
        aliases: Aliases | None = None,
        aggregates: Aggregates | None = None,
        keys: Collection[Expression] | None = None,
        subqueries: Subqueries | None = None,
        windows: Windows | None = None,
    ) -> None:
        self.windows = windows
        self.keys = keys
        self.subqueries = subqueries
        self.outer = context.outer
        self.tables = context.tables
        self.context = context
        self.reader = context.reader
        self.scope = scope
        self.clause = clause
        self.aliases: Aliases = {} if aliases is None else aliases
        self.aggregates = aggregates
        self.unnests: Unnests | None = None
        self.places: dict[int, Any] = {}
        self._open_aliases: set[str] = set()
        self.lambdas: list[dict[str, Column]] = []

    def bind(self, node: Any) -> Expression:
        """The meaning of a syntax tree.

        Raises
        ------
        BindError
            A name or a type does not resolve; carries the place.
        NotSupportedError
            A kind of expression, or an aggregate option, that is not supported.
        """
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise self.reader.unknown(node)
        return handler(self, node)

    def bind_condition(self, node: Any) -> Expression:
        """A condition: a BOOLEAN, or something cast to it."""
        with self.context.at(node):
            return coerce(self.bind(node), BOOLEAN)

    def call(self, name: str, arguments: list[Expression], node: Any) -> Expression:
        """A call of a scalar function that exists, its arguments cast as it wants them."""
        name = overload_for(name, [argument.type for argument in arguments])
        function = find_scalar(name)
        if function is None:
            raise self.reader.unknown(node)
        with self.context.at(node):
            value = session_value(name, arguments)
            if value is not None:
                return value
            name, arguments = in_session_zone(name, arguments)
            function = find_scalar(name) or function
            signature = function.resolve([operand_of(argument) for argument in arguments])
            cast = tuple(
                coerce(argument, target) for argument, target in zip(arguments, signature.arguments, strict=True)
            )
        return Call(function.alias_of or name, cast, signature.result)

    def child(self, node: Any, argument: str = "this") -> Expression:
        """The bound argument of a node."""
        return self.bind(self.reader.get(node, argument))

    def within(self, clause: str) -> ExpressionBinder:
        """A binder for a place inside this one where no aggregate may stand."""
        inner = ExpressionBinder(self.context, self.scope, clause, self.aliases, subqueries=self.subqueries)
        inner._open_aliases = self._open_aliases
        inner.lambdas = self.lambdas
        return inner

    def inside_window(self) -> ExpressionBinder:
        """A binder for what stands in a call over a window, where no other one may stand."""
        inner = self.within("another window function")
        inner.aggregates = self.aggregates
        return inner

    # -- constants ----------------------------------------------------------------------------

    def literal(self, node: Any) -> Expression:
        """A number or a text."""
        text = self.reader.get(node, "this")
        if self.reader.get(node, "is_string"):
            return Literal(text, VARCHAR)
        with self.context.at(node):
            return number_literal(text)

    def interval(self, node: Any) -> Expression:
        """INTERVAL 3 MONTH, INTERVAL '3' MONTH, INTERVAL '1 day 2 hours', INTERVAL (x) DAY."""
        amount = self.reader.get(node, "this")
        unit = self.reader.get(node, "unit")
        with self.context.at(node):
            if unit is None:
                return fold(Cast(self.bind(amount), INTERVAL))
            if not isinstance(unit, exp.Var):
                raise self.reader.unknown(unit)
            word = self.reader.name(unit)
            value = self.bind(amount)
            if isinstance(value, Literal) and value.value is not None:
                return interval_literal(str(value.value), word)
            return self._interval_of(value, unit_name(word), node)

    def _interval_of(self, value: Expression, unit: str, node: Any) -> Expression:
        """An interval whose amount is computed; fractions are cut off where DuckDB does so."""
        if unit in FRACTIONAL_UNITS:
            value = coerce(value, DOUBLE)
        elif not value.type.is_integer:
            value = coerce(self.call("trunc", [coerce(value, DOUBLE)], node), BIGINT)
        plural = {"century": "centuries", "millennium": "millennia"}.get(unit, f"{unit}s")
        return self.call(f"to_{plural}", [value], node)

    # -- operators ----------------------------------------------------------------------------

    def binary(self, node: Any) -> Expression:
        """An operator with two operands, which is a function of that name."""
        if isinstance(node, _COMPARISONS) and isinstance(self.reader.get(node, "this"), _COMPARISONS):
            raise self.context.error("comparisons cannot be chained; connect two of them with AND", node)
        # How `/` and `||` treat zero and NULL is fixed by the dialect; sqlglot notes it on the node.
        for flag in ("typed", "safe"):
            self.reader.get(node, flag)
        if bind_subquery.is_quantifier(node.expression):
            return bind_subquery.quantified(self, node, _BINARY[type(node)])
        result = self.call(_BINARY[type(node)], [self.child(node), self.child(node, "expression")], node)
        return self._negated(result, node)

    def logical(self, node: Any) -> Expression:
        """AND and OR, as one call over all the parts of a chain."""
        kind = type(node)
        parts: list[Any] = []
        pending = [node]
        while pending:
            each = pending.pop()
            if type(each) is kind:
                pending += [self.reader.get(each, "expression"), self.reader.get(each, "this")]
            else:
                parts.append(each)
        return self.call("and" if kind is exp.And else "or", [self.bind_condition(part) for part in parts], node)

    def negation(self, node: Any) -> Expression:
        """NOT; IS NOT NULL is a function of its own."""
        inner = self.reader.get(node, "this")
        if isinstance(inner, exp.Is) and isinstance(self.reader.get(inner, "expression"), exp.Null):
            return self.call("is_not_null", [self.child(inner)], node)
        bound = self.bind(inner)
        if isinstance(bound, InList):
            return InList(bound.operand, bound.values, not bound.negated)
        return self.call("not", [bound], node)

    def minus(self, node: Any) -> Expression:
        """Unary minus; a negative number is a literal."""
        inner = self.child(node)
        if isinstance(inner, Literal) and isinstance(self.reader.get(node, "this").unnest(), exp.Literal | exp.Neg):
            text = self.reader.get(node, "this").unnest()
            if isinstance(inner.value, int) and not isinstance(inner.value, bool):
                with self.context.at(text):
                    return number_literal(str(-inner.value))
            if isinstance(inner.value, float) or inner.type.kind is TypeKind.DECIMAL:
                return Literal(-inner.value, inner.type)  # type: ignore[operator]
        return self.call("negate", [inner], node)

    def prefix(self, node: Any) -> Expression:
        """An operator in front of its operand, which is a function of that name."""
        return self.call(_PREFIX[type(node)], [self.child(node)], node)

    def at_time_zone(self, node: Any) -> Expression:
        """Value AT TIME ZONE zone."""
        return self.call("timezone", [self.child(node, "zone"), self.child(node)], node)

    def parenthesis(self, node: Any) -> Expression:
        """( … )."""
        return self.child(node)

    def is_(self, node: Any) -> Expression:
        """IS NULL, IS TRUE, IS FALSE."""
        right = self.reader.get(node, "expression")
        if isinstance(right, exp.Null):
            return self.call("is_null", [self.child(node)], node)
        if not isinstance(right, exp.Boolean):
            raise self.reader.unknown(node)
        operand = coerce(self.child(node), BOOLEAN)
        return self.call("is_not_distinct_from", [operand, self.bind(right)], node)

    def between(self, node: Any) -> Expression:
        """BETWEEN: both bounds are inclusive."""
        operand = self.reader.get(node, "this")
        lower = self.call(">=", [self.bind(operand), self.child(node, "low")], node)
        upper = self.call("<=", [self.bind(operand), self.child(node, "high")], node)
        return self._negated(self.call("and", [lower, upper], node), node)

    def like(self, node: Any) -> Expression:
        """LIKE and ILIKE without ESCAPE."""
        name = _LIKE[type(node)]
        return self._negated(self.call(name, [self.child(node), self.child(node, "expression")], node), node)

    def escaped(self, node: Any) -> Expression:
        """LIKE … ESCAPE."""
        like = self.reader.get(node, "this")
        if type(like) not in _LIKE:
            raise self.reader.unknown(node)
        arguments = [self.child(like), self.child(like, "expression"), self.child(node, "expression")]
        return self._negated(self.call(_LIKE[type(like)], arguments, node), like)

    def regex_ignoring_case(self, node: Any) -> Expression:
        """text ~* pattern."""
        arguments = [self.child(node), self.child(node, "expression"), Literal("i", VARCHAR)]
        return self.call("regexp_matches", arguments, node)

    def in_(self, node: Any) -> Expression:
        """IN over constants is a look-up; over anything else, equalities."""
        query = bind_subquery.query_of_in(self, node)
        if query is not None:
            return bind_subquery.in_query(self, node, self.reader.get(node, "this"), query)
        trees = self.reader.all(node)
        whole = self.reader.get(node, "field")
        if whole is not None:
            return self.call("contains", [self.bind(whole), self.child(node)], node)
        if not trees:
            raise self.reader.unknown(node)
        items = [self.bind(tree) for tree in trees]
        with self.context.at(node):
            operand, members = coerce_for_in(self.child(node), items)
            values = tuple(fold(member) for member in members)
        constants = tuple(value for value in values if isinstance(value, Literal))
        if len(constants) == len(values):
            return InList(operand, constants)
        equalities = [self.call("=", [operand, member], node) for member in members]
        return equalities[0] if len(equalities) == 1 else self.call("or", equalities, node)

    def _negated(self, result: Expression, node: Any) -> Expression:
        return self.call("not", [result], node) if self.reader.get(node, "negate") else result

    # -- casts and CASE -----------------------------------------------------------------------

    def cast(self, node: Any) -> Expression:
        """CAST, `::`, TRY_CAST, and typed literals such as DATE '1995-01-01'."""
        self.reader.get(node, "safe")
        target = bind_type(self.reader.get(node, "to"), self.reader)
        attempt = isinstance(node, exp.TryCast)
        with self.context.at(node):
            return zoned_cast(self.child(node), target, attempt)

    def case(self, node: Any) -> Expression:
        """CASE, both forms."""
        subject = self.reader.get(node, "this")
        conditions: list[Expression] = []
        values: list[Expression] = []
        for branch in self.reader.all(node, "ifs"):
            if subject is None:
                conditions.append(self.bind_condition(self.reader.get(branch, "this")))
            else:
                conditions.append(self.call("=", [self.bind(subject), self.child(branch)], branch))
            values.append(self.child(branch, "true"))
        return self._choice(conditions, values, self.reader.get(node, "default"), node)

    def if_(self, node: Any) -> Expression:
        """if(condition, then, else)."""
        condition = self.bind_condition(self.reader.get(node, "this"))
        return self._choice([condition], [self.child(node, "true")], self.reader.get(node, "false"), node)

    def _choice(self, conditions: list[Expression], values: list[Expression], last: Any, node: Any) -> Expression:
        otherwise = Literal(None, NULL) if last is None else self.bind(last)
        with self.context.at(node):
            cast, type_ = coerce_all([*values, otherwise])
        return Case(tuple(zip(conditions, cast[:-1], strict=True)), cast[-1], type_)


# Operators to the functions they are.
_BINARY: Final[dict[type, str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.IntDiv: "//",
    exp.Mod: "%",
    exp.Pow: "pow",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "is_not_distinct_from",
    exp.NullSafeNEQ: "is_distinct_from",
    exp.DPipe: "||",
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
    exp.RegexpLike: "regexp_matches",
    exp.SimilarTo: "regexp_full_match",
    exp.Glob: "~~~",
    exp.ArrayContainsAll: "@>",
    exp.ArrayContainedBy: "<@",
    exp.ArrayOverlaps: "&&",
    exp.Distance: "<->",
    exp.CosineDistance: "<=>",
    exp.StartsWith: "starts_with",
}

_PREFIX: Final[dict[type, str]] = {exp.BitwiseNot: "~", exp.Abs: "abs"}

_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)

_LIKE: Final[dict[type, str]] = {exp.Like: "like", exp.ILike: "ilike"}

_Handler = Callable[[ExpressionBinder, Any], Expression]

_HANDLERS: Final[dict[type, _Handler]] = {
    exp.Column: ExpressionBinder.column,
    exp.Star: ExpressionBinder.misplaced_star,
    exp.Columns: ExpressionBinder.given,
    exp.Literal: ExpressionBinder.literal,
    exp.PositionalColumn: ExpressionBinder.positional,
    exp.ByteString: lambda binder, node: Literal(binder.reader.get(node, "this"), VARCHAR),
    exp.RawString: lambda binder, node: Literal(binder.reader.get(node, "this"), VARCHAR),
    exp.HexString: lambda binder, node: blob_literal(binder.reader.get(node, "this")),
    exp.Boolean: lambda binder, node: Literal(bool(binder.reader.get(node, "this")), BOOLEAN),
    exp.Null: lambda binder, node: Literal(None, NULL),
    exp.Interval: ExpressionBinder.interval,
    exp.Placeholder: bind_parameter,
    exp.Paren: ExpressionBinder.parenthesis,
    exp.AtTimeZone: ExpressionBinder.at_time_zone,
    exp.And: ExpressionBinder.logical,
    exp.Or: ExpressionBinder.logical,
    exp.Not: ExpressionBinder.negation,
    exp.Neg: ExpressionBinder.minus,
    exp.Is: ExpressionBinder.is_,
    exp.Between: ExpressionBinder.between,
    exp.In: ExpressionBinder.in_,
    exp.RegexpILike: ExpressionBinder.regex_ignoring_case,
    exp.Escape: ExpressionBinder.escaped,
    exp.Cast: ExpressionBinder.cast,
    exp.TryCast: ExpressionBinder.cast,
    exp.Case: ExpressionBinder.case,
    exp.If: ExpressionBinder.if_,
    exp.Window: bind_window,
    **dict.fromkeys(_BINARY, ExpressionBinder.binary),
    **dict.fromkeys(_PREFIX, ExpressionBinder.prefix),
    **dict.fromkeys(_LIKE, ExpressionBinder.like),
    **bind_function.HANDLERS,
    exp.Subquery: bind_subquery.scalar,
    exp.Exists: bind_subquery.exists,
}
