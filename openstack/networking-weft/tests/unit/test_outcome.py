"""What results mean for the journal."""

import pytest

from networking_weft import outcome


@pytest.mark.parametrize("word", ["created", "updated", "unchanged", "deleted", "absent"])
def test_done(word):
    assert outcome.of({"result": word}) == outcome.Done()


def test_a_higher_revision_is_told():
    assert outcome.of({"result": "stale", "revision_number": 9}) == outcome.Outrun(9)


def test_an_invalid_record_says_which_field():
    result = {"result": "invalid", "error": {"field": "mtu", "message": "too small"}}
    assert outcome.of(result) == outcome.Failed("invalid: mtu: too small", transient=False)


@pytest.mark.parametrize("word", ["conflict", "unavailable"])
def test_what_passes(word):
    assert outcome.of({"result": word}).transient


def test_an_unknown_word_is_a_failure():
    assert outcome.of({"result": "surprise"}) == outcome.Failed("surprise", transient=False)


def test_waiting_doubles_up_to_a_limit():
    waits = [outcome.retry_after(tries, 0.5, 10) for tries in range(6)]
    assert waits == [0.5, 1, 2, 4, 8, 10]
    assert outcome.retry_after(10_000, 0.5, 10) == 10
