"""Names in expressions: columns, aliases of the SELECT list, parameters of lambdas, names of enclosing queries."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final, cast

from sqlglot import exp

from sqlengine.errors import BindError
from sqlengine.planner import bind_nested
from sqlengine.planner.consume import Reader, words_of
from sqlengine.planner.context import BindContext
from sqlengine.planner.expressions import Call, Column, Expression
from sqlengine.planner.scope import Scope
from sqlengine.types import struct_of

if TYPE_CHECKING:
    from sqlengine.planner.bind_expression import ExpressionBinder

Aliases = dict[str, Any]

# Functions written without parentheses that are no words of the grammar: a column of that name comes first.
_BARE_FUNCTIONS: Final = frozenset({"user", "current_role"})


class NameBinder:
    """The part of an `ExpressionBinder` that looks names up, innermost place first."""

    context: BindContext
    reader: Reader
    scope: Scope
    clause: str
    aliases: Aliases
    keys: Collection[Expression] | None
    outer: ExpressionBinder | None
    places: dict[int, Any]
    lambdas: list[dict[str, Column]]
    _open_aliases: set[str]

    def bind(self, node: Any) -> Expression:
        """The meaning of a syntax tree."""
        raise NotImplementedError

    @property
    def _whole(self) -> ExpressionBinder:
        return cast("ExpressionBinder", self)

    def column(self, node: Any) -> Expression:
        """A column reference; failing that, an alias of the SELECT list."""
        given = self.context.given.get(id(node))
        if given is not None:
            return given
        this = self.reader.get(node, "this")
        if isinstance(this, exp.Star):
            return self.misplaced_star(node)
        qualifiers = tuple(
            self.reader.name(self.reader.get(node, part))
            for part in ("catalog", "db", "table")
            if self.reader.get(node, part) is not None
        )
        name = self.reader.name(this)
        first = qualifiers[0] if qualifiers else name
        parameter: Expression | None = self.parameter(first) if self.lambdas else None
        if parameter is None and first.lower() in self.context.names and not self.scope.knows(qualifiers):
            parameter = self.context.names[first.lower()]
        if parameter is not None:
            return bind_nested.field_of(self._whole, parameter, (*qualifiers, name)[1:], node)
        with self.context.at(node):
            found = self.find(name, qualifiers, node)
            if found is None and not qualifiers and name.lower() in _BARE_FUNCTIONS:
                return self._whole.call(name.lower(), [], node)
            if found is None:
                raise self._unknown(name)
        return found

    def find(self, name: str, qualifiers: tuple[str, ...], node: Any) -> Expression | None:
        """What a name means: here, else as an alias, else around the query; None if nothing has it."""
        # A qualifier that nothing here is called may be known outside.
        foreign = bool(qualifiers) and self.outer is not None and not self.scope.knows(qualifiers)
        try:
            found = None if foreign else self.scope.find(name, qualifiers)
        except BindError:
            found = bind_nested.column_field(self._whole, (*qualifiers, name), node)
            if found is None:
                raise
        if foreign:
            found = bind_nested.column_field(self._whole, (*qualifiers, name), node)
        if not qualifiers:
            hidden = self.keys is not None and name.lower() in self.aliases and found not in self.keys
            if found is None or hidden:
                found = self._alias(name, node) or found
            if found is None:
                found = self._row(name, node)
        if found is None and self.outer is not None:
            found = self.outer.find(name, qualifiers, node)
        if isinstance(found, Column):
            self.places.setdefault(found.id, node)
        return found

    def _row(self, name: str, node: Any) -> Expression | None:
        """A row of the relation of that name, as a struct."""
        relation = next((each for each in self.scope.relations if each.is_called((name.lower(),))), None)
        if relation is None:
            return None
        fields = list(zip(relation.names, relation.columns, strict=True))
        if len({field.lower() for field in relation.names}) < len(fields):
            raise self.context.error(f'two columns of "{name}" have the same name: they make no struct', node)
        for _, column in fields:
            self.places.setdefault(column.id, node)
        return Call("struct_pack", relation.columns, struct_of((each, column.type) for each, column in fields))

    def parameter(self, name: str) -> Column | None:
        """The parameter of that name of the innermost lambda around this place that has one."""
        lowered = name.lower()
        return next((frame[lowered] for frame in reversed(self.lambdas) if lowered in frame), None)

    def _unknown(self, name: str) -> BindError:
        candidates: list[str] = list(self.aliases)
        binder = self.outer
        while binder is not None:
            candidates += [*binder.scope.all_names(), *binder.aliases]
            binder = binder.outer
        return self.scope.unknown(name, tuple(candidates))

    def _alias(self, name: str, node: Any) -> Expression | None:
        key = name.lower()
        tree = self.aliases.get(key)
        if tree is None:
            return None
        if key in self._open_aliases:
            raise self.context.error(f'the alias "{name}" is defined by itself', node)
        self._open_aliases.add(key)
        try:
            return self.bind(tree)
        finally:
            self._open_aliases.discard(key)

    def given(self, node: Any) -> Expression:
        """COLUMNS(…) where it stands for one column."""
        meaning = self.context.given.get(id(node))
        if meaning is None:
            raise self.context.error(f"{words_of(node)} cannot stand in {self.clause}", node)
        return meaning

    def positional(self, node: Any) -> Expression:
        """#2: the second column of FROM."""
        number = int(self.reader.get(self.reader.get(node, "this"), "this"))
        columns = [column for relation in self.scope.relations for column in relation.columns]
        if not 1 <= number <= len(columns):
            raise self.context.error(f"#{number} is out of range: FROM has {len(columns)} columns", node)
        return columns[number - 1]

    def misplaced_star(self, node: Any) -> Expression:
        """`*` where an expression is needed."""
        if id(node) in self.context.given:
            return self.context.given[id(node)]
        raise self.context.error("* may stand alone in a SELECT list or in count(*) only", node)
