"""Ranges of VXLAN network identifiers. Pure."""

from collections.abc import Iterable, Sequence

VNI_MIN = 1
VNI_MAX = 2**24 - 1
"""RFC 7348 §5: 24 bits. 0 is left to those who mean none."""

Ranges = tuple[tuple[int, int], ...]


def is_vni(number: int) -> bool:
    """Whether a network can have it."""
    return VNI_MIN <= number <= VNI_MAX


def parse(texts: Iterable[str]) -> Ranges:
    """Reads ``min:max``; returns ranges in their order that neither overlap nor touch."""
    ranges = sorted(_parse_one(text) for text in texts)
    merged: list[tuple[int, int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _parse_one(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    try:
        numbers = int(low), int(high)
    except ValueError:
        numbers = None
    if not colon or numbers is None:
        raise ValueError(f"[ml2_type_gpe] vni_ranges: {text!r} is not min:max")
    if not (is_vni(numbers[0]) and numbers[0] <= numbers[1] <= VNI_MAX):
        raise ValueError(
            f"[ml2_type_gpe] vni_ranges: {text!r} is not within {VNI_MIN}:{VNI_MAX} in that order"
        )
    return numbers


def size(ranges: Ranges) -> int:
    """How many identifiers there are."""
    return sum(high - low + 1 for low, high in ranges)


def nth(ranges: Ranges, index: int) -> int:
    """The identifier at a position, from 0."""
    for low, high in ranges:
        if index <= high - low:
            return low + index
        index -= high - low + 1
    raise IndexError(index)


def from_here(ranges: Ranges, start: int) -> Sequence[tuple[int, int]]:
    """The same identifiers, but beginning at ``start`` and going round."""
    later = [(max(low, start), high) for low, high in ranges if high >= start]
    earlier = [(low, min(high, start - 1)) for low, high in ranges if low < start]
    return later + earlier
