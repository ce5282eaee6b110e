"""Leases, identifiers of networks, and what is told of ports."""

from neutron_lib import exceptions as n_exc
from neutron_lib.db import api as db_api

from networking_weft import agents, status, vni_ranges
from networking_weft.db import leases, vnis
from networking_weft.type_gpe import GpeTypeDriver
from networking_weft.world import World
from tests.functional.base import PHYSNET, WeftTestCase


class LeaseTest(WeftTestCase):
    def setUp(self):
        super().setUp()
        self.now = 0.0

    def candidate(self, holder):
        return leases.Candidate("leader", holder, 10, clock=lambda: self.now)

    def test_one_holds_it(self):
        first, second = self.candidate("a"), self.candidate("b")
        self.assertTrue(first.hold())
        self.assertFalse(second.hold())
        self.now = 9
        self.assertTrue(first.hold())
        self.assertTrue(first.holds)

    def test_another_takes_over_from_a_dead_one(self):
        first, second = self.candidate("a"), self.candidate("b")
        first.hold()
        second.hold()
        self.now = 9
        self.assertFalse(second.hold())
        self.now = 10
        self.assertTrue(second.hold())
        self.assertFalse(first.holds)
        self.assertFalse(first.hold())

    def test_nobody_takes_over_from_one_that_lives(self):
        first, second = self.candidate("a"), self.candidate("b")
        for _ in range(10):
            self.assertTrue(first.hold())
            self.assertFalse(second.hold())
            self.now += 5

    def test_one_that_could_not_renew_it_knows_that(self):
        first = self.candidate("a")
        first.hold()
        self.now = 10
        self.assertFalse(first.holds)

    def test_one_that_leaves_lets_go(self):
        first, second = self.candidate("a"), self.candidate("b")
        first.hold()
        first.release()
        self.assertTrue(second.hold())


class VniTest(WeftTestCase):
    RANGES = vni_ranges.parse(["5001:5004"])

    def test_each_is_given_once_until_none_is_left(self):
        given = {vnis.take_any(self.context, self.RANGES) for _ in range(4)}
        self.assertEqual({5001, 5002, 5003, 5004}, given)
        self.assertIsNone(vnis.take_any(self.context, self.RANGES))

    def test_what_is_released_is_given_again(self):
        for _ in range(4):
            vnis.take_any(self.context, self.RANGES)
        with db_api.CONTEXT_WRITER.using(self.context):
            vnis.release(self.context.session, 5003)
        self.assertEqual(5003, vnis.take_any(self.context, self.RANGES))

    def test_no_range_gives_none(self):
        self.assertIsNone(vnis.take_any(self.context, ()))


class GpeTest(WeftTestCase):
    def network(self, **more):
        fields = {
            "name": "n",
            "project_id": "tenant",
            "tenant_id": "tenant",
            "admin_state_up": True,
            "shared": False,
            "port_security_enabled": True,
            "provider:network_type": "gpe",
        }
        return self.plugin.create_network(self.context, {"network": fields | more})

    def test_a_network_gets_an_identifier_and_what_the_underlay_leaves_it(self):
        network = self.network()
        self.assertIn(network["provider:segmentation_id"], range(5001, 5005))
        self.assertEqual(1450, network["mtu"])

    def test_an_administrator_may_choose_any(self):
        network = self.network(**{"provider:segmentation_id": 77})
        self.assertEqual(77, network["provider:segmentation_id"])
        with self.assertRaises(n_exc.TunnelIdInUse):
            self.network(**{"provider:segmentation_id": 77})
        self.plugin.delete_network(self.context, network["id"])
        # What Neutron's segments call; its test base takes that subscription away.
        GpeTypeDriver().release_segment(self.context, {"segmentation_id": 77})
        self.network(**{"provider:segmentation_id": 77})

    def test_what_a_network_cannot_be_is_refused(self):
        for fields in (
            {"provider:physical_network": PHYSNET},
            {"provider:segmentation_id": 2**24},
            {"provider:segmentation_id": 0},
        ):
            with self.assertRaises(n_exc.InvalidInput):
                self.network(**fields)

    def test_identifiers_of_networks_that_were_there_are_adopted(self):
        network = self.network(**{"provider:segmentation_id": 5002})
        with db_api.CONTEXT_WRITER.using(self.context):
            vnis.release(self.context.session, 5002)
        GpeTypeDriver().initialize()
        self.assertFalse(vnis.take(self.context, network["provider:segmentation_id"]))

    def test_its_ports_are_bound_without_a_physical_network(self):
        port = self.port(self.network())
        self.drainer.drain()
        record = self.wanted(port["id"])["h1"]
        self.assertEqual(("gpe", None), (record["network_type"], record["physnet"]))


