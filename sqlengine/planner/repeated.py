"""Parts of a plan that stand in it more than once: where a stage must end for their work to be done once.

Stages that do the same work are shared wherever they end (see `stages`). A join or a window that a query names twice
would often end in none: what reads it goes on in the same stage. Here is decided which of them end one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator

from sqlengine.planner.choices import should_keep
from sqlengine.planner.logical import Aggregate, Filter, Node, Project, Scan, Window, inputs_of
from sqlengine.planner.logical_joins import AsofJoin, Join
from sqlengine.planner.same_work import work_of_part
from sqlengine.planner.statistics import Estimator


def repeated_parts(plan: Node, estimator: Estimator) -> frozenset[int]:
    """By `id`, the largest parts that occur more often than what they are part of, if keeping their rows pays."""
    shapes = _shapes(plan)
    often = Counter(shapes.values())
    works: dict[int, Hashable] = {
        id(node): work_of_part(node) for node in _walk(plan) if often[shapes[id(node)]] > 1 and _pays(node, estimator)
    }
    times = Counter(works.values())
    found = set()

    def visit(node: Node, above: int) -> None:
        here = times[works[id(node)]] if id(node) in works else 1
        if here > above:
            found.add(id(node))
        for child in inputs_of(node):
            visit(child, max(here, above))

    visit(plan, 1)
    return frozenset(found)


def _shapes(plan: Node) -> dict[int, int]:
    """A number for each part, equal for parts of the same kinds of nodes over the same tables: cheap to find."""
    numbers: dict[Hashable, int] = {}
    shapes: dict[int, int] = {}

    def shape(node: Node) -> int:
        below = tuple(shape(child) for child in inputs_of(node))
        key = (type(node), node.table if isinstance(node, Scan) else None, below)
        return shapes.setdefault(id(node), numbers.setdefault(key, len(numbers)))

    shape(plan)
    return shapes


def _pays(node: Node, estimator: Estimator) -> bool:
    top = node
    while isinstance(top, Filter | Project):
        top = top.input
    if not isinstance(top, Join | AsofJoin | Window | Aggregate):
        return False
    scanned = sum(estimator.rows(each) for each in _walk(top) if isinstance(each, Scan))
    return should_keep(scanned, estimator.rows(node))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in inputs_of(node):
        yield from _walk(child)
