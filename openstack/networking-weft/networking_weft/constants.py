"""Names that Neutron's database and API keep."""

DRIVER = "weft"
"""The mechanism driver's alias: what bindings in the database say who made them."""

NETWORKING_VPP_DRIVER = "vpp"
"""The alias of networking-vpp's mechanism driver, whose bindings can be taken over."""

AGENT_TYPE = "Weft agent"
AGENT_BINARY = "weft-agent"

TYPE_GPE = "gpe"
"""Network type: Ethernet in VXLAN-GPE between hosts."""

PORT = "port"
SECURITY_GROUP = "security_group"
ADDRESS_GROUP = "address_group"
KINDS = (PORT, SECURITY_GROUP, ADDRESS_GROUP)
"""What is journaled, by the names of ``weft server``."""
