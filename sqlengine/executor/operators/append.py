"""Append: all rows of all inputs, one input after the other (UNION ALL).

::

    first   1 2          columns of each input are renamed
    second  3      ->    1 2 | 3

Buffered: nothing. Order: inputs from left to right, each in its own order. NULL: untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlengine.batch import Batch
from sqlengine.planner.physical import AppendExec


def append(node: AppendExec, inputs: Sequence[Iterator[Batch]]) -> Iterator[Batch]:
    """The batches of each input in turn, columns renamed to `node.columns` position by position."""
    for child, batches in zip(node.inputs, inputs, strict=True):
        sources = {new.id: old.id for new, old in zip(node.columns, child.columns, strict=True)}
        for batch in batches:
            yield batch.renamed(sources)
