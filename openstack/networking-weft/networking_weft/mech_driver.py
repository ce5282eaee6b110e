"""ML2 mechanism driver ``weft``: binds ports to hosts, and has the rest noted and carried out.

What Neutron commits is noted by :mod:`networking_weft.db.capture` and carried out by
:mod:`networking_weft.service` in a process of its own; here is only what has to be decided while
Neutron binds a port. All of it comes from Neutron's own database.
"""

from neutron.db import provisioning_blocks
from neutron_lib import constants as n_const
from neutron_lib import context as n_context
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import resources
from neutron_lib.plugins.ml2 import api
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import agents, bell, binding, config, constants, records, service
from networking_weft.db import capture, conditions

LOG = logging.getLogger(__name__)


class WeftMechanismDriver(api.MechanismDriver):
    """See the module."""

    def initialize(self) -> None:
        """Begins to note what is committed."""
        config.register_opts()
        capture.listen(bell.Rope(bell.path(cfg.CONF.state_path)).pull)

    def get_workers(self) -> tuple[service.Worker]:
        """What Neutron shall start besides its API, and keep running."""
        return (service.Worker(),)

    @property
    def connectivity(self) -> str:
        """Ports are connected at layer 2."""
        return portbindings.CONNECTIVITY_L2

    def check_vlan_transparency(self, context: api.NetworkContext) -> bool:
        """Tags of machines are not carried through."""
        return False

    def bind_port(self, context: api.PortContext) -> None:
        """Binds the port if its host can have it; otherwise says in log and status why not."""
        port = context.current
        wanted = binding.Wanted(port["id"], port.get(portbindings.VNIC_TYPE), port["device_owner"])
        agent = agents.find(n_context.get_admin_context(), context.host)
        host = binding.host_of_agent(agent, cfg.CONF.ml2_weft.vhost_user_dir) if agent else None
        match binding.bind(wanted, host, context.segments_to_bind):
            case binding.Bound(segment_id, vif_type, vif_details):
                context.set_binding(segment_id, vif_type, vif_details)
            case binding.Refused(reason):
                # Neutron asks ten times in a row; once is enough to be told.
                if conditions.refuse(port["id"], context.host, reason):
                    LOG.warning(
                        "Port %s is not bound on host %s: %s", port["id"], context.host, reason
                    )

    def update_port_precommit(self, context: api.PortContext) -> None:
        """Keeps a port that has just been bound from becoming ACTIVE until it is effective."""
        if self._is_newly_bound(context):
            provisioning_blocks.add_provisioning_component(
                context.plugin_context,
                context.current["id"],
                resources.PORT,
                provisioning_blocks.L2_AGENT_ENTITY,
            )

    @staticmethod
    def _is_newly_bound(context: api.PortContext) -> bool:
        # First what costs nothing: Neutron reads the network for the levels of a binding.
        if context.status == n_const.PORT_STATUS_ACTIVE:
            return False
        was_bound = context.original_vif_type in records.BINDING_TYPES
        if was_bound and context.host == context.original_host:
            return False
        levels = context.binding_levels or ()
        return bool(levels) and levels[-1][api.BOUND_DRIVER] == constants.DRIVER
