"""How a coordinator tells running tasks to stop: bytes that both sides see, one for the query, one per stage."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path

from sqlengine.executor.context import CancelToken


class CancelFlags:
    """One byte for the whole query and one for each stage, in memory that all its tasks can read.

    A stage is cancelled alone when its readers have enough rows while some of its tasks still run.
    """

    def __init__(self, memory: bytearray | mmap.mmap) -> None:
        self._memory = memory

    @staticmethod
    def in_process(stages: int) -> CancelFlags:
        """Flags for the threads of this process; stages are numbered 0 … `stages` - 1."""
        return CancelFlags(bytearray(1 + stages))

    @staticmethod
    def create(path: Path, stages: int) -> CancelFlags:
        """Flags in a new file, which other processes `open`."""
        path.write_bytes(bytes(1 + stages))
        return CancelFlags.open(path)

    @staticmethod
    def open(path: Path) -> CancelFlags:
        """The flags that `create` laid into `path`; they outlive the removal of the file."""
        with path.open("r+b") as file:
            return CancelFlags(mmap.mmap(file.fileno(), 0))

    def cancel_query(self) -> None:
        """Ask every task of the query to stop."""
        self._memory[0] = 1

    def cancel_stage(self, stage: int) -> None:
        """Ask the tasks of one stage to stop."""
        self._memory[1 + stage] = 1

    def is_stage_cancelled(self, stage: int) -> bool:
        """Whether tasks of `stage` should stop."""
        return self._memory[0] != 0 or self._memory[1 + stage] != 0


@dataclass(frozen=True, slots=True)
class StageToken:
    """What the tasks of one stage ask between batches; `outer` is another reason to stop, if there is one."""

    flags: CancelFlags
    stage: int
    outer: CancelToken | None = None

    def is_cancelled(self) -> bool:
        """Whether the query or the stage was cancelled."""
        return self.flags.is_stage_cancelled(self.stage) or (self.outer is not None and self.outer.is_cancelled())
