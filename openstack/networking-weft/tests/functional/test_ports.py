"""From Neutron's API to the store, by way of the journal."""

from unittest import mock

from neutron.db import provisioning_blocks
from neutron.db.models.segment import NetworkSegment
from neutron.plugins.ml2.models import PortBindingLevel
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import resources
from neutron_lib.db import api as db_api
from oslo_config import cfg

from networking_weft import bell, status
from networking_weft.world import World
from tests.functional.base import PHYSNET, WeftTestCase


class PortTest(WeftTestCase):
    def test_a_bound_port_comes_into_the_store(self):
        port = self.port(self.vlan_network())
        self.assertEqual("vhostuser", port[portbindings.VIF_TYPE])
        self.drainer.drain()
        record = self.wanted(port["id"])["h1"]
        self.assertEqual(port["mac_address"], record["mac_address"])
        self.assertEqual(7, record["segmentation_id"])
        self.assertFalse(self.is_due(port["id"]))

    def test_a_port_without_a_host_is_not_sent(self):
        port = self.port(self.vlan_network(), host="")
        self.assertIsNotNone(self.row(port["id"]))
        self.assertFalse(self.is_due(port["id"]))

    def test_the_worker_hears_of_what_is_to_be_done_and_of_nothing_else(self):
        network = self.vlan_network()
        rings = bell.Bell(bell.path(cfg.CONF.state_path))
        self.addCleanup(rings.close)
        self.port(network, host="")
        self.assertFalse(rings.wait(0.01))
        self.port(network)
        self.assertTrue(rings.wait(10))

    def test_changes_while_nobody_drains_are_swallowed_by_the_last(self):
        port = self.port(self.vlan_network())
        for number in range(3):
            self.plugin.update_port(
                self.context, port["id"], {"port": {"device_id": f"machine-{number}"}}
            )
        self.drainer.drain()
        sent = [i for batch in self.store.requests for i in batch if i["id"] == port["id"]]
        self.assertEqual(["machine-2"], [i["hosts"]["h1"]["device_id"] for i in sent])

    def test_a_change_that_the_store_does_not_want_is_not_sent(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        self.plugin.update_port(self.context, port["id"], {"port": {"name": "other"}})
        self.plugin.update_port_status(self.context, port["id"], "ACTIVE")
        self.assertFalse(self.is_due(port["id"]))

    def test_what_is_rolled_back_is_not_noted(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        before = self.row(port["id"])
        try:
            with db_api.CONTEXT_WRITER.using(self.context):
                self.plugin.update_port(self.context, port["id"], {"port": {"device_id": "x"}})
                raise KeyError
        except KeyError:
            pass
        self.assertEqual(before, self.row(port["id"]))
        self.assertFalse(self.is_due(port["id"]))

    def test_a_deleted_port_leaves_the_store_and_the_journal(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        self.plugin.delete_port(self.context, port["id"])
        self.assertTrue(self.is_due(port["id"]))
        self.drainer.drain()
        self.assertIsNone(self.wanted(port["id"]))
        self.assertIsNone(self.row(port["id"]))

    def test_what_is_late_does_not_bring_a_deleted_port_back(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        (late,) = [i for items in self.store.requests for i in items if i["id"] == port["id"]]
        self.plugin.delete_port(self.context, port["id"])
        self.drainer.drain()
        self.assertEqual("stale", self.client.put_desired([late])[0]["result"])
        self.assertIsNone(self.wanted(port["id"]))

    def test_a_port_that_is_set_down_is_taken_away_and_comes_back(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        for up in (False, True):
            self.plugin.update_port(self.context, port["id"], {"port": {"admin_state_up": up}})
            self.drainer.drain()
            self.assertEqual(up, self.wanted(port["id"]) is not None)

    def test_a_port_that_is_bound_elsewhere_moves(self):
        self.add_host("h2")
        port = self.port(self.vlan_network())
        self.drainer.drain()
        self.plugin.update_port(self.context, port["id"], {"port": {portbindings.HOST_ID: "h2"}})
        self.drainer.drain()
        self.assertEqual({"h2"}, self.wanted(port["id"]).keys())

    def test_the_mtu_of_its_network_is_its_own(self):
        network = self.vlan_network()
        port = self.port(network)
        self.drainer.drain()
        self.plugin.update_network(self.context, network["id"], {"network": {"mtu": 1300}})
        self.drainer.drain()
        self.assertEqual(1300, self.wanted(port["id"])["h1"]["mtu"])

    def test_live_migration(self):
        self.add_host("h2")
        port = self.port(self.vlan_network())
        self.drainer.drain()
        binding = {"binding": {"host": "h2", "vnic_type": "normal", "profile": {}}}
        self.plugin.create_port_binding(self.context, port["id"], binding)
        self.drainer.drain()
        self.assertEqual({"h1", "h2"}, self.wanted(port["id"]).keys())

        self.plugin.activate(self.context, "h2", port["id"])
        self.drainer.drain()
        self.assertEqual({"h2"}, self.wanted(port["id"]).keys())
        self.plugin.delete_port_binding(self.context, "h1", port["id"])
        self.drainer.drain()
        self.assertEqual({"h2"}, self.wanted(port["id"]).keys())

    def test_with_hierarchical_binding_the_lowest_segment_counts(self):
        network = self.vlan_network()
        port = self.port(network)
        self.drainer.drain()
        with db_api.CONTEXT_WRITER.using(self.context):
            session = self.context.session
            level = session.get(PortBindingLevel, (port["id"], "h1", 0))
            level.driver = "top-of-rack"
            segment = NetworkSegment(
                network_id=network["id"],
                network_type="vlan",
                physical_network=PHYSNET,
                segmentation_id=99,
                is_dynamic=True,
                segment_index=1,
            )
            session.add(segment)
            session.flush()
            lower = {"port_id": port["id"], "host": "h1", "level": 1, "driver": "weft"}
            session.add(PortBindingLevel(segment_id=segment["id"], **lower))
        self.drainer.drain()
        self.assertEqual(99, self.wanted(port["id"])["h1"]["segmentation_id"])

    def test_a_migration_that_is_given_up(self):
        self.add_host("h2")
        port = self.port(self.vlan_network())
        binding = {"binding": {"host": "h2", "vnic_type": "normal", "profile": {}}}
        self.plugin.create_port_binding(self.context, port["id"], binding)
        self.drainer.drain()
        self.plugin.delete_port_binding(self.context, "h2", port["id"])
        self.drainer.drain()
        self.assertEqual({"h1"}, self.wanted(port["id"]).keys())

    def test_a_port_that_works_already_is_noticed_though_nothing_changes(self):
        port = self.port(self.vlan_network())
        self.drainer.drain()
        self.store.effective("h1", port["id"])
        self.plugin.update_port(self.context, port["id"], {"port": {"admin_state_up": False}})
        self.plugin.update_port(self.context, port["id"], {"port": {"admin_state_up": True}})
        self.drainer.drain()
        self.assertEqual([("h1", port["id"])], self.up)

    def test_it_is_active_when_it_is_effective_and_not_before(self):
        port = self.port(self.vlan_network())
        self.assertTrue(
            provisioning_blocks.is_object_blocked(self.context, port["id"], resources.PORT)
        )
        self.assertEqual("DOWN", self.plugin.get_port(self.context, port["id"])["status"])
        status.ports_up([port["id"]])
        self.assertEqual("ACTIVE", self.plugin.get_port(self.context, port["id"])["status"])
        status.ports_down([port["id"]])
        self.assertEqual("DOWN", self.plugin.get_port(self.context, port["id"])["status"])
        status.ports_up([port["id"]])
        self.assertEqual("ACTIVE", self.plugin.get_port(self.context, port["id"])["status"])

    def statuses(self, ports):
        return [self.plugin.get_port(self.context, port["id"])["status"] for port in ports]

    def test_what_another_waits_for_keeps_a_port_from_being_active_and_no_other_one(self):
        network = self.vlan_network()
        ports = [self.port(network) for _ in range(3)]
        provisioning_blocks.add_provisioning_component(
            self.context, ports[1]["id"], resources.PORT, provisioning_blocks.DHCP_ENTITY
        )
        status.ports_up([port["id"] for port in ports])
        self.assertEqual(["ACTIVE", "DOWN", "ACTIVE"], self.statuses(ports))
        provisioning_blocks.provisioning_complete(
            self.context, ports[1]["id"], resources.PORT, provisioning_blocks.DHCP_ENTITY
        )
        self.assertEqual(["ACTIVE"] * 3, self.statuses(ports))

    def test_a_port_that_neutron_cannot_be_told_of_is_no_hindrance_for_others(self):
        network = self.vlan_network()
        ports = [self.port(network) for _ in range(3)]
        world = World()
        for port in ports:
            line = {"type": "put", "kind": "port_state", "host": "h1", "id": port["id"]}
            world.apply(line | {"value": {}})
        tell = self.plugin.update_port_statuses

        def refuse(context, statuses, host=None):
            if ports[1]["id"] in statuses:
                raise RuntimeError("no")
            return tell(context, statuses, host)

        with mock.patch.object(self.plugin, "update_port_statuses", side_effect=refuse):
            status.Reporter(world).report([port["id"] for port in ports])
        self.assertEqual(["ACTIVE", "DOWN", "ACTIVE"], self.statuses(ports))
        # The comparison comes back to it.
        reporter = status.Reporter(world)
        world.take(0)
        reporter.reconcile()
        self.assertEqual({ports[1]["id"]}, world.take(0).ports)

    def test_a_refusal_is_seen_in_the_port_until_it_is_bound(self):
        network = self.vlan_network()
        port = self.port(network, host="nowhere")
        self.assertEqual("binding_failed", port[portbindings.VIF_TYPE])
        shown = self.plugin.get_port(self.context, port["id"])["weft:status"]
        self.assertEqual(
            ("nowhere", "refused", "the host has no Weft agent"),
            (shown["host"], shown["status"], shown["reason"]),
        )
        self.assertIn(port["id"], [p["id"] for p in self.plugin.get_ports(self.context)])

    def test_a_host_that_is_set_down_gets_no_new_ports(self):
        (agent,) = self.plugin.get_agents(self.context, {"host": ["h1"]})
        self.plugin.update_agent(self.context, agent["id"], {"agent": {"admin_state_up": False}})
        port = self.port(self.vlan_network())
        self.assertEqual("binding_failed", port[portbindings.VIF_TYPE])
