"""The tables. Times are Unix seconds: as numbers they keep their fractions on every database."""

import sqlalchemy as sa
from neutron_lib.db import model_base


class JournalRow(model_base.BASEV2):
    """One object of Neutron whose wanted state the store shall have.

    A row lives as long as its object, and then until its end has been carried out. ``revision``
    rises with each committed change and guards the store against what comes late or twice.
    """

    __tablename__ = "weft_journal"

    object_id = sa.Column(sa.String(36), primary_key=True)
    object_type = sa.Column(sa.String(32), nullable=False)
    revision = sa.Column(sa.BigInteger, nullable=False)
    due = sa.Column(sa.Float(53), nullable=True, index=True)
    """When it is to be carried out, or tried again; null: the store has it."""
    claim = sa.Column(sa.String(32), nullable=True)
    """Who is at it, until ``due``. A change takes the claim away."""
    since = sa.Column(sa.Float(53), nullable=True)
    """Since when it waits."""
    tries = sa.Column(sa.Integer, nullable=False, server_default="0")
    error = sa.Column(sa.String(1024), nullable=True)


class Lease(model_base.BASEV2):
    """Who does what only one may do. See :mod:`networking_weft.db.leases`."""

    __tablename__ = "weft_leases"

    name = sa.Column(sa.String(64), primary_key=True)
    holder = sa.Column(sa.String(128), nullable=False)
    beat = sa.Column(sa.BigInteger, nullable=False)


class GpeAllocation(model_base.BASEV2):
    """A VXLAN network identifier that a network of type ``gpe`` has."""

    __tablename__ = "weft_gpe_allocations"

    vni = sa.Column(sa.Integer, primary_key=True, autoincrement=False)


class PortCondition(model_base.BASEV2):
    """Why a port does not work. A port that works, or of which nothing is known, has no row."""

    __tablename__ = "weft_port_conditions"

    port_id = sa.Column(
        sa.String(36), sa.ForeignKey("ports.id", ondelete="CASCADE"), primary_key=True
    )
    host = sa.Column(sa.String(255), nullable=False)
    status = sa.Column(sa.String(16), nullable=False)
    reason = sa.Column(sa.String(1024), nullable=False)
    since = sa.Column(sa.Float(53), nullable=False)
