"""What is done to a file: cut off at every twentieth, or some bytes changed at places drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

CUTS = 20


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One damage of the file `name`: `number` below 20 cuts it at so many twentieths, others flip bytes."""

    name: str
    number: int

    @property
    def is_cut(self) -> bool:
        """Whether the file is truncated."""
        return self.number < CUTS

    def apply(self, data: bytes) -> bytes:
        """The damaged bytes; the same whenever and wherever they are made."""
        if self.is_cut:
            return data[: len(data) * self.number // CUTS]
        # Text, so that the seed does not depend on the process.
        chosen = random.Random(f"{self.name} {self.number}")
        damaged = bytearray(data)
        # Half of the cases look for metadata, which formats keep at their ends.
        low, high = chosen.choice([(0, len(data)), (0, len(data)), (0, 1500), (len(data) - 1500, len(data))])
        for _ in range(chosen.choice([1, 1, 2, 5])):
            place = chosen.randrange(max(0, low), min(high, len(data)))
            damaged[place] = (
                damaged[place] ^ 1 << chosen.randrange(8) if chosen.random() < 0.5 else chosen.randrange(256)
            )
        return bytes(damaged)


def cases_of(name: str, flips: int) -> Iterator[Case]:
    """All cuts of a file, and `flips` other damages."""
    for number in range(CUTS + flips):
        yield Case(name, number)
