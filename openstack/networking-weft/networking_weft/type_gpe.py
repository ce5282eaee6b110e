"""Type driver ``gpe``: networks that are Ethernet in VXLAN-GPE between hosts.

A row for each identifier that is in use, none for those that are free, so that neither starting
nor allocating depends on how wide the ranges are.
"""

from typing import Any

from neutron.plugins.ml2.drivers import helpers
from neutron_lib import constants as n_const
from neutron_lib import context as n_context
from neutron_lib import exceptions as n_exc
from neutron_lib.db import api as db_api
from neutron_lib.plugins.ml2 import api
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import config, constants, vni_ranges
from networking_weft.db import vnis

LOG = logging.getLogger(__name__)

Segment = dict[str, Any]

UDP_HEADER = 8
GPE_HEADER = 8
ETHERNET_HEADER = 14


class GpeTypeDriver(helpers.BaseTypeDriver):
    """Gives networks their VXLAN network identifiers."""

    def __init__(self) -> None:
        super().__init__()
        config.register_opts()
        try:
            self._ranges = vni_ranges.parse(cfg.CONF.ml2_type_gpe.vni_ranges)
        except ValueError as error:
            raise n_exc.NetworkTunnelRangeError(tunnel_range=None, error=str(error)) from error

    def get_type(self) -> str:
        """The network type."""
        return constants.TYPE_GPE

    def initialize(self) -> None:
        """Takes over identifiers of networks that were there before the driver."""
        context = n_context.get_admin_context()
        with db_api.CONTEXT_WRITER.using(context):
            adopted = vnis.adopt(context.session)
        LOG.info("gpe: ranges %s, %d identifiers adopted", self._ranges, adopted)

    def initialize_network_segment_range_support(self) -> None:
        """The ranges of ``gpe`` are in the configuration alone."""

    def update_network_segment_range_allocations(self) -> None:
        """See :meth:`initialize_network_segment_range_support`."""

    def get_network_segment_ranges(self) -> list[tuple[int, int]]:
        """The ranges that networks of projects get their identifiers from."""
        return list(self._ranges)

    def is_partial_segment(self, segment: Segment) -> bool:
        """Whether the identifier is for the driver to choose."""
        return segment.get(api.SEGMENTATION_ID) is None

    def validate_provider_segment(self, segment: Segment) -> None:
        """Refuses what a network of this type cannot be."""
        if segment.get(api.PHYSICAL_NETWORK):
            raise n_exc.InvalidInput(
                error_message="provider:physical_network cannot be given for a gpe network"
            )
        vni = segment.get(api.SEGMENTATION_ID)
        if vni is not None and not vni_ranges.is_vni(vni):
            raise n_exc.InvalidInput(
                error_message=f"provider:segmentation_id {vni} of a gpe network is not in "
                f"{vni_ranges.VNI_MIN} to {vni_ranges.VNI_MAX}"
            )

    def reserve_provider_segment(
        self,
        context: n_context.Context,
        segment: Segment,
        filters: object = None,
    ) -> Segment:
        """The segment an administrator asks for, with an identifier if it has none."""
        vni = segment.get(api.SEGMENTATION_ID)
        if vni is None:
            return self.allocate_tenant_segment(context) or _no_network_available()
        if not vnis.take(context, vni):
            raise n_exc.TunnelIdInUse(tunnel_id=vni)
        return self._segment(vni)

    def allocate_tenant_segment(
        self,
        context: n_context.Context,
        filters: object = None,
    ) -> Segment | None:
        """A segment for a project's network; ``None`` if no identifier is free."""
        vni = vnis.take_any(context, self._ranges)
        return None if vni is None else self._segment(vni)

    def release_segment(self, context: n_context.Context, segment: Segment) -> None:
        """Makes the identifier free."""
        with db_api.CONTEXT_WRITER.using(context):
            vnis.release(context.session, segment[api.SEGMENTATION_ID])

    def get_mtu(self, physical_network: str | None = None) -> int:
        """What is left of the underlay's MTU for a machine's packets; 0 if that is unknown."""
        limits = [mtu for mtu in (super().get_mtu(), cfg.CONF.ml2.path_mtu) if mtu > 0]
        if not limits:
            return 0
        ip_header = n_const.IP_HEADER_LENGTH[cfg.CONF.ml2.overlay_ip_version]
        return min(limits) - ip_header - UDP_HEADER - GPE_HEADER - ETHERNET_HEADER

    def _segment(self, vni: int) -> Segment:
        return {
            api.NETWORK_TYPE: self.get_type(),
            api.PHYSICAL_NETWORK: None,
            api.SEGMENTATION_ID: vni,
            api.MTU: self.get_mtu(),
        }


def _no_network_available() -> Segment:
    raise n_exc.NoNetworkAvailable()
