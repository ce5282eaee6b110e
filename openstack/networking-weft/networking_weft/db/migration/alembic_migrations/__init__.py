"""The branch of networking-weft; its version table is ``networking_weft_alembic_version``."""

VERSION_TABLE = "networking_weft_alembic_version"
