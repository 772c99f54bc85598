"""The order of the rules, and the one place that walks plans on their behalf.

A rule is a function from a node to a node that returns the same object when it has nothing to do. The driver
hands it every node, from the root down or from the leaves up. Rules that must see more than a node and its inputs
(what is needed above, a whole tree of joins) get the whole plan: `Walk.WHOLE`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from sqlengine.config import Settings
from sqlengine.planner.logical import Node, transform_down, transform_up
from sqlengine.planner.rules.factor_disjunction import factor_disjunction
from sqlengine.planner.rules.fold_constants import fold_constants
from sqlengine.planner.rules.infer_predicates import infer_predicates
from sqlengine.planner.rules.limit_windows import limit_windows
from sqlengine.planner.rules.merge_projects import merge_projects
from sqlengine.planner.rules.narrow_structs import narrow_structs
from sqlengine.planner.rules.order_joins import order_joins
from sqlengine.planner.rules.outer_to_inner import outer_to_inner
from sqlengine.planner.rules.propagate_empty import propagate_empty
from sqlengine.planner.rules.prune_columns import prune_columns
from sqlengine.planner.rules.push_down_filter import push_down_filter
from sqlengine.planner.rules.reduce_aggregates import reduce_aggregates
from sqlengine.planner.rules.simplify_comparisons import simplify_comparisons
from sqlengine.planner.rules.split_distinct_aggregates import split_distinct_aggregates
from sqlengine.planner.rules.top_k import top_k
from sqlengine.planner.verify import check_plan, check_rewrite


class Walk(enum.Enum):
    """How a rule is led over the plan."""

    DOWN = "every node, before its inputs"
    UP = "every node, after its inputs"
    WHOLE = "the plan as a whole"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rewriting and how it is led over the plan."""

    apply: Callable[[Node], Node]
    walk: Walk

    @property
    def name(self) -> str:
        """That of its function."""
        return self.apply.__name__

    def run(self, plan: Node) -> Node:
        """The plan after this rule; the same object if it changed nothing."""
        match self.walk:
            case Walk.DOWN:
                return transform_down(plan, self.apply)
            case Walk.UP:
                return transform_up(plan, self.apply)
            case Walk.WHOLE:
                return self.apply(plan)
            case _:
                assert_never(self.walk)


RULES: Final[tuple[Rule, ...]] = (
    # Constants first: the rules below look for `column <= constant`.
    Rule(fold_constants, Walk.UP),
    Rule(simplify_comparisons, Walk.UP),
    # While conditions still stand together above the joins.
    Rule(factor_disjunction, Walk.UP),
    Rule(push_down_filter, Walk.DOWN),
    # Needs filters right above outer joins; the inner joins it makes take filters on both sides.
    Rule(outer_to_inner, Walk.UP),
    Rule(push_down_filter, Walk.DOWN),
    # Needs filters where they belong: what stands on one side of a join is told to the other.
    Rule(infer_predicates, Walk.WHOLE),
    Rule(propagate_empty, Walk.UP),
    Rule(merge_projects, Walk.UP),
    Rule(split_distinct_aggregates, Walk.WHOLE),
    # Columns that nobody reads are often computed, and a projection that computes keeps joins apart.
    Rule(prune_columns, Walk.WHOLE),
    Rule(merge_projects, Walk.UP),
    # Needs every filter in its place: they decide the sizes.
    Rule(order_joins, Walk.WHOLE),
    # Needs semi joins beside the tables they filter.
    Rule(reduce_aggregates, Walk.WHOLE),
    Rule(limit_windows, Walk.UP),
    Rule(top_k, Walk.DOWN),
    # Every rule before may have left columns that are read for nothing.
    Rule(prune_columns, Walk.WHOLE),
    # Pruned projections often deliver their input as it is.
    Rule(merge_projects, Walk.UP),
    # Changes types of columns, which no other rule expects.
    Rule(narrow_structs, Walk.WHOLE),
)


def optimize(plan: Node, settings: Settings) -> Node:
    """The plan after all rules, or as it is when the setting `optimizer` is off: no rule is needed to be right.

    Raises
    ------
    InternalError
        With the setting `verify_plans`: a rule broke an invariant of `verify`.
    """
    traces = optimize_traced(plan, settings)
    return traces[-1][1] if traces else plan


def optimize_traced(plan: Node, settings: Settings) -> list[tuple[str, Node]]:
    """(rule, plan after it) for each rule that changed the plan, in order."""
    verify = settings.get_bool("verify_plans")
    if verify:
        check_plan(plan)
    traces: list[tuple[str, Node]] = []
    if not settings.get_bool("optimizer"):
        return traces
    for rule in RULES:
        changed = rule.run(plan)
        if changed is plan:
            continue
        if verify:
            check_rewrite(plan, changed, rule.name)
        plan = changed
        traces.append((rule.name, plan))
    return traces
