"""Neutron's ML2 plugin with our drivers, on a database in memory, beside a fake server."""

import time

from neutron.tests.unit.plugins.ml2 import test_plugin
from neutron_lib import constants as n_const
from neutron_lib import context as n_context
from neutron_lib.api.definitions import portbindings
from neutron_lib.db import api as db_api
from neutron_lib.plugins import directory
from oslo_config import cfg
from oslo_utils import timeutils

from networking_weft import config, constants, drain
from networking_weft.client import Client
from networking_weft.db import journal
from networking_weft.db.models import JournalRow
from tests.fake_server import FakeServer

PHYSNET = "physnet1"


class WeftTestCase(test_plugin.Ml2PluginV2TestCase):
    _mechanism_drivers = ["weft"]
    _extension_drivers = ["port_security", "weft_status"]

    def setUp(self):
        config.register_opts()
        self.server = FakeServer()
        self.addCleanup(self.server.close)
        self.store = self.server.store
        cfg.CONF.set_override("servers", [self.server.url], "ml2_weft")
        cfg.CONF.set_override("vni_ranges", ["5001:5004"], "ml2_type_gpe")
        cfg.CONF.set_override("type_drivers", ["flat", "vlan", "vxlan", "gpe", "local"], "ml2")
        cfg.CONF.set_override("extension_drivers", self._extension_drivers, "ml2")
        super().setUp()
        self.context = n_context.get_admin_context()
        self.plugin = directory.get_plugin()
        self.up = []
        self.drainer = drain.Drainer(cfg.CONF, lambda host, port: self.up.append((host, port)))
        self.client = Client([self.server.url], 2)
        self.add_host("h1")

    def add_host(self, host, **more):
        state = {
            "agent_type": constants.AGENT_TYPE,
            "binary": constants.AGENT_BINARY,
            "host": host,
            "topic": "N/A",
            "configurations": {
                "physnets": [PHYSNET],
                "network_types": ["flat", "vlan", "vxlan", "gpe"],
                "binding_types": ["tap", "vhostuser"],
                "vhost_user": {"directory": "/run/sockets", "mode": "client"},
            }
            | more,
            "start_flag": True,
        }
        self.plugin.create_or_update_agent(self.context, state, timeutils.utcnow())

    def vlan_network(self, tag=7):
        body = {
            "network": {
                "name": "net",
                "project_id": "tenant",
                "tenant_id": "tenant",
                "admin_state_up": True,
                "shared": False,
                "provider:network_type": "vlan",
                "provider:physical_network": PHYSNET,
                "provider:segmentation_id": tag,
                "port_security_enabled": True,
            }
        }
        return self.plugin.create_network(self.context, body)

    def port(self, network, host="h1", **more):
        fields = {
            "network_id": network["id"],
            "name": "p",
            "tenant_id": network["tenant_id"],
            "admin_state_up": True,
            "device_id": "machine",
            "device_owner": "compute:nova",
            "fixed_ips": n_const.ATTR_NOT_SPECIFIED,
            "mac_address": n_const.ATTR_NOT_SPECIFIED,
            "security_groups": [],
            "port_security_enabled": True,
            portbindings.HOST_ID: host,
            portbindings.VNIC_TYPE: portbindings.VNIC_NORMAL,
            portbindings.PROFILE: {},
        }
        return self.plugin.create_port(self.context, {"port": fields | more})

    def row(self, object_id):
        with db_api.CONTEXT_READER.using(self.context):
            found = self.context.session.get(JournalRow, object_id)
            if found is None:
                return None
            return journal.Claimed(found.object_id, found.object_type, found.revision, found.tries)

    def is_due(self, object_id):
        with db_api.CONTEXT_READER.using(self.context):
            found = self.context.session.get(JournalRow, object_id)
            return found is not None and found.due is not None and found.due <= time.time()

    def wanted(self, port_id):
        return self.store.objects.get(("port", port_id))
