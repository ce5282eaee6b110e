"""What the journal does when something goes wrong."""

import time
from unittest import mock

from neutron_lib.db import api as db_api
from oslo_config import cfg

from networking_weft import drain
from networking_weft.db import journal
from networking_weft.db.models import JournalRow
from tests.functional.base import WeftTestCase


class JournalTest(WeftTestCase):
    def setUp(self):
        super().setUp()
        self.port_id = self.port(self.vlan_network())["id"]

    def claim(self, claim_time=30.0):
        with db_api.CONTEXT_WRITER.using(self.context):
            return journal.claim(self.context.session, 100, claim_time)

    def settle(self, batch, **verdicts):
        with db_api.CONTEXT_WRITER.using(self.context):
            journal.settle(self.context.session, batch, journal.Verdicts(**verdicts))

    def figures(self):
        with db_api.CONTEXT_READER.using(self.context):
            return journal.figures(self.context.session)

    def change(self):
        self.plugin.update_port(
            self.context, self.port_id, {"port": {"device_id": f"m-{time.time()}"}}
        )

    def test_a_row_is_taken_by_one_only(self):
        first, second = self.claim(), self.claim()
        self.assertIn(self.port_id, [row.object_id for row in first.rows])
        self.assertEqual((), second.rows)

    def test_what_a_dead_drainer_took_becomes_due_again(self):
        self.claim(claim_time=0.0)
        self.assertIn(self.port_id, [row.object_id for row in self.claim().rows])

    def test_a_change_while_it_is_carried_out_is_not_lost(self):
        batch = self.claim()
        self.change()
        self.settle(batch, done=[self.port_id])
        self.assertTrue(self.is_due(self.port_id))

    def test_nothing_is_lost_while_no_server_answers(self):
        self.store.broken = True
        self.drainer.drain_batch()
        self.assertEqual((1, 1), (self.figures().waiting > 0, self.figures().failing > 0))
        with db_api.CONTEXT_READER.using(self.context):
            row = self.context.session.get(JournalRow, self.port_id)
            self.assertIn("broken", row.error)
            self.assertGreater(row.due, time.time())
        self.store.broken = False
        with db_api.CONTEXT_WRITER.using(self.context):
            journal.retry_now(self.context.session)
        self.drainer.drain()
        self.assertIsNotNone(self.wanted(self.port_id))
        self.assertEqual(0, self.figures().waiting)

    def test_killed_after_it_was_sent_it_is_sent_again(self):
        with (
            mock.patch.object(drain, "_settle", side_effect=SystemExit),
            self.assertRaises(SystemExit),
        ):
            self.drainer.drain_batch()
        self.assertIsNotNone(self.wanted(self.port_id))
        with db_api.CONTEXT_WRITER.using(self.context):
            journal.retry_now(self.context.session)
        self.drainer.drain()
        self.assertEqual(0, self.figures().waiting)

    def test_one_that_the_store_refuses_does_not_hold_up_others(self):
        def refuse(item, dry_run=False, put=self.store.put):
            if item["id"] == self.port_id:
                return {"kind": "port", "id": item["id"], "result": "invalid"}
            return put(item, dry_run)

        with mock.patch.object(self.store, "put", refuse):
            other = self.port(self.vlan_network(8))
            self.drainer.drain_batch()
        self.assertIsNotNone(self.wanted(other["id"]))
        self.assertEqual(1, self.figures().failing)

    def test_after_a_restored_database_it_goes_beyond_what_the_store_has(self):
        self.store.numbers["port", self.port_id] = 1000
        self.drainer.drain()
        self.assertIsNotNone(self.wanted(self.port_id))
        self.assertEqual(1001, self.row(self.port_id).revision)

    def test_rows_that_took_too_long_are_left_to_others(self):
        cfg.CONF.set_override("claim_time", 1.0, "ml2_weft")
        self.drainer.drain_batch()
        self.assertIsNone(self.wanted(self.port_id))
