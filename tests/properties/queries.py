"""Random SQL over the tables of `data`: typed expressions, so that most queries bind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.properties.data import FAMILIES
from tests.properties.expressions import AGGREGATES, MORE_AGGREGATES, Columns, Expressions
from tests.properties.windows import Windows

JOINS = ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "SEMI JOIN", "ANTI JOIN")

WHOLE_GRAMMAR = {"subqueries": True, "windows": True, "more": True}


@dataclass(frozen=True)
class Source:
    """A FROM clause and the columns (expression, family) it offers."""

    sql: str
    columns: Columns


@dataclass(frozen=True)
class Query:
    """A query and the families of its output columns."""

    sql: str
    families: tuple[str, ...]


@dataclass(frozen=True)
class Queries:
    """Draws queries; a hypothesis `Random` lets failing ones shrink.

    `outer` are the columns of the queries around this one, `level` how many those are; `subqueries` lets queries stand
    in expressions, `windows` draws window functions, `more` the rest of the grammar: further aggregates,
    grouping sets, multisets.
    """

    rng: Random
    outer: Columns = ()
    level: int = 0
    subqueries: bool = False
    windows: bool = False
    more: bool = False

    def query(self, depth: int = 2) -> Query:
        """A query of one of the shapes of the grammar; `depth` bounds the nesting."""
        shapes = ("select", "select", "group", "group", "distinct", *(("window",) * 4 if self.windows else ()))
        match self.rng.choice((*shapes, "union", "order", "with") if depth else shapes):
            case "select":
                return self.projection(self.source(depth))
            case "distinct":
                return self.projection(self.source(depth), "DISTINCT ")
            case "group":
                return self.grouped(depth)
            case "window":
                return self.windowed(depth)
            case "union":
                return self.united(depth)
            case "order":
                return self.ordered(depth)
            case _:
                name = self.alias("w")
                inner = self.query(depth - 1)
                outer = self.projection(Source(name, _columns(name, inner)))
                return Query(f"WITH {name}({_names(inner)}) AS ({inner.sql}) {outer.sql}", outer.families)

    def expressions(self, columns: Columns) -> Expressions:
        """Expressions over `columns`; deep enough, they hold no further queries."""
        return Expressions(self.rng, columns, self.outer, self.subquery if self.subqueries and self.level < 2 else None)

    def subquery(self, kind: str, family: str, outer: Columns, depth: int) -> str:
        """A query in parentheses for a place in an expression: one row, one column, or anything."""
        inner = replace(self, outer=outer, level=self.level + 1)
        source = inner.source(min(depth, 1))
        expressions = inner.expressions(source.columns)
        where = f" WHERE {expressions.condition()}" if self.rng.random() < 0.7 else ""
        # An aggregate of nothing but outer columns would belong to the query around.
        value = Expressions(self.rng, source.columns).of(family, 1)
        order = ", ".join(name for name, _ in source.columns)
        match kind:
            case "exists":
                shape = self.rng.choice(
                    ("SELECT 1 {}", "SELECT * {}", f"SELECT {value} {{}} LIMIT 1", "SELECT count(*) {}")
                )
                text = shape.format(f"FROM {source.sql}{where}", 1)
                return f"({text})"
            case "set":
                group = f" GROUP BY {value}" if self.rng.random() < 0.1 else ""
                return f"(SELECT {self.rng.choice(('', '', 'DISTINCT '))}{value} FROM {source.sql}{where}{group})"
            case _ if self.rng.random() < 0.3:
                return f"(SELECT {value} FROM {source.sql}{where} ORDER BY 1, {order} LIMIT 1)"
            case _:
                return f"(SELECT {self.rng.choice(('min', 'max'))}({value}) FROM {source.sql}{where})"

    def projection(self, source: Source, word: str = "") -> Query:
        expressions = self.expressions(source.columns)
        items = [expressions.any() for _ in range(self.rng.randint(1, 3))]
        where = f" WHERE {expressions.condition()}" if self.rng.random() < 0.5 else ""
        listed = ", ".join(sql for sql, _ in items)
        return Query(f"SELECT {word}{listed} FROM {source.sql}{where}", tuple(family for _, family in items))

    def grouped(self, depth: int) -> Query:
        source = self.source(depth)
        expressions = self.expressions(source.columns)
        keys = [Expressions(self.rng, source.columns).any(1) for _ in range(self.rng.randint(0, 2))]
        calls = Expressions(self.rng, source.columns, aggregates=AGGREGATES + MORE_AGGREGATES * self.more)
        aggregates = [calls.aggregate() for _ in range(self.rng.randint(1, 3))]
        where = f" WHERE {expressions.condition()}" if self.rng.random() < 0.3 else ""
        numbers = ", ".join(str(k + 1) for k in range(len(keys)))
        group = f" GROUP BY {self.rng.choice((numbers, 'ALL'))}" if keys else ""
        if keys and self.more and self.rng.random() < 0.3:
            group, grouping = self.grouping_sets([sql for sql, _ in keys])
            aggregates.append((grouping, "int"))
        having = ""
        if self.rng.random() < 0.25:
            call, family = calls.aggregate()
            test = self.rng.choice(("IS NOT NULL", f"= {Expressions(self.rng, ()).leaf(family)}"))
            having = f" HAVING {call} {test}"
        items = keys + aggregates
        listed = ", ".join(sql for sql, _ in items)
        return Query(f"SELECT {listed} FROM {source.sql}{where}{group}{having}", tuple(family for _, family in items))

    def grouping_sets(self, keys: list[str]) -> tuple[str, str]:
        """GROUP BY with several sets of `keys`, and the number of the set."""
        listed = ", ".join(keys)
        sets = [f"({', '.join(self.rng.sample(keys, self.rng.randint(0, len(keys))))})" for _ in range(2)]
        clause = self.rng.choice(
            (f"ROLLUP ({listed})", f"CUBE ({listed})", f"GROUPING SETS (({listed}), {', '.join(sets)})")
        )
        return f" GROUP BY {clause}", f"grouping({listed})"

    def windowed(self, depth: int) -> Query:
        source = self.source(depth)
        expressions = self.expressions(source.columns)
        windows = Windows(self.rng, source.columns)
        items = [expressions.any(1), *(windows.call(expressions) for _ in range(self.rng.randint(1, 3)))]
        where = f" WHERE {expressions.condition()}" if self.rng.random() < 0.3 else ""
        qualify = ""
        if self.rng.random() < 0.25:
            call, _ = windows.call(expressions)
            qualify = f" QUALIFY {call} IS NOT NULL"
        listed = ", ".join(sql for sql, _ in items)
        return Query(f"SELECT {listed} FROM {source.sql}{where}{qualify}", tuple(family for _, family in items))

    def united(self, depth: int) -> Query:
        left = self.projection(self.source(depth - 1))
        source = self.source(depth - 1)
        expressions = self.expressions(source.columns)
        right = ", ".join(expressions.of(family, 1) for family in left.families)
        word = self.rng.choice(
            ("UNION", "UNION ALL", "UNION ALL", "EXCEPT", "INTERSECT", *(("EXCEPT ALL", "INTERSECT ALL") * self.more))
        )
        return Query(f"{left.sql} {word} SELECT {right} FROM {source.sql}", left.families)

    def ordered(self, depth: int) -> Query:
        """Sorted by every output column, so that LIMIT has one answer."""
        inner = self.grouped(depth - 1) if self.rng.random() < 0.3 else self.projection(self.source(depth - 1))
        numbers = self.rng.sample(range(1, len(inner.families) + 1), len(inner.families))
        keys = ", ".join(
            f"{number}{self.rng.choice(('', ' ASC', ' DESC'))}{self.rng.choice(('', ' NULLS FIRST', ' NULLS LAST'))}"
            for number in numbers
        )
        limit = self.rng.choice(("", " LIMIT 0", " LIMIT 1", " LIMIT 3", " LIMIT 4 OFFSET 2", " OFFSET 1"))
        return Query(f"{inner.sql} ORDER BY {keys}{limit}", inner.families)

    def source(self, depth: int) -> Source:
        kind = self.rng.choice(("table", "table", "join", "join", "derived") if depth > 0 else ("table",))
        if kind == "join":
            return self.joined(depth)
        return self.relation(self.alias("l"), depth, kind == "derived")

    def alias(self, name: str) -> str:
        """A table's name that no query around this one uses."""
        return name if self.level == 0 else f"{name}{self.level}"

    def relation(self, alias: str, depth: int, derived: bool = False) -> Source:
        if derived and depth > 0:
            inner = self.query(depth - 1)
            return Source(f"({inner.sql}) AS {alias}({_names(inner)})", _columns(alias, inner))
        name = self.rng.choice(("t", "u"))
        return Source(f"{name} AS {alias}", tuple((f"{alias}.{column}", family) for column, family in FAMILIES.items()))

    def joined(self, depth: int) -> Source:
        left = self.relation(self.alias("l"), depth, self.rng.random() < 0.2)
        right = self.relation(self.alias("r"), depth, self.rng.random() < 0.2)
        kind = self.rng.choice(JOINS)
        both = left.columns + right.columns
        columns = left.columns if kind in ("SEMI JOIN", "ANTI JOIN") else both
        if kind == "CROSS JOIN":
            return Source(f"{left.sql} CROSS JOIN {right.sql}", columns)
        pairs = [(a, b) for a, family in left.columns for b, other in right.columns if family == other]
        parts = []
        if pairs and self.rng.random() < 0.85:
            # Keys of few values match often.
            keys = [pair for pair in pairs if pair[0].endswith(".k") and pair[1].endswith(".k")]
            first = self.rng.choice(keys if keys and self.rng.random() < 0.5 else pairs)
            parts.append(f"{first[0]} {self.rng.choice(('=', '=', '=', 'IS NOT DISTINCT FROM'))} {first[1]}")
            if self.rng.random() < 0.25:
                second = self.rng.choice(pairs)
                parts.append(f"{second[0]} = {second[1]}")
        if not parts or self.rng.random() < 0.25:
            parts.append(Expressions(self.rng, both).condition(1))
        if left.columns[0][0].endswith(".k") and right.columns[0][0].endswith(".k") and self.rng.random() < 0.15:
            return Source(f"{left.sql} {kind} {right.sql} USING (k{self.rng.choice(('', ', s', ', d'))})", columns)
        return Source(f"{left.sql} {kind} {right.sql} ON {' AND '.join(parts)}", columns)


def _names(query: Query) -> str:
    return ", ".join(f"c{k}" for k in range(len(query.families)))


def _columns(alias: str, query: Query) -> Columns:
    return tuple((f"{alias}.c{k}", family) for k, family in enumerate(query.families))
