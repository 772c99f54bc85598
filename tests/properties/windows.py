"""Random window functions, such that their answers do not depend on how equal rows are ordered."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.properties.data import FAMILIES
from tests.properties.expressions import Columns, Expressions

# Function and family; {any} is the argument.
RANKS = (
    ("rank()", "int"),
    ("dense_rank()", "int"),
    ("percent_rank()", "double"),
    ("cume_dist()", "double"),
)
PLACES = (
    ("row_number()", "int"),
    ("ntile({1|2|3|7})", "int"),
    ("lag({any})", "any"),
    ("lead({any}, {0|1|2|-1})", "any"),
    ("lag({any}, {1|2}, {anyleaf})", "any"),
)
VALUES = (
    ("first_value({any}{| IGNORE NULLS})", "any"),
    ("last_value({any}{| IGNORE NULLS| RESPECT NULLS})", "any"),
    ("nth_value({any}, {1|2|3}{| IGNORE NULLS})", "any"),
)
SUMMARIES = (
    ("count(*)", "int"),
    ("count({|DISTINCT }{any})", "int"),
    ("sum({|DISTINCT }{int})", "int"),
    ("sum({decimal})", "decimal"),
    ("sum({double})", "double"),
    ("avg({numeric})", "double"),
    ("{min|max}({any})", "any"),
    ("{bool_and|bool_or}({bool})", "bool"),
)
OFFSETS = {
    "int": ("0", "1", "2"),
    "decimal": ("0", "1.5", "2"),
    "date": ("INTERVAL 1 DAY", "INTERVAL 1 YEAR"),
    "stamp": ("INTERVAL 1 HOUR", "INTERVAL 30 DAY"),
}
# Of one type in all tables, and far from the ends of it.
ROOMY = ("k", "day", "ts")


@dataclass(frozen=True)
class Windows:
    """Draws window function calls over the rows of a source; `columns` are all of its columns."""

    rng: Random
    columns: Columns

    def call(self, expressions: Expressions) -> tuple[str, str]:
        """A call with its OVER, and its family."""
        rng = self.rng
        kind = rng.choice(("rank", "place", "value", "summary", "summary", "summary"))
        argument = rng.choice(tuple(set(FAMILIES.values())))
        partition = self._partition()
        filter_ = ""
        match kind:
            case "rank":
                template, family = rng.choice(RANKS)
                over = f"{partition}ORDER BY {self._some_order()}"
            case "place":
                template, family = rng.choice(PLACES)
                over = f"{partition}ORDER BY {self._total_order()}"
            case "value":
                template, family = rng.choice(VALUES)
                over = f"{partition}ORDER BY {self._total_order()}{self._frame('ROWS', 'GROUPS', 'RANGE')}"
            case _:
                template, family = rng.choice(SUMMARIES)
                over = partition + self._summary_order()
                if rng.random() < 0.2:
                    filter_ = f" FILTER (WHERE {expressions.condition(1)})"
        call = expressions.fill(template, argument, 1)
        return f"{call}{filter_} OVER ({over.strip()})", argument if family == "any" else family

    def _partition(self) -> str:
        names = self._names(self.rng.choice((0, 1, 1, 2)))
        return f"PARTITION BY {', '.join(names)} " if names else ""

    def _some_order(self) -> str:
        names = self._names(self.rng.choice((1, 1, 2)))
        return ", ".join(name + self._direction() for name in names)

    def _total_order(self) -> str:
        """All columns: rows that are still equal may change places without anybody seeing it."""
        return ", ".join(name + self._direction() for name in self._names(len(self.columns)))

    def _names(self, count: int) -> list[str]:
        return self.rng.sample([name for name, _ in self.columns], min(count, len(self.columns)))

    def _direction(self) -> str:
        return self.rng.choice(("", "", " ASC", " DESC")) + self.rng.choice(("", "", " NULLS FIRST", " NULLS LAST"))

    def _summary_order(self) -> str:
        match self.rng.choice(("none", "peers", "rows", "range")):
            case "none":
                return ""
            case "peers":
                return f"ORDER BY {self._some_order()}{self._frame('GROUPS', 'RANGE')}"
            case "rows":
                return f"ORDER BY {self._total_order()}{self._frame('ROWS')}"
            case _:
                key = self.rng.choice([each for each in self.columns if each[0].split(".")[-1] in ROOMY] or [("", "")])
                if not key[0]:
                    return ""
                frame = self._bounds("RANGE", OFFSETS[key[1]]) + self._exclude(ties=True)
                return f"ORDER BY {key[0]}{self._direction()} {frame}"

    def _frame(self, *modes: str) -> str:
        if self.rng.random() < 0.3:
            return ""
        mode = self.rng.choice(modes)
        offsets = () if mode == "RANGE" else ("0", "1", "2", "3")
        return f" {self._bounds(mode, offsets)}{self._exclude(ties=mode != 'ROWS' or 'GROUPS' in modes)}"

    def _bounds(self, mode: str, offsets: tuple[str, ...]) -> str:
        rng = self.rng
        starts = ["UNBOUNDED PRECEDING", "CURRENT ROW"]
        ends = ["CURRENT ROW", "UNBOUNDED FOLLOWING"]
        if offsets:
            starts += [f"{rng.choice(offsets)} PRECEDING", f"{rng.choice(offsets)} FOLLOWING"]
            ends += [f"{rng.choice(offsets)} FOLLOWING", f"{rng.choice(offsets)} PRECEDING"]
        start, end = rng.choice(starts), rng.choice(ends)
        # The standard refuses frames that end before they can begin.
        if start == "CURRENT ROW" and end.endswith("PRECEDING"):
            end = "CURRENT ROW"
        if start.endswith("FOLLOWING") and (end == "CURRENT ROW" or end.endswith("PRECEDING")):
            end = "UNBOUNDED FOLLOWING"
        return f"{mode} BETWEEN {start} AND {end}"

    def _exclude(self, ties: bool) -> str:
        words = ["", "", "", " EXCLUDE NO OTHERS", *((" EXCLUDE GROUP", " EXCLUDE TIES") if ties else ())]
        return self.rng.choice(words)
