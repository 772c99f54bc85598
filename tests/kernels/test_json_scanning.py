"""The loops that find JSON values equal Python's parser, for valid and for damaged text."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sqlengine.kernels import reference_json as reference
from sqlengine.kernels.json_grammar import DEEPEST
from sqlengine.kernels.json_scanning import blank_values, find_boundary, find_commas
from sqlengine.storage import json_blocks
from sqlengine.storage.json_blocks import Block
from sqlengine.storage.json_extents import Extents, UnfitError, find_extents
from sqlengine.storage.json_options import ARRAY, NEWLINE_DELIMITED, UNSTRUCTURED

LAYOUTS = (NEWLINE_DELIMITED, ARRAY, UNSTRUCTURED)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(['"', "\\", "\n", "/", "\U0001f600", "{}[],:"]),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "cc", ""]), inner, max_size=3)
    ),
    max_leaves=8,
)
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u00",
    "\\ud83d",
    "-",
    "0",
    "1e",
    ".5",
    "nul",
    "true",
    " ",
    "\n",
    "x",
]


@st.composite
def written(draw, layout):
    """Values in a layout, with blanks here and there; sometimes damaged."""
    indent = draw(st.sampled_from([None, None, 1])) if layout != NEWLINE_DELIMITED else None
    texts = [json.dumps(tree, indent=indent) for tree in draw(st.lists(trees, max_size=4))]
    between = {NEWLINE_DELIMITED: "\n", ARRAY: draw(st.sampled_from([",", " ,\n"])), UNSTRUCTURED: " "}[layout]
    text = between.join(texts)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + draw(st.integers(0, 2)) :]
    return text


def extents(text, layout, last):
    block = Block(text.encode(), layout, 0, first=True, last=last)
    try:
        found = find_extents(block)
    except UnfitError:
        return None
    return list(zip(found.starts.tolist(), found.stops.tolist(), strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("last", [True, False])
def test_values_are_found_as_python_finds_them(layout, last):
    commas = {NEWLINE_DELIMITED: 0, ARRAY: 1, UNSTRUCTURED: 2}[layout]

    @given(written(layout))
    @example('"\\ud83d\\ude00"')
    @example('"\\ud83d"')
    @example("[1,]")
    @example("{}{}" if layout == UNSTRUCTURED else "")
    def check(text):
        assert extents(text, layout, last) == reference.reference_find_values(text, commas, last)

    check()


@given(st.lists(trees, min_size=1, max_size=5), st.permutations(["a", "b", "cc"]))
def test_members_and_children(documents, keys):
    text = "\n".join(json.dumps(tree, indent=None) for tree in documents)
    found = find_extents(Block(text.encode(), NEWLINE_DELIMITED, 0))
    lines = text.split("\n")
    expected = [reference.reference_find_members(line, keys) for line in lines]
    if None in expected:
        with pytest.raises(UnfitError):
            found.members(keys)
    else:
        members, others = found.members(keys)
        assert others == sum(count for _, count in expected)
        for place, each in enumerate(members):
            values = [None if t is None else json.loads(t, object_pairs_hook=list) for t in each.texts().to_pylist()]
            assert values == [values[place] for values, _ in expected]
    for bracket in "[{":
        children = [reference.reference_find_children(line, bracket) for line in lines]
        if None in children:
            with pytest.raises(UnfitError):
                found.children(bracket)
            continue
        sizes, names, elements = found.children(bracket)
        assert sizes.tolist() == [len(each) for each in children]
        values = [None if t is None else json.loads(t) for t in elements.texts().to_pylist()]
        assert values == [value for each in children for _, value in each]
        if bracket == "{":
            assert names.texts().to_pylist() == [name for each in children for name, _ in each]


@given(st.lists(st.one_of(st.none(), trees.map(lambda tree: json.dumps(tree, indent=1))), min_size=1, max_size=4))
def test_values_are_written_without_blanks(texts):
    data = np.frombuffer(" ".join(text or "" for text in texts).encode(), np.uint8)
    stops = np.cumsum([len(text or "") + 1 for text in texts], dtype=np.int64) - 1
    starts = stops - [len(text or "") for text in texts]
    starts[[text is None for text in texts]] = -1
    found = Extents(data, starts, stops)
    expected = ["" if text is None else reference.reference_write_values(text) for text in texts]
    for before, behind in ((b"", b""), (b"<", b">\n")):
        out = found.written(before, behind)
        parts = [out.data[a:b].tobytes() for a, b in zip(out.offsets[:-1], out.offsets[1:], strict=True)]
        nothing = "null" if before else ""
        assert parts == [before + (text or nothing).encode() + behind for text in expected]
    # Numbers that are not as DOUBLE is written are all among the odd ones.
    odd = found.written().odd.texts().to_pylist()
    for number in json_floats(texts):
        assert number in odd or repr(float(number)) == number
    blanked = data.copy()
    blank_values(blanked, starts, stops)
    places = list(zip(starts.tolist(), stops.tolist(), strict=True))
    assert blanked.tobytes() == reference.reference_blank_values(data.tobytes(), places)


def json_floats(texts):
    found = []
    for text in texts:
        json.loads(text or "null", parse_float=lambda number: found.append(number))
    return found


def test_what_is_nested_deeper_than_the_stack_is_left_to_others():
    for depth, fits in ((DEEPEST, True), (DEEPEST + 1, False)):
        text = "[" * depth + "]" * depth
        assert (extents(text, NEWLINE_DELIMITED, False) is not None) == fits


@given(st.lists(trees, min_size=1, max_size=6), st.integers(1, 9), st.integers(1, 9))
def test_commas_between_elements(elements, step, block):
    texts = [json.dumps(element) for element in elements]
    data = np.frombuffer(f"[{','.join(texts)}]".encode(), np.uint8)
    state, places, found = np.array([0, 0, 0, 1]), np.empty(len(data), np.int64), []
    for offset in range(0, len(data), block):
        count = find_commas(data[offset : offset + block].copy(), offset, step, state, places)
        found += places[:count].tolist()
    assert found == reference.reference_find_commas(texts, step)


@given(
    st.lists(trees, max_size=4), st.sampled_from([" ", ","]), st.sampled_from(["", "]", ",", "] x"]), st.integers(0, 9)
)
def test_boundaries_are_where_the_outline_has_them(elements, between, end, missing):
    text = between.join(json.dumps(element) for element in elements) + end
    data = text[: max(0, len(text) - missing)].encode()
    array = np.frombuffer(data, np.uint8)
    for commas in (0, 1):
        assert find_boundary(array, commas) == reference.reference_find_boundary(data.decode(), commas)
    assert find_boundary(array, 1) == json_blocks._last_comma(data)
    if "]" not in end:
        assert find_boundary(array, 0) == json_blocks._last_value_end(data)
