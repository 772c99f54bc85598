"""Refuse or be right: whatever stands on a syntax tree and was not read is refused, by name.

The binder reads trees through a `Reader` only. It remembers every (node, argument) that was asked for; at the
end each node is visited, and an argument that says something and that nobody read raises NotSupportedError.
So a clause that a newer parser starts to understand is refused without a line being written for it.
"""

from __future__ import annotations

import re
from typing import Any

from sqlengine.errors import NotSupportedError
from sqlengine.planner.source import Source


class Reader:
    """Reads the arguments of sqlglot nodes and remembers which.

    Parameters
    ----------
    source
        The statement, for positions in errors.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._read: set[tuple[int, str]] = set()

    def get(self, node: Any, argument: str) -> Any:
        """One argument of a node: a node, a text, a flag, or None."""
        self._read.add((id(node), argument))
        return node.args.get(argument)

    def all(self, node: Any, argument: str = "expressions") -> list[Any]:
        """A list argument of a node; empty when absent."""
        return self.get(node, argument) or []

    def name(self, identifier: Any) -> str:
        """The text of an identifier (or a bare word, or a text); whether it was quoted does not matter."""
        if isinstance(identifier, str):
            return identifier
        self._read.add((id(identifier), "quoted"))
        return str(self.get(identifier, "this"))

    def unwrap(self, node: Any) -> Any:
        """What stands inside any parentheses."""
        while type(node).__name__ == "Paren":
            node = self.get(node, "this")
        return node

    def skip(self, root: Any) -> None:
        """Declare everything below `root` meaningless: a CTE that nobody refers to."""
        for node in root.walk():
            self._read.update((id(node), argument) for argument in node.args)

    def refuse_unread(self, root: Any) -> None:
        """Raise NotSupportedError for the first argument that says something and was not read."""
        for node in root.walk():
            for argument, value in node.args.items():
                # `or` and `and` of flags: None, False, "" and [] say nothing.
                if value and (id(node), argument) not in self._read:
                    raise self.refuse(node, argument, value)

    def refuse(self, node: Any, argument: str, value: Any) -> NotSupportedError:
        """The error for one argument that is not supported."""
        values = value if isinstance(value, list) else [value]
        first = values[0]
        if not hasattr(first, "walk"):
            # A flag: UNION BY NAME, WITH RECURSIVE.
            return self._error(f"{words_of(node)} {_words(argument)}", [node], node)
        clause = words_of(first)
        if type(first).__name__ in _PLAIN or argument == "on":
            # A plain expression says nothing of its role: DISTINCT ON (a), * RENAME (a AS b).
            clause = f"{words_of(node)} {_words(argument)}"
        return self._error(clause, values, first)

    def unknown(self, node: Any) -> NotSupportedError:
        """The error for a whole node that no handler reads."""
        return self._error(words_of(node), [node], node)

    def _error(self, clause: str, nodes: list[Any], place: Any) -> NotSupportedError:
        text = ", ".join(sql_of(node) for node in nodes if hasattr(node, "walk"))
        return NotSupportedError(f"{clause} is not supported{': ' if text else ''}{text}", self.source.position(place))


def words_of(node: Any) -> str:
    """A kind of node in SQL words: TableSample -> TABLE SAMPLE."""
    name = type(node).__name__
    return _CLAUSES.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).upper()


def sql_of(node: Any) -> str:
    """The SQL text of a node, cut to one short line."""
    from sqlengine.planner.sql_dialect import written_sql

    text = " ".join(written_sql(node, normalize_functions=False).split())
    return text if len(text) <= 120 else text[:119] + "…"


def _words(argument: str) -> str:
    return argument.strip("_").replace("_", " ").upper()


# Kinds of node that need the argument's name beside them to be understood.
_PLAIN = frozenset({"Alias", "Column", "Identifier", "Literal", "Tuple", "Var"})

# Where the class name is not what the user wrote.
_CLAUSES = {
    "Anonymous": "this function call",
    "Array": "a list [ … ]",
    "Bracket": "a subscript or slice",
    "Concat": "joining adjacent texts",
    "Dot": "a call or field after a dot",
    "Lambda": "a lambda function",
    "LimitOptions": "LIMIT or FETCH with",
    "Lock": "FOR UPDATE or FOR SHARE",
    "Order": "ORDER BY",
    "Star": "*",
    "Struct": "a struct { … }",
    "Subquery": "a subquery",
    "Table": "FROM",
    "TableSample": "SAMPLE",
    "Tuple": "a row (…, …)",
    "Window": "a window function (OVER)",
}
