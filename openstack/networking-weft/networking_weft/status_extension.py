"""ML2 extension driver ``weft_status``: serves the attribute ``weft:status`` of ports."""

import datetime
import os
from typing import Any

from neutron.api import extensions as api_extensions
from neutron.db.models_v2 import Port
from neutron_lib.plugins.ml2 import api
from sqlalchemy import orm

from networking_weft import extensions
from networking_weft.db.models import PortCondition
from networking_weft.extensions import weft_status

# In the query for the port, whatever asks for it; Neutron loads a port many a time.
PortCondition.port = orm.relationship(
    Port,
    load_on_pending=True,
    backref=orm.backref("weft_condition", lazy="joined", uselist=False, viewonly=True),
    viewonly=True,
)


class WeftStatusExtensionDriver(api.ExtensionDriver):
    """See the module."""

    def initialize(self) -> None:
        """Lets Neutron find the extension."""
        api_extensions.append_api_extensions_path([os.path.dirname(extensions.__file__)])

    @property
    def extension_alias(self) -> str:
        """The extension that this serves."""
        return weft_status.ALIAS

    def extend_port_dict(self, session: orm.Session, base_model: Any, result: dict) -> None:
        """Adds the attribute to a port that is shown."""
        result[weft_status.ATTRIBUTE] = view(getattr(base_model, "weft_condition", None))


def view(condition: PortCondition | None) -> dict[str, str] | None:
    """What the API shows of a condition."""
    if condition is None:
        return None
    since = datetime.datetime.fromtimestamp(condition.since, tz=datetime.timezone.utc)
    return {
        "host": condition.host,
        "status": condition.status,
        "reason": condition.reason,
        "since": since.isoformat(timespec="seconds"),
    }
