"""The alembic branch makes what the models say, on a real database.

``WEFT_TEST_DATABASE`` names one, as ``mysql+pymysql://neutron@127.0.0.1:3306/``; databases are made
and dropped on it. Without it these tests are skipped: SQLite cannot run Neutron's migrations.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import autogenerate
from alembic.migration import MigrationContext
from neutron.db.migration.models import head
from neutron_lib.db import model_base

from networking_weft.db import models
from networking_weft.db.migration.alembic_migrations import VERSION_TABLE

SERVER = os.environ.get("WEFT_TEST_DATABASE")
pytestmark = pytest.mark.skipif(not SERVER, reason="WEFT_TEST_DATABASE is not set")

TABLES = {
    model.__tablename__
    for model in (models.JournalRow, models.Lease, models.GpeAllocation, models.PortCondition)
}
FIRST_RELEASE = "7b0d3c4e18a6"
"""The last expand revision of the first release."""


@pytest.fixture
def database():
    """A database with Neutron's own tables."""
    name = f"weft_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(SERVER)
    with server.begin() as connection:
        connection.execute(sa.text(f"create database {name}"))
    url = f"{SERVER.rstrip('/')}/{name}"
    engine = sa.create_engine(url)
    metadata = head.get_metadata()
    metadata.create_all(
        engine, tables=[t for t in metadata.tables.values() if t.name not in TABLES]
    )
    yield engine
    engine.dispose()
    with server.begin() as connection:
        connection.execute(sa.text(f"drop database {name}"))
    server.dispose()


def migrate(engine, *arguments):
    url = engine.url.render_as_string(hide_password=False)
    command = [
        str(Path(sys.executable).with_name("neutron-db-manage")),
        "--database-connection",
        url,
        "--subproject",
        "networking-weft",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


def differences(engine):
    """What alembic would still change to make of the tables what the models say."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _object, name, type_, *_: (
                    type_ != "table" or name in TABLES
                ),
                # FLOAT(53) is what MySQL calls DOUBLE when asked.
                "compare_type": lambda _context, _column, _model, _found, wanted: (
                    False if isinstance(wanted, sa.Float) else None
                ),
            },
        )
        return autogenerate.compare_metadata(context, model_base.BASEV2.metadata)


def versions(engine):
    with engine.connect() as connection:
        return set(
            connection.scalars(
                sa.select(sa.column("version_num")).select_from(sa.table(VERSION_TABLE))
            )
        )


def test_from_an_empty_database(database):
    assert {entry[0] for entry in differences(database)} >= {"add_table"}
    migrate(database, "upgrade", "heads")
    assert differences(database) == []
    migrate(database, "upgrade", "heads")
    assert versions(database) == {FIRST_RELEASE, "c61e5d2a9f04"}


def test_from_the_last_release(database):
    migrate(database, "upgrade", FIRST_RELEASE)
    with database.begin() as connection:
        connection.execute(
            sa.insert(models.JournalRow.__table__).values(
                object_id="x", object_type="port", revision=7, tries=0
            )
        )
    migrate(database, "upgrade", "heads")
    assert differences(database) == []
    with database.connect() as connection:
        assert connection.scalar(sa.select(models.JournalRow.__table__.c.revision)) == 7


def test_expand_and_contract_can_be_run_apart(database):
    migrate(database, "upgrade", "--expand")
    migrate(database, "upgrade", "--contract")
    assert differences(database) == []
    assert "Need to apply" not in migrate(database, "has_offline_migrations")
