"""Journal, leases, VXLAN network identifiers, and what ports suffer from."""

import sqlalchemy as sa
from alembic import op

revision = "7b0d3c4e18a6"
down_revision = "start_networking_weft"
branch_labels = ("expand",)


def upgrade():
    op.create_table(
        "weft_journal",
        sa.Column("object_id", sa.String(36), nullable=False),
        sa.Column("object_type", sa.String(32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Float(53), nullable=True),
        sa.Column("claim", sa.String(32), nullable=True),
        sa.Column("since", sa.Float(53), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.String(1024), nullable=True),
        sa.PrimaryKeyConstraint("object_id"),
    )
    op.create_index("ix_weft_journal_due", "weft_journal", ["due"])
    op.create_table(
        "weft_leases",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "weft_gpe_allocations",
        sa.Column("vni", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("vni"),
    )
    op.create_table(
        "weft_port_conditions",
        sa.Column("port_id", sa.String(36), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1024), nullable=False),
        sa.Column("since", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["ports.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("port_id"),
    )
