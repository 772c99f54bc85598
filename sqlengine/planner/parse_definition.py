"""CREATE, INSERT, DROP, COPY, PREPARE, EXECUTE, DEALLOCATE, SET VARIABLE: tokens to trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlengine.errors import NotSupportedError, ParseError
from sqlengine.planner.definitions import Macro, MacroForm
from sqlengine.planner.source import Source
from sqlengine.planner.statements import CreateMacro, Deallocate

if TYPE_CHECKING:
    from sqlengine.planner.parse import Statement

Parse = Callable[[list[Any], Source], Any]


@dataclass(frozen=True, slots=True)
class DefinitionTree:
    """CREATE VIEW, CREATE TABLE, INSERT or DROP, parsed."""

    tree: Any


@dataclass(frozen=True, slots=True)
class CopyTree:
    """COPY … TO or COPY … FROM, parsed."""

    tree: Any


@dataclass(frozen=True, slots=True)
class PrepareTree:
    """PREPARE name AS statement."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class ExecuteTree:
    """EXECUTE name(arguments)."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class VariableTree:
    """SET VARIABLE name = value, the value as a query of one column; None for RESET VARIABLE."""

    name: str
    tree: Any


def definition(tokens: list[Any], source: Source, parse: Parse) -> DefinitionTree | CreateMacro:
    """CREATE …, INSERT INTO …, DROP …."""
    from sqlglot import exp

    words = [token.text.upper() for token in tokens[:6]]
    if words[0] == "CREATE" and ("MACRO" in words or "FUNCTION" in words):
        return _macro(tokens, source, parse)
    if words[:3] == ["DROP", "MACRO", "TABLE"]:
        tokens = [*tokens[:2], *tokens[3:]]
    tree = parse(tokens, source)
    if not isinstance(tree, exp.Create | exp.Insert | exp.Drop):
        raise NotSupportedError(
            f"this form of {words[0]} is not supported", source.place(tokens[0].start, tokens[0].end + 1)
        )
    return DefinitionTree(tree)


def copying(tokens: list[Any], source: Source, parse: Parse) -> CopyTree:
    """COPY query or table TO file, COPY table FROM file."""
    from sqlglot import exp

    tree = parse(tokens, source)
    if not isinstance(tree, exp.Copy) or len(tree.args.get("files") or ()) != 1:
        raise ParseError(
            "COPY is written: COPY (query) TO 'file' (FORMAT parquet, …)",
            source.place(tokens[0].start, tokens[0].end + 1),
        )
    return CopyTree(tree)


def execution(tokens: list[Any], source: Source, parse: Parse) -> ExecuteTree:
    """EXECUTE name, EXECUTE name(1, b := 2)."""
    if len(tokens) == 2:
        return ExecuteTree(tokens[1].text, ())
    call = _expression(tokens[1:], source, parse)
    if type(call).__name__ != "Anonymous":
        raise ParseError("EXECUTE is written: EXECUTE name(values)", source.place(tokens[0].start, tokens[0].end + 1))
    return ExecuteTree(call.name, tuple(call.expressions))


def deallocation(tokens: list[Any], source: Source) -> Deallocate:
    """DEALLOCATE [PREPARE] name."""
    if len(tokens) < 2 or len(tokens) > 3 or (len(tokens) == 3 and tokens[1].text.upper() != "PREPARE"):
        raise ParseError("DEALLOCATE is written: DEALLOCATE name", source.place(tokens[0].start, tokens[0].end + 1))
    return Deallocate(tokens[-1].text)


def variable(tokens: list[Any], source: Source, parse: Parse) -> VariableTree:
    """SET VARIABLE name = expression, RESET VARIABLE name."""
    from sqlglot import exp

    if tokens[0].text.upper() == "RESET" and len(tokens) == 3:
        return VariableTree(tokens[2].text, None)
    if tokens[0].text.upper() == "RESET" or len(tokens) < 5 or tokens[3].text.upper() not in ("=", "TO"):
        raise ParseError(
            "a variable is written: SET VARIABLE name = value, RESET VARIABLE name",
            source.place(tokens[0].start, tokens[-1].end + 1),
        )
    return VariableTree(tokens[2].text, exp.Select(expressions=[_expression(tokens[4:], source, parse)]))


def _macro(tokens: list[Any], source: Source, parse: Parse) -> CreateMacro:
    """CREATE [OR REPLACE] [TEMP] MACRO [IF NOT EXISTS] name(a, b := 1) AS [TABLE] …, and further forms after commas."""
    words = [token.text.upper() for token in tokens]
    at = next(position for position, word in enumerate(words) if word in ("MACRO", "FUNCTION"))
    head = words[1:at]
    replace = head[:2] == ["OR", "REPLACE"]
    rest = head[2:] if replace else head
    if rest not in ([], ["TEMP"], ["TEMPORARY"]):
        raise ParseError(
            f"CREATE {' '.join(head)} MACRO is not known", source.place(tokens[1].start, tokens[1].end + 1)
        )
    if_missing = words[at + 1 : at + 4] == ["IF", "NOT", "EXISTS"]
    at += 4 if if_missing else 1
    if at >= len(tokens):
        raise ParseError("CREATE MACRO needs a name", source.place(tokens[-1].start, tokens[-1].end + 1))
    name = tokens[at].text
    forms = [_form(piece, source, parse) for piece in _split(tokens[at + 1 :], forms_only=True)]
    if (
        len({(len(form.parameters), form.is_table) for form in forms}) != len(forms)
        or len({form.is_table for form in forms}) != 1
    ):
        raise ParseError(f"the forms of macro {name} must differ in their number of parameters")
    return CreateMacro(Macro(name, tuple(forms), source), replace, if_missing)


def _form(tokens: list[Any], source: Source, parse: Parse) -> MacroForm:
    closing = _closing(tokens)
    if closing is None or closing + 2 > len(tokens) - 1 or tokens[closing + 1].text.upper() != "AS":
        raise ParseError(
            "a macro is written: CREATE MACRO name(parameters) AS expression",
            source.place(tokens[0].start, tokens[0].end + 1),
        )
    parameters = []
    for piece in _split(tokens[1:closing]):
        default = None
        if len(piece) > 2 and piece[1].text in (":=", "=>"):
            default = _expression(piece[2:], source, parse)
        elif len(piece) > 3 and [piece[1].text, piece[2].text] == [":", "="]:
            default = _expression(piece[3:], source, parse)
        elif len(piece) != 1:
            raise ParseError(
                "a parameter is written: name, or name := default", source.place(piece[0].start, piece[0].end + 1)
            )
        parameters.append((piece[0].text, default))
    body = tokens[closing + 2 :]
    if body[0].text.upper() == "TABLE":
        return MacroForm(tuple(parameters), parse(body[1:], source), True)
    return MacroForm(tuple(parameters), _expression(body, source, parse), False)


def _expression(tokens: list[Any], source: Source, parse: Parse) -> Any:
    """The one expression that `tokens` are: the select list of a query made of them."""
    from sqlengine.planner.tokens import dialect

    select = parse([*dialect().tokenize("SELECT"), *tokens], source)
    if type(select).__name__ != "Select" or len(select.expressions) != 1 or select.args.get("from_") is not None:
        raise ParseError("expected one expression", source.place(tokens[0].start, tokens[-1].end + 1))
    return select.expressions[0]


def _closing(tokens: list[Any]) -> int | None:
    """The place of the parenthesis that closes the one at the beginning."""
    depth = 0
    for position, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth:
            return position if position else None
    return None


def _split(tokens: list[Any], forms_only: bool = False) -> list[list[Any]]:
    """`tokens` cut at commas outside of parentheses and brackets; with `forms_only` at `, (` alone."""
    pieces: list[list[Any]] = [[]]
    depth = 0
    for position, token in enumerate(tokens):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        opens = position + 1 < len(tokens) and tokens[position + 1].text == "("
        if token.text == "," and not depth and (opens or not forms_only):
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]
