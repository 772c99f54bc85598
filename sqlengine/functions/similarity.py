"""How alike two texts are. All measures count bytes of UTF-8, not characters, as DuckDB does."""

from __future__ import annotations

from typing import Final

from sqlengine.errors import DataError
from sqlengine.functions.overloads import overload
from sqlengine.functions.text_function import text_function
from sqlengine.types import BIGINT, DOUBLE, VARCHAR

_DISTANCE: Final = overload(VARCHAR, VARCHAR, BIGINT)
_SIMILARITY: Final = overload(VARCHAR, VARCHAR, DOUBLE)
_WITH_CUTOFF: Final = overload(VARCHAR, VARCHAR, DOUBLE, DOUBLE)


def _levenshtein(left: str, right: str) -> int:
    """Insertions, deletions and replacements from one to the other (Wagner and Fischer 1974), a row at a time."""
    a, b = left.encode(), right.encode()
    row = list(range(len(b) + 1))
    for i, byte in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            best = diagonal if byte == other else 1 + min(diagonal, row[j], row[j - 1])
            diagonal, row[j] = row[j], best
    return row[-1]


def _damerau_levenshtein(left: str, right: str) -> int:
    """As `_levenshtein`, and neighbours may change places, with edits between them (Lowrance and Wagner 1975)."""
    a, b = left.encode(), right.encode()
    beyond = len(a) + len(b)
    table = [[beyond] * (len(b) + 2) for _ in range(len(a) + 2)]
    for i in range(len(a) + 1):
        table[i + 1][1] = i
    for j in range(len(b) + 1):
        table[1][j + 1] = j
    last_row: dict[int, int] = {}
    for i, byte in enumerate(a, 1):
        last_match = 0
        for j, other in enumerate(b, 1):
            k, m = last_row.get(other, 0), last_match
            cost = byte != other
            if not cost:
                last_match = j
            table[i + 1][j + 1] = min(
                table[i][j] + cost,
                table[i + 1][j] + 1,
                table[i][j + 1] + 1,
                table[k][m] + (i - k - 1) + 1 + (j - m - 1),
            )
        last_row[byte] = i
    return table[-1][-1]


def _hamming(left: str, right: str) -> int:
    a, b = left.encode(), right.encode()
    if len(a) != len(b):
        raise DataError("Mismatch Function: Strings must be of equal length!")
    if not a:
        raise DataError("Mismatch Function: Strings must be of length > 0!")
    return sum(x != y for x, y in zip(a, b, strict=True))


def _jaccard(left: str, right: str) -> float:
    a, b = set(left.encode()), set(right.encode())
    if not a or not b:
        raise DataError("Jaccard Function: An argument too short!")
    return len(a & b) / len(a | b)


def _jaro(a: bytes, b: bytes) -> float:
    """Jaro 1989: equal bytes near each other, and how many of them stand in another order."""
    if not a or not b:
        return 0.0
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    used = [False] * len(b)
    matched = []
    for i, byte in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if not used[j] and b[j] == byte:
                used[j] = True
                matched.append(byte)
                break
    if not matched:
        return 0.0
    others = [byte for byte, taken in zip(b, used, strict=True) if taken]
    swaps = sum(x != y for x, y in zip(matched, others, strict=True)) // 2
    count = len(matched)
    return (count / len(a) + count / len(b) + (count - swaps) / count) / 3.0


def _jaro_similarity(left: str, right: str, cutoff: float = 0.0) -> float:
    similarity = _jaro(left.encode(), right.encode())
    return similarity if similarity >= cutoff else 0.0


def _jaro_winkler(left: str, right: str, cutoff: float = 0.0) -> float:
    """Winkler 1990: texts alike beyond 0.7 gain a tenth of what is missing for each of up to four equal first bytes."""
    a, b = left.encode(), right.encode()
    similarity = _jaro(a, b)
    if similarity > 0.7:
        prefix = 0
        while prefix < min(4, len(a), len(b)) and a[prefix] == b[prefix]:
            prefix += 1
        similarity += prefix * 0.1 * (1.0 - similarity)
    return similarity if similarity >= cutoff else 0.0


text_function(
    "levenshtein",
    _DISTANCE,
    one=_levenshtein,
    aliases=("editdist3",),
    example=("SELECT levenshtein('duck', 'dock')", "1"),
    summary="How many bytes have to be inserted, deleted or replaced to make one text the other.",
)
text_function(
    "damerau_levenshtein",
    _DISTANCE,
    one=_damerau_levenshtein,
    example=("SELECT damerau_levenshtein('duck', 'udck')", "1"),
    summary="As levenshtein; two bytes that change places count once.",
)
text_function(
    "hamming",
    _DISTANCE,
    one=_hamming,
    aliases=("mismatches",),
    example=("SELECT hamming('duck', 'luck')", "1"),
    summary="In how many places two texts of equal length differ.",
)
text_function(
    "jaccard",
    _SIMILARITY,
    one=_jaccard,
    example=("SELECT jaccard('duck', 'luck')", "0.6"),
    summary="Of the bytes that occur in either text, the share that occurs in both.",
)
text_function(
    "jaro_similarity",
    _SIMILARITY,
    _WITH_CUTOFF,
    one=_jaro_similarity,
    example=("SELECT jaro_similarity('duck', 'duckdb')", "0.8888888888888888"),
    summary="Jaro similarity, 0 to 1; 0 where it is below the cutoff given third.",
)
text_function(
    "jaro_winkler_similarity",
    _SIMILARITY,
    _WITH_CUTOFF,
    one=_jaro_winkler,
    example=("SELECT jaro_winkler_similarity('duck', 'duckdb')", "0.9333333333333333"),
    summary="Jaro-Winkler similarity, 0 to 1, which favours a common start; 0 where it is below the cutoff.",
)
