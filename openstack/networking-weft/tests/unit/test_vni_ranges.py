"""Ranges of VXLAN network identifiers."""

import pytest

from networking_weft import vni_ranges


def test_ranges_are_put_in_order_and_joined():
    assert vni_ranges.parse(["20:30", "1:5", "6:7", "25:40"]) == ((1, 7), (20, 40))


@pytest.mark.parametrize("text", ["", "5", "a:b", "9:8", "0:5", "1:16777216", "1:2:3"])
def test_what_is_no_range_is_refused_by_name(text):
    with pytest.raises(ValueError, match="vni_ranges"):
        vni_ranges.parse([text])


def test_every_identifier_has_its_place():
    ranges = vni_ranges.parse(["1:3", "10:11"])
    assert vni_ranges.size(ranges) == 5
    assert [vni_ranges.nth(ranges, index) for index in range(5)] == [1, 2, 3, 10, 11]
    with pytest.raises(IndexError):
        vni_ranges.nth(ranges, 5)


def test_a_search_goes_round():
    ranges = vni_ranges.parse(["1:3", "10:12"])
    assert vni_ranges.from_here(ranges, 11) == [(11, 12), (1, 3), (10, 10)]
    assert vni_ranges.from_here(ranges, 1) == [(1, 3), (10, 12)]
