"""What the package says it has is there, and the samples say the same."""

from importlib import metadata
from pathlib import Path

import pytest

from networking_weft import config, policies

ETC = Path(__file__).parents[2] / "etc"


@pytest.mark.parametrize(
    "entry_point", metadata.distribution("networking-weft").entry_points, ids=lambda e: e.name
)
def test_entry_points_can_be_loaded(entry_point):
    if entry_point.group == "neutron.db.alembic_migrations":
        # Not an object, but a package and a directory in it.
        assert entry_point.value == "networking_weft.db.migration:alembic_migrations"
    else:
        assert entry_point.load() is not None


def test_the_sample_configuration_has_every_option():
    sample = (ETC / "ml2_conf_weft.ini.sample").read_text()
    for group, options in config.list_opts():
        section = sample.partition(f"[{group}]")[2].partition("\n[")[0]
        for option in options:
            assert f"#{option.name} =" in section
        assert section.count(" = ") + section.count(" =\n") == len(options)


def test_the_sample_policy_has_every_rule():
    sample = (ETC / "policy.yaml.sample").read_text()
    for rule in policies.list_rules():
        assert f'#"{rule.name}": "{rule.check_str}"' in sample
