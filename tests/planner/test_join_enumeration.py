"""The enumeration of joins against its definition, over random graphs; what a class of equalities means."""

from hypothesis import given
from hypothesis import strategies as st

from sqlengine.planner.join_enumeration import connected_pairs


def connected(members: int, neighbours: list[int]) -> bool:
    reached = members & -members
    while True:
        more = reached
        for k, around in enumerate(neighbours):
            if reached >> k & 1:
                more |= around & members
        if more == reached:
            return reached == members
        reached = more


@st.composite
def graphs(draw: st.DrawFn) -> list[int]:
    size = draw(st.integers(1, 6))
    neighbours = [0] * size
    for one, other in draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=12)):
        if one != other:
            neighbours[one] |= 1 << other
            neighbours[other] |= 1 << one
    return neighbours


@given(graphs())
def test_every_pair_comes_once_and_after_its_parts(neighbours: list[int]) -> None:
    size = len(neighbours)
    sets = [members for members in range(1, 1 << size) if connected(members, neighbours)]
    expected = {
        frozenset((one, other))
        for one in sets
        for other in sets
        if not one & other and connected(one | other, neighbours)
    }
    found = list(connected_pairs(neighbours))
    assert len(found) == len(expected)
    assert {frozenset(pair) for pair in found} == expected
    known = {1 << k for k in range(size)}
    for one, other in found:
        assert one in known
        assert other in known
        known.add(one | other)
