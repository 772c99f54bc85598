"""Random SQL expressions by family of type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.properties.data import DATES, STAMPS

Columns = tuple[tuple[str, str], ...]

# (kind: scalar, exists or set; family; columns it may refer to; depth) -> a query in parentheses
Subquery = Callable[[str, str, Columns, int], str]

FAMILY_NAMES = ("int", "decimal", "double", "text", "bool", "date", "stamp")

# Words in {braces} stand for an expression of that family; {a|b} for one of the words.
COMMON = (
    "CASE WHEN {bool} THEN {same} ELSE {same} END",
    "CASE WHEN {bool} THEN {same} END",
    "coalesce({same}, {same})",
)
TEMPLATES: dict[str, tuple[str, ...]] = {
    "int": (
        "({int} + {int})",
        "({int} - {int})",
        "({int} * {int})",
        "({int} // {int})",
        "({int} % {int})",
        "(- {int})",
        "abs({int})",
        "TRY_CAST({text} AS {INTEGER|SMALLINT|BIGINT|HUGEINT})",
        "TRY_CAST({double} AS {INTEGER|TINYINT|BIGINT|UBIGINT|HUGEINT})",
        "TRY_CAST({decimal} AS {INTEGER|BIGINT|HUGEINT})",
        "TRY_CAST({int} AS {TINYINT|INTEGER|UINTEGER|BIGINT|HUGEINT})",
        "CAST({bool} AS {INTEGER|BIGINT})",
        "length({text})",
        "position({text} IN {text})",
        "extract({year|month|day|dow|doy|week|quarter|isodow} FROM coalesce({date}, DATE '2000-02-29'))",
        "extract({year|month|day|hour|minute|second} FROM coalesce({stamp}, TIMESTAMP '2000-02-29 01:02:03.4'))",
        "({date} - {date})",
        "date_diff('{day|month|year|week|quarter}', {date}, {date})",
        "date_sub('{day|month|year|hour}', {stamp}, {stamp})",
        "greatest({int}, {int})",
        "least({int}, {int})",
        "sign({int})",
        "nullif({int}, {int})",
    ),
    "decimal": (
        "({decimal} + {decimal})",
        "({decimal} - {decimal})",
        "({decimal} * {decimal})",
        "({decimal} % {1.5|7|0.25})",
        "({decimal} + {int})",
        "({int} * {decimal})",
        "(- {decimal})",
        "abs({decimal})",
        "round({decimal}, {0|1|2})",
        "TRY_CAST({int} AS DECIMAL({5,2|18,4|38,3}))",
        "TRY_CAST({double} AS DECIMAL({5,2|18,4|30,3}))",
        "TRY_CAST({text} AS DECIMAL({5,2|18,4|30,3}))",
        "TRY_CAST({decimal} AS DECIMAL({4,1|10,3|38,10}))",
        "greatest({decimal}, {decimal})",
        "nullif({decimal}, {decimal})",
    ),
    "double": (
        "({double} + {double})",
        "({double} - {double})",
        "({double} * {double})",
        "({double} / {double})",
        "({double} % {double})",
        "({int} / {int})",
        "({decimal} / {decimal})",
        "({double} + {int})",
        "({double} * {decimal})",
        "(- {double})",
        "abs({double})",
        "CAST({int} AS {DOUBLE|FLOAT})",
        "CAST({decimal} AS DOUBLE)",
        "TRY_CAST({text} AS DOUBLE)",
        "round({double}, {0|1})",
        "floor({double})",
        "ceil({double})",
        "least({double}, {double})",
        "nullif({double}, {double})",
    ),
    "text": (
        "({text} || {text})",
        "upper({text})",
        "lower({text})",
        "trim({text})",
        "substring({text}, {1|2|0|-1}, {1|2})",
        "left({text}, {0|1|2|-1})",
        "right({text}, {0|1|2|-1})",
        "replace({text}, 'a', {text})",
        "concat({text}, {text})",
        "reverse({text})",
        "repeat({text}, {0|2})",
        "lpad({text}, {0|3}, 'xy')",
        "CAST({int} AS VARCHAR)",
        "CAST({decimal} AS VARCHAR)",
        "CAST({double} AS VARCHAR)",
        "CAST({bool} AS VARCHAR)",
        "CAST({date} AS VARCHAR)",
        "CAST({stamp} AS VARCHAR)",
        "greatest({text}, {text})",
        "nullif({text}, {text})",
    ),
    "bool": (
        "({bool} AND {bool})",
        "({bool} OR {bool})",
        "(NOT {bool})",
        "TRY_CAST({text} AS BOOLEAN)",
        "TRY_CAST({int} AS BOOLEAN)",
        "starts_with({text}, {text})",
        "contains({text}, {text})",
    ),
    "date": (
        "({date} + {1|30|-400})",
        "CAST({stamp} AS DATE)",
        "TRY_CAST({text} AS DATE)",
        "CAST(date_trunc('{month|year|week|quarter}', {date}) AS DATE)",
        "last_day({date})",
        "least({date}, {date})",
        "make_date({1999|2024}, {1|2}, 28)",
        "nullif({date}, {date})",
    ),
    "stamp": (
        "({stamp} + INTERVAL '{1 day|1 month|-1 month|25 hours|1 year|90 minutes}')",
        "({date} - INTERVAL '{1 day|1 month|-1 month|25 hours|1 year|90 minutes}')",
        "CAST({date} AS TIMESTAMP)",
        "TRY_CAST({text} AS TIMESTAMP)",
        "date_trunc('{month|hour|day|week|second}', {stamp})",
        "nullif({stamp}, {stamp})",
    ),
}
CONDITIONS = (
    "{any} {comparison} {any}",
    "{any} {comparison} {any}",
    "({condition} AND {condition})",
    "({condition} OR {condition})",
    "(NOT ({condition}))",
    "{any} IS {|NOT }NULL",
    "{any} {|NOT }IN ({any}, {anyleaf}, {anyleaf})",
    "{any} {|NOT }BETWEEN {any} AND {anyleaf}",
    "{any} IS {|NOT }DISTINCT FROM {any}",
    "{text} {|NOT }{LIKE|ILIKE} {'a%'|'%b'|'%a%'|'_'|'a_b'|''|'%'|'A%'|'%ä%'|'__'|'a%b%'}",
    "{numeric} {comparison} {numeric}",
    "{date} {comparison} {stamp}",
    "{bool}",
)
NESTED = (
    "{|NOT }EXISTS {exists}",
    "{any} {|NOT }IN {set}",
    "{any} {|NOT }IN {set}",
    "{any} {comparison} {ANY|ALL} {set}",
    "{any} {comparison} {scalar}",
)
LEAVES = {
    "int": ("0", "1", "2", "-1", "7", "100", "3000000000", "CAST(NULL AS INTEGER)", "5::TINYINT"),
    "decimal": ("0.0", "1.5", "-2.25", "0.001", "12345678901234567890.5", "NULL::DECIMAL(5,2)"),
    "double": ("0e0", "1.5e0", "-1e3", "'nan'::DOUBLE", "'-inf'::DOUBLE", "NULL::DOUBLE", "2.5::FLOAT"),
    "text": ("''", "'a'", "'Ab'", "'ä'", "'12'", "'x''y'", "NULL::VARCHAR", "'日本語'"),
    "bool": ("true", "false", "NULL::BOOLEAN"),
    "date": (*(f"DATE '{text}'" for text in DATES), "NULL::DATE"),
    "stamp": (*(f"TIMESTAMP '{text}'" for text in STAMPS), "NULL::TIMESTAMP"),
}
AGGREGATES = (
    ("count(*)", "int"),
    ("count({|DISTINCT }{any})", "int"),
    ("sum({|DISTINCT }{int})", "int"),
    ("sum({|DISTINCT }{decimal})", "decimal"),
    ("sum({double})", "double"),
    ("avg({|DISTINCT }{numeric})", "double"),
    ("{bool_and|bool_or}({bool})", "bool"),
    ("count(DISTINCT {double})", "int"),
    ("{min|max}({any})", "any"),
    ("{min|max}({|DISTINCT }{any})", "any"),
)
# Those of which any two right answers are equal; {PICK} is the same expression throughout.
MORE_AGGREGATES = (
    ("{stddev_samp|stddev_pop|var_samp|var_pop|sem}({int})", "double"),
    ("{skewness|kurtosis|kurtosis_pop}({int})", "double"),
    ("{corr|covar_pop|covar_samp|regr_slope|regr_r2|regr_avgx}({int}, {int})", "double"),
    ("regr_count({double}, {int})", "int"),
    ("median({double})", "double"),
    ("quantile_cont({double}, {0|0.3|1})", "double"),
    ("quantile_disc({|DISTINCT }{any}, {0|0.25|0.5|1})", "any"),
    (
        "string_agg({|DISTINCT }CAST({PICK} AS VARCHAR), ',' ORDER BY CAST({PICK} AS VARCHAR){| DESC| NULLS FIRST})",
        "text",
    ),
    ("CAST(list({|DISTINCT }{PICK} ORDER BY {PICK}{| DESC| NULLS LAST}) AS VARCHAR)", "text"),
    ("{first|last}({PICK} ORDER BY {PICK}{| DESC| NULLS LAST})", "any"),
    ("CAST(list_sort(list({|DISTINCT }{int})) AS VARCHAR)", "text"),
    ("CAST(histogram({text}) AS VARCHAR)", "text"),
    ("len(list({any}))", "int"),
    ("{bit_and|bit_or|bit_xor}({int})", "int"),
    ("count_if({bool})", "int"),
    ("product({double})", "double"),
    ("entropy({any})", "double"),
)


@dataclass(frozen=True)
class Expressions:
    """Draws expressions over the columns of a source."""

    rng: Random
    columns: Columns
    outer: Columns = ()
    subquery: Subquery | None = None
    aggregates: tuple[tuple[str, str], ...] = AGGREGATES

    def any(self, depth: int = 2) -> tuple[str, str]:
        """An expression of some family, and the family."""
        family = self.rng.choice(FAMILY_NAMES)
        return self.of(family, depth), family

    def of(self, family: str, depth: int) -> str:
        """An expression of `family`; a column or a literal at depth 0."""
        if depth <= 0 or self.rng.random() < 0.3:
            return self.leaf(family)
        if family == "bool" and self.rng.random() < 0.5:
            return self.condition(depth)
        if self.subquery is not None and self.rng.random() < 0.08:
            return self.subquery("scalar", family, self.columns + self.outer, depth)
        options = COMMON if self.rng.random() < 0.2 else TEMPLATES[family]
        return self.fill(self.rng.choice(options), family, depth - 1)

    def condition(self, depth: int = 2) -> str:
        """A predicate, in parentheses where it stands inside another expression."""
        nested = self.subquery is not None and self.rng.random() < 0.2
        template = self.rng.choice(NESTED if nested else CONDITIONS)
        return "(" + self.fill(template, self.rng.choice(FAMILY_NAMES), max(depth - 1, 0)) + ")"

    def leaf(self, family: str) -> str:
        columns = self.outer if self.outer and self.rng.random() < 0.3 else self.columns
        names = [name for name, each in columns if each == family]
        if names and self.rng.random() < 0.75:
            return self.rng.choice(names)
        return self.rng.choice(LEAVES[family])

    def aggregate(self) -> tuple[str, str]:
        """An aggregate call and its family."""
        template, family = self.rng.choice(self.aggregates)
        argument = self.rng.choice(FAMILY_NAMES)
        if "{PICK}" in template:
            picked, argument = self.rng.choice(self.columns)
            template = template.replace("{PICK}", picked)
        call = self.fill(template, argument, 1)
        if not call.startswith("CAST") and self.rng.random() < 0.2:
            call += f" FILTER (WHERE {self.condition(1)})"
        return call, argument if family == "any" else family

    def fill(self, template: str, family: str, depth: int) -> str:
        """The template with every {word} replaced; `any` and `same` are of `family`."""
        head, brace, rest = template.partition("{")
        if not brace:
            return head
        word, _, rest = rest.partition("}")
        match word:
            case "same" | "any":
                part = self.of(family, depth)
            case "anyleaf":
                part = self.leaf(family)
            case "condition":
                part = self.condition(depth)
            case "numeric":
                part = self.of(self.rng.choice(("int", "decimal", "double")), depth)
            case "scalar" | "set" | "exists":
                assert self.subquery is not None
                part = self.subquery(word, family, self.columns + self.outer, depth)
            case "comparison":
                part = self.rng.choice(("=", "<>", "<", "<=", ">", ">="))
            case _ if word in TEMPLATES:
                part = self.of(word, depth)
            case _:
                part = self.rng.choice(word.split("|"))
        return head + part + self.fill(rest, family, depth)
