"""What Neutron is told of a port."""

import dataclasses

import pytest

from networking_weft import status
from networking_weft.db.conditions import Condition
from networking_weft.status import Verdict
from networking_weft.world import Said
from tests.unit.test_records import PORT, VLAN

ACTIVE = dataclasses.replace(PORT, status="ACTIVE")
ALIVE = {"h1", "h2"}
WORKS = {"h1": Said(effective=True)}


@pytest.mark.parametrize(
    ("port", "said", "alive", "verdict"),
    [
        (PORT, WORKS, ALIVE, Verdict.UP),
        (ACTIVE, WORKS, ALIVE, Verdict.NOTHING),
        (ACTIVE, {}, ALIVE, Verdict.DOWN),
        (PORT, {}, ALIVE, Verdict.NOTHING),
        # An agent that does not live says nothing; the packets may well pass.
        (ACTIVE, {}, set(), Verdict.NOTHING),
        # It works on another host than the one that the binding names.
        (PORT, {"h2": Said(effective=True)}, ALIVE, Verdict.NOTHING),
        (ACTIVE, {"h2": Said(effective=True)}, ALIVE, Verdict.DOWN),
        (dataclasses.replace(PORT, admin_state_up=False), WORKS, ALIVE, Verdict.NOTHING),
        (dataclasses.replace(PORT, bindings=()), WORKS, ALIVE, Verdict.NOTHING),
    ],
)
def test_verdict(port, said, alive, verdict):
    assert status.verdict(port, said, alive) is verdict


def test_a_failure_is_told_with_its_reason():
    said = {"h1": Said(status="failed", reason="no such physnet")}
    assert status.condition(PORT, said, None) == Condition("h1", "failed", "no such physnet")


def test_what_works_has_no_condition():
    known = Condition("h1", "failed", "x")
    assert status.condition(PORT, {"h1": Said(True, "effective")}, known) is None


def test_a_refusal_stays_until_the_port_is_bound():
    refused = Condition("h9", "refused", "no Weft agent")
    unbound = dataclasses.replace(PORT, bindings=())
    assert status.condition(unbound, {}, refused) == refused
    assert status.condition(PORT, {}, refused) is None


def test_nova_waits_for_the_host_that_the_machine_moves_to():
    target = dataclasses.replace(VLAN, host="h2", active=False)
    port = dataclasses.replace(PORT, bindings=(VLAN, target))
    assert status.awaited(port, WORKS) == frozenset()
    assert status.awaited(port, {"h2": Said(effective=True)}) == {"h2"}
