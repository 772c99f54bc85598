"""What a rule changed, in few lines: the subtrees that differ, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlengine.planner.explain_logical import describe, names_of
from sqlengine.planner.expression_text import ExpressionText
from sqlengine.planner.logical import Node, inputs_of
from sqlengine.planner.tree_text import Line, Part, render


def explain_change(before: Node, after: Node) -> str:
    """The smallest subtrees that differ, lines of the one after the other: `-` before, `+` after.

    A part that is the same in both is one line: its inputs are left out.
    """
    text = ExpressionText(names_of(before) | names_of(after))
    lines: list[str] = []
    for old, new in _differing(before, after):
        for sign, node, others in (("- ", old, new), ("+ ", new, old)):
            kept = frozenset(map(id, _nodes(others)))
            lines += render(_shortened(describe(node, text), node, kept), sign)
    return "\n".join(lines)


def _differing(before: Node, after: Node) -> Iterator[tuple[Node, Node]]:
    """(subtree before, after): as low as it goes, the roots of what differs."""
    if before is after:
        return
    pairs = list(zip(inputs_of(before), inputs_of(after), strict=False))
    if _same_but_inputs(before, after):
        for old, new in pairs:
            yield from _differing(old, new)
    else:
        yield before, after


def _same_but_inputs(before: Node, after: Node) -> bool:
    """Whether two nodes would print alike and have as many inputs."""
    if type(before) is not type(after) or len(inputs_of(before)) != len(inputs_of(after)):
        return False
    text = ExpressionText()
    return before.columns == after.columns and describe(before, text).parts == describe(after, text).parts


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in inputs_of(node):
        yield from _nodes(child)


def _shortened(line: Line, node: Node, kept: frozenset[int]) -> Line:
    """The lines of a tree; below a node that is in `kept` too, nothing but `…`."""
    if id(node) in kept:
        below: Sequence[Line] = (Line("…", (Part(""),)),) if line.inputs else ()
        return Line(line.kind, line.parts, tuple(below))
    pairs = zip(line.inputs, inputs_of(node), strict=True)
    return Line(line.kind, line.parts, tuple(_shortened(part, child, kept) for part, child in pairs), line.suffix)
