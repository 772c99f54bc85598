"""An engine made of functions: one for each question that somebody wrote for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.engines import NoQuery

# From the folder of the inputs to the answer: an Arrow table, columns by name, or a DataFrame.
Answer = Callable[[Path], Any]


class FunctionsEngine:
    """Answers by the function of a question."""

    def __init__(self, folder: Path, answers: Mapping[str, Answer], close: Callable[[], object] = lambda: None) -> None:
        self._folder = folder
        self._answers = answers
        self.close = close

    def run(self, query: str) -> pa.Table:
        """Answer by the function of that question; NoQuery without one."""
        if query not in self._answers:
            raise NoQuery(query)
        answer = self._answers[query](self._folder)
        if isinstance(answer, pa.Table):
            return answer
        return pa.table(answer) if isinstance(answer, dict) else pa.Table.from_pandas(answer, preserve_index=False)
