"""What names mean at one place of a query: the relations of a FROM clause and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlengine.errors import BindError, did_you_mean
from sqlengine.planner.expressions import Column, Expression


@dataclass(slots=True)
class Relation:
    """One item of FROM under the name the query calls it.

    Attributes
    ----------
    path
        Its name, last; for a table under its own name the qualifying parts come before it.
    names, columns
        What it offers, in order; `names` as users see them.
    other_names
        What its columns are called, too, where no name of `names` says so: `t.range` of `FROM range(3) t`.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[Column, ...]
    other_names: tuple[tuple[str, Column], ...] = ()
    _by_name: dict[str, list[Column]] | None = None
    _ids: frozenset[int] | None = None

    @property
    def ids(self) -> frozenset[int]:
        """Ids of its columns."""
        if self._ids is None:
            self._ids = frozenset(column.id for column in self.columns)
        return self._ids

    @property
    def name(self) -> str:
        """The name before the dot."""
        return self.path[-1] if self.path else ""

    def find(self, name: str) -> list[Column]:
        """The columns of that name; case does not count."""
        if self._by_name is None:
            self._by_name = {}
            for each, column in zip(self.names, self.columns, strict=True):
                self._by_name.setdefault(each.lower(), []).append(column)
            for each, column in self.other_names:
                self._by_name.setdefault(each, [column])
        return self._by_name.get(name.lower(), [])

    def is_called(self, qualifiers: tuple[str, ...]) -> bool:
        """Whether `qualifiers`, in lower case, name this relation."""
        return bool(qualifiers) and tuple(part.lower() for part in self.path[-len(qualifiers) :]) == qualifiers


@dataclass(frozen=True, slots=True)
class Merged:
    """A column that USING or NATURAL made of several: its unqualified name means `expression`."""

    name: str
    expression: Expression
    members: frozenset[int]


@dataclass(slots=True)
class Scope:
    """The relations that a name may refer to, in FROM's order."""

    relations: list[Relation] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)

    def joined(self, other: Scope) -> Scope:
        """This scope and, right of it, another; BindError if both know a relation of one name."""
        known = {relation.name.lower() for relation in self.relations if relation.path}
        for relation in other.relations:
            if relation.path and relation.name.lower() in known:
                raise BindError(f'table name "{relation.name}" appears twice in FROM; give one of them an alias')
        return Scope(self.relations + other.relations, self.merged + other.merged)

    def find(self, name: str, qualifiers: tuple[str, ...] = ()) -> Expression | None:
        """What a column name means, or None if nothing has it.

        Raises
        ------
        BindError
            The name is ambiguous, or the qualifier names no relation or one without such a column.
        """
        if qualifiers:
            return self._find_qualified(name, qualifiers)
        merged = self.merged_as(name)
        hidden = {member for each in merged for member in each.members}
        owners = [each.name for each in merged]
        found = [each.expression for each in merged]
        for relation in self.relations:
            for column in relation.find(name):
                if column.id not in hidden:
                    found.append(column)
                    owners.append(f"{relation.name}.{name}" if relation.path else name)
        if len(found) > 1:
            raise BindError(f'column name "{name}" is ambiguous: write {" or ".join(dict.fromkeys(owners))}')
        return found[0] if found else None

    def knows(self, qualifiers: tuple[str, ...]) -> bool:
        """Whether `qualifiers` name a relation here."""
        folded = tuple(part.lower() for part in qualifiers)
        return any(relation.is_called(folded) for relation in self.relations)

    def merged_as(self, name: str) -> list[Merged]:
        """The merged columns of that name; case does not count."""
        return [each for each in self.merged if each.name.lower() == name.lower()]

    def spelling(self, name: str) -> str:
        """The name as its table spells it, or as given if no table has it."""
        for relation in self.relations:
            for each in relation.names:
                if each.lower() == name.lower():
                    return each
        return name

    def all_names(self) -> list[str]:
        """The names of all columns, as often as they stand."""
        return [each for relation in self.relations for each in relation.names]

    def unknown(self, name: str, aliases: tuple[str, ...] = ()) -> BindError:
        """The error for a name that `find` does not know."""
        if not self.relations and not aliases:
            return BindError(f'there is no column "{name}": the query has no FROM clause')
        candidates = [*self.all_names(), *aliases]
        return BindError(f'there is no column "{name}".{did_you_mean(name, candidates)}')

    def star(self, qualifiers: tuple[str, ...] = ()) -> Iterator[tuple[str, Expression]]:
        """(name, meaning) of every column of `*` or `t.*`; merged columns stand once, where the first was."""
        relations = self.relations
        if qualifiers:
            relations = [relation for relation in relations if relation.is_called(qualifiers)]
            if not relations:
                raise self._unknown_relation(qualifiers)
        by_member = {} if qualifiers else {i: merged for merged in self.merged for i in merged.members}
        shown: set[int] = set()
        for relation in relations:
            for name, column in zip(relation.names, relation.columns, strict=True):
                merged = by_member.get(column.id)
                if merged is None:
                    yield name, column
                elif id(merged) not in shown:
                    shown.add(id(merged))
                    yield name, merged.expression

    def _find_qualified(self, name: str, qualifiers: tuple[str, ...]) -> Expression:
        folded = tuple(part.lower() for part in qualifiers)
        relations = [relation for relation in self.relations if relation.is_called(folded)]
        if not relations:
            raise self._unknown_relation(qualifiers)
        found = [column for relation in relations for column in relation.find(name)]
        if len(found) > 1:
            raise BindError(f'column name "{".".join(qualifiers)}.{name}" is ambiguous')
        if not found:
            candidates = [each for relation in relations for each in relation.names]
            raise BindError(f'table "{qualifiers[-1]}" has no column "{name}".{did_you_mean(name, candidates)}')
        return found[0]

    def _unknown_relation(self, qualifiers: tuple[str, ...]) -> BindError:
        name = ".".join(qualifiers)
        known = [relation.name for relation in self.relations if relation.path]
        return BindError(f'there is no table "{name}" in FROM.{did_you_mean(name, known)}')
