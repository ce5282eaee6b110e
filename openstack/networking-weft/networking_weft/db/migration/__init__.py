"""Alembic migrations, run by ``neutron-db-manage --subproject networking-weft upgrade head``."""
