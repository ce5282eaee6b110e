"""Comparing everything, and repairing what differs."""

import uuid

import sqlalchemy as sa
from neutron.plugins.ml2.models import PortBindingLevel
from neutron_lib.db import api as db_api

from networking_weft import sync
from networking_weft.db.models import JournalRow
from tests.functional.base import WeftTestCase


class SyncTest(WeftTestCase):
    def setUp(self):
        super().setUp()
        self.network = self.vlan_network()
        self.port_id = self.port(self.network)["id"]
        self.drainer.drain()

    def compare(self):
        return sync.Comparison(self.client).run()

    def found(self):
        return {(d.object_id, d.what) for d in self.compare().differences}

    def repair(self, adopt=False):
        sync.repair(self.compare().differences, adopt)
        self.drainer.drain()

    def test_in_step(self):
        report = self.compare()
        self.assertEqual([], report.differences)
        self.assertEqual(1, report.compared["port"])

    def test_an_emptied_store_comes_back(self):
        objects = dict(self.store.objects)
        self.store.objects.clear()
        self.store.numbers.clear()
        self.assertIn((self.port_id, "missing"), self.found())
        self.repair()
        self.assertEqual(objects, self.store.objects)
        self.assertEqual(set(), self.found())

    def test_a_record_that_somebody_changed(self):
        key = "port", self.port_id
        self.store.objects[key] = {"h1": {"mtu": 1}}
        self.assertEqual({(self.port_id, "different")}, self.found())
        self.repair()
        self.assertEqual(1500, self.store.objects[key]["h1"]["mtu"])

    def test_what_neutron_has_no_more_is_left_over(self):
        ghost = str(uuid.uuid4())
        item = {"kind": "port", "id": ghost, "revision_number": 5, "hosts": {"h1": {"mtu": 1}}}
        self.client.put_desired([item])
        self.assertEqual({(ghost, "left over")}, self.found())
        self.repair()
        self.assertIsNone(self.wanted(ghost))
        self.assertIsNone(self.row(ghost))

    def test_an_unbound_port_is_wanted_nowhere(self):
        unbound = self.port(self.network, host="")["id"]
        self.store.objects["port", unbound] = {"h9": {"mtu": 1}}
        self.store.numbers["port", unbound] = 3
        self.assertEqual({(unbound, "left over")}, self.found())
        self.repair()
        self.assertIsNone(self.wanted(unbound))

    def test_what_others_wrote_is_only_taken_away_when_adopted(self):
        foreign = "web-1"
        self.store.objects["port", foreign] = {"h1": {"mtu": 1}}
        self.assertEqual({(foreign, "foreign")}, self.found())
        self.repair()
        self.assertIsNotNone(self.wanted(foreign))
        self.repair(adopt=True)
        self.assertIsNone(self.wanted(foreign))

    def test_a_store_that_is_ahead_is_overtaken(self):
        self.store.numbers["port", self.port_id] = 500
        self.store.objects["port", self.port_id] = {"h1": {"mtu": 1}}
        self.repair()
        self.assertEqual(1500, self.wanted(self.port_id)["h1"]["mtu"])
        self.assertGreater(self.row(self.port_id).revision, 500)
        self.assertEqual(set(), self.found())

    def test_what_is_under_way_is_left_to_the_journal(self):
        self.plugin.update_port(self.context, self.port_id, {"port": {"device_id": "other"}})
        report = self.compare()
        self.assertEqual([], report.differences)
        self.assertEqual(1, report.under_way)

    def test_objects_that_are_older_than_the_driver(self):
        with db_api.CONTEXT_WRITER.using(self.context):
            self.context.session.execute(sa.delete(JournalRow))
        self.store.objects.clear()
        self.store.numbers.clear()
        self.repair()
        self.assertIsNotNone(self.wanted(self.port_id))
        self.assertEqual(set(), self.found())

    def test_networking_vpps_bindings_and_records_are_taken_over(self):
        with db_api.CONTEXT_WRITER.using(self.context):
            self.context.session.execute(sa.delete(JournalRow))
            self.context.session.execute(sa.update(PortBindingLevel).values(driver="vpp"))
        self.store.numbers.clear()
        before = dict(self.store.objects)
        self.assertEqual(1, sync.adopt_bindings())
        self.repair(adopt=True)
        self.assertEqual(before, self.store.objects)
        self.assertEqual(set(before), set(self.store.numbers))
        self.assertEqual(set(), self.found())

    def test_more_than_a_page(self):
        self.addCleanup(setattr, sync, "PAGE", sync.PAGE)
        sync.PAGE = 2
        for number in range(5):
            self.port(self.network, device_id=f"m{number}")
        self.drainer.drain()
        self.store.objects.clear()
        self.store.numbers.clear()
        self.repair()
        self.assertEqual(6, sum(kind == "port" for kind, _ in self.store.objects))
