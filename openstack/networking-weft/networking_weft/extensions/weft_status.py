"""API extension ``weft-status``: ports say why they do not work."""

from neutron_lib.api import extensions
from neutron_lib.api.definitions import port as port_def

ALIAS = "weft-status"
ATTRIBUTE = "weft:status"


class Weft_status(extensions.ExtensionDescriptor):  # noqa: N801, Neutron looks for this name
    """See the module."""

    @classmethod
    def get_name(cls) -> str:
        """For people."""
        return "Why ports do not work"

    @classmethod
    def get_alias(cls) -> str:
        """For programs."""
        return ALIAS

    @classmethod
    def get_description(cls) -> str:
        """For people."""
        return "Adds the host, status and reason of ports that cannot be bound or do not work."

    @classmethod
    def get_updated(cls) -> str:
        """When it was changed last."""
        return "2026-11-21T00:00:00-00:00"

    def get_extended_resources(self, version: str) -> dict:
        """The attribute: read-only, ``null`` if nothing is wrong."""
        if version != "2.0":
            return {}
        return {
            port_def.COLLECTION_NAME: {
                ATTRIBUTE: {
                    "allow_post": False,
                    "allow_put": False,
                    "is_visible": True,
                    "enforce_policy": True,
                    "default": None,
                }
            }
        }
