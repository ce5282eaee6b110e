"""Security groups and address groups, from Neutron's API to the store."""

from neutron.db import address_group_db
from neutron_lib import constants as n_const

from tests.functional.base import WeftTestCase


class GroupTest(WeftTestCase):
    def group(self, **more):
        fields = {
            "name": "g",
            "description": "",
            "project_id": "tenant",
            "tenant_id": "tenant",
            "stateful": True,
        }
        return self.plugin.create_security_group(self.context, {"security_group": fields | more})

    def record(self, group):
        self.drainer.drain()
        return self.store.objects.get(("security_group", group["id"]))

    def add_rule(self, group, **more):
        fields = {
            "security_group_id": group["id"],
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "port_range_min": 80,
            "port_range_max": 80,
            "remote_ip_prefix": "10.0.0.0/8",
            "remote_group_id": None,
            "remote_address_group_id": None,
            "description": "",
            "project_id": "tenant",
            "tenant_id": "tenant",
        }
        return self.plugin.create_security_group_rule(
            self.context, {"security_group_rule": fields | more}
        )

    def test_a_group_comes_with_its_first_rules(self):
        group = self.group()
        record = self.record(group)
        rules = len(record["ingress_rules"]) + len(record["egress_rules"])
        self.assertEqual(len(group["security_group_rules"]), rules)
        self.assertTrue(record["stateful"])

    def test_rules_come_and_go(self):
        group = self.group()
        self.drainer.drain()
        rule = self.add_rule(group)
        self.assertIn(80, [r["port_min"] for r in self.record(group)["ingress_rules"]])
        self.plugin.delete_security_group_rule(self.context, rule["id"])
        self.assertNotIn(80, [r["port_min"] for r in self.record(group)["ingress_rules"]])

    def test_a_stateless_group_says_so(self):
        self.assertFalse(self.record(self.group(stateful=False))["stateful"])

    def test_a_name_is_nothing_to_the_store(self):
        group = self.group()
        self.drainer.drain()
        self.plugin.update_security_group(
            self.context, group["id"], {"security_group": {"name": "other"}}
        )
        self.assertFalse(self.is_due(group["id"]))

    def test_a_group_goes(self):
        group = self.group()
        self.drainer.drain()
        self.plugin.delete_security_group(self.context, group["id"])
        self.assertIsNone(self.record(group))
        self.assertIsNone(self.row(group["id"]))


class AddressGroupTest(WeftTestCase):
    def setUp(self):
        super().setUp()
        self.groups = address_group_db.AddressGroupDbMixin()
        self.group = self.groups.create_address_group(
            self.context,
            {
                "address_group": {
                    "project_id": "tenant",
                    "name": "g",
                    "description": "",
                    "addresses": ["10.0.0.0/24"],
                }
            },
        )

    def addresses(self):
        self.drainer.drain()
        record = self.store.objects.get(("address_group", self.group["id"]))
        return record and record["addresses"]

    def test_addresses_come_and_go(self):
        self.assertEqual(["10.0.0.0/24"], self.addresses())
        body = {"addresses": ["2001:db8::/64"]}
        self.groups.add_addresses(self.context, self.group["id"], body)
        self.assertEqual(["10.0.0.0/24", "2001:db8::/64"], self.addresses())
        self.groups.remove_addresses(self.context, self.group["id"], body)
        self.assertEqual(["10.0.0.0/24"], self.addresses())

    def test_a_group_goes(self):
        self.drainer.drain()
        self.groups.delete_address_group(self.context, self.group["id"])
        self.assertIsNone(self.addresses())

    def test_a_rule_names_it(self):
        group = self.plugin.create_security_group(
            self.context,
            {
                "security_group": {
                    "name": "g",
                    "description": "",
                    "project_id": "tenant",
                    "tenant_id": "tenant",
                }
            },
        )
        rule = {
            "security_group_id": group["id"],
            "direction": n_const.INGRESS_DIRECTION,
            "ethertype": "IPv4",
            "protocol": None,
            "port_range_min": None,
            "port_range_max": None,
            "remote_ip_prefix": None,
            "remote_group_id": None,
            "remote_address_group_id": self.group["id"],
            "description": "",
            "project_id": "tenant",
            "tenant_id": "tenant",
        }
        self.plugin.create_security_group_rule(self.context, {"security_group_rule": rule})
        self.drainer.drain()
        record = self.store.objects["security_group", group["id"]]
        named = [r["remote_address_group_id"] for r in record["ingress_rules"]]
        self.assertIn(self.group["id"], named)
