"""Runs the migrations of this branch alone, on the database of Neutron's configuration."""

from alembic import context
from neutron.db.migration import connection
from neutron_lib.db import model_base

from networking_weft.db import models
from networking_weft.db.migration.alembic_migrations import VERSION_TABLE

TABLES = {
    model.__tablename__
    for model in (models.JournalRow, models.Lease, models.GpeAllocation, models.PortCondition)
}

config = context.config


def include_object(_object, name, type_, _reflected, _compare_to):
    """Leaves Neutron's own tables, and those of others, out of sight."""
    return type_ != "table" or name in TABLES


def run(**configuration):
    context.configure(
        target_metadata=model_base.BASEV2.metadata,
        include_object=include_object,
        version_table=VERSION_TABLE,
        **configuration,
    )
    with context.begin_transaction():
        context.run_migrations()


database = config.neutron_config.database
if context.is_offline_mode():
    run(url=database.connection) if database.connection else run(dialect_name=database.engine)
else:
    with connection.DBConnection(
        database.connection, config.attributes.get("connection")
    ) as opened:
        run(connection=opened)
