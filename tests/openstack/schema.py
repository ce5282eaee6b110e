"""Makes the tables of Neutron and of networking-weft, in a second instead of the half minute of
all migrations (which networking-weft's own tests walk through), and the only rows that migrations
leave: the templates of a security group's first rules.

    schema.py URL
"""

import sys
import uuid

import sqlalchemy as sa
from neutron.db.migration.models import head

import networking_weft.db.models  # noqa: F401 (its tables are among the metadata by this)

TEMPLATES = (
    ("egress", "IPv4", None, True),
    ("egress", "IPv6", None, True),
    ("ingress", "IPv4", "PARENT", False),
    ("ingress", "IPv6", "PARENT", False),
)
"""Direction, IP version, remote group, whether groups other than the default one have it."""


def main(url: str) -> None:
    metadata = head.get_metadata()
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    attributes = metadata.tables["standardattributes"].insert()
    rules = metadata.tables["securitygroupdefaultrules"].insert()
    with engine.begin() as connection:
        for direction, ethertype, remote, in_others in TEMPLATES:
            attribute = connection.execute(
                attributes.values(
                    resource_type="securitygroupdefaultrules",
                    revision_number=0,
                    description=f"Legacy default SG rule for {direction} traffic",
                )
            )
            connection.execute(
                rules.values(
                    id=str(uuid.uuid4()),
                    standard_attr_id=attribute.inserted_primary_key[0],
                    direction=direction,
                    ethertype=ethertype,
                    remote_group_id=remote,
                    used_in_default_sg=True,
                    used_in_non_default_sg=in_others,
                )
            )


if __name__ == "__main__":
    main(sys.argv[1])