class ReporterTest(WeftTestCase):
    def setUp(self):
        super().setUp()
        self.world = World()
        self.world.begin()
        self.tell("alive", None, {"version": "1"})
        self.world.apply({"type": "synced", "revision": 1})
        self.reporter = status.Reporter(self.world)
        self.port_id = self.port(self.vlan_network())["id"]

    def tell(self, kind, name, value):
        fields = {"kind": kind, "host": "h1", "id": name, "value": value, "revision": 2}
        self.world.apply({"type": "delete" if value is None else "put"} | fields)

    def report(self):
        self.reporter.report(self.world.take(0).ports | {self.port_id})
        return self.plugin.get_port(self.context, self.port_id)

    def test_up_and_down(self):
        self.assertEqual("DOWN", self.report()["status"])
        self.tell("port_state", self.port_id, {})
        self.assertEqual("ACTIVE", self.report()["status"])
        self.tell("port_state", self.port_id, None)
        self.assertEqual("DOWN", self.report()["status"])

    def test_why_it_does_not_work(self):
        self.tell("port_condition", self.port_id, {"status": "failed", "reason": "no memory"})
        shown = self.report()["weft:status"]
        self.assertEqual(("h1", "failed", "no memory"), tuple(shown.values())[:3])
        self.tell("port_condition", self.port_id, {"status": "effective"})
        self.assertIsNone(self.report()["weft:status"])

    def test_what_has_been_missed_is_found(self):
        self.tell("port_state", self.port_id, {})
        self.world.take(0)
        self.reporter.reconcile()
        self.assertEqual({self.port_id}, self.world.take(0).ports)
        self.report()
        self.reporter.reconcile()
        self.assertFalse(self.world.take(0))

    def test_a_port_that_is_gone_is_passed_over(self):
        self.plugin.delete_port(self.context, self.port_id)
        self.tell("port_state", self.port_id, {})
        self.reporter.report(self.world.take(0).ports)


class RegistryTest(WeftTestCase):
    def agents(self):
        found = self.plugin.get_agents(self.context, {"agent_type": ["Weft agent"]})
        return {agent["host"]: agent["alive"] for agent in found}

    def test_agents_live_exactly_while_their_hosts_say_so(self):
        registry = agents.Registry()
        registry.refresh({"h1": ({"version": "1"}, ("a",)), "h2": ("1", ())})
        self.assertEqual({"h1": True, "h2": True}, self.agents())
        registry.refresh({"h2": ("1", ())})
        self.assertEqual({"h1": False, "h2": True}, self.agents())
        registry.refresh({"h1": ({"version": "2"}, ()), "h2": ("1", ())})
        self.assertEqual({"h1": True, "h2": True}, self.agents())

    def test_what_an_operator_set_down_stays_down(self):
        (agent,) = self.plugin.get_agents(self.context, {"host": ["h1"]})
        self.plugin.update_agent(self.context, agent["id"], {"agent": {"admin_state_up": False}})
        agents.Registry().refresh({"h1": ({"version": "3"}, ())})
        (agent,) = self.plugin.get_agents(self.context, {"host": ["h1"]})
        self.assertFalse(agent["admin_state_up"])
        self.assertEqual("3", agent["configurations"]["version"])
