"""Where both branches begin."""

revision = "start_networking_weft"
down_revision = None


def upgrade():
    """Nothing is there yet."""
