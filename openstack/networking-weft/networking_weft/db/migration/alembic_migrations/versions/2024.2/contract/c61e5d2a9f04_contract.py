"""Where the contract branch begins."""

revision = "c61e5d2a9f04"
down_revision = "start_networking_weft"
branch_labels = ("contract",)


def upgrade():
    """Nothing to take away."""
