"""A bound query: what the binder hands to the optimizer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlengine.planner.logical import Node


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query whose names are resolved and whose types are known.

    Attributes
    ----------
    plan
        Delivers the result's columns, in order.
    names
        The result's header, beside `plan.columns`; names may repeat.
    ordered
        Whether an ORDER BY fixes the order of the rows.
    """

    plan: Node
    names: tuple[str, ...]
    ordered: bool = False
