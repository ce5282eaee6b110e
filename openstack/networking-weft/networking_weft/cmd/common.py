"""What the commands share: Neutron's configuration, read as its server reads it."""

from neutron.common import config as n_config
from neutron_lib import context as n_context
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import __version__, config


def setup(options: list[cfg.Opt], arguments: list[str] | None, prog: str) -> cfg.ConfigOpts:
    """Reads the configuration files and the command line."""
    conf = cfg.CONF
    n_config.register_common_config_options()
    config.register_opts(conf)
    conf.register_cli_opts(options)
    conf(args=arguments, project="neutron", prog=prog, version=__version__)
    logging.setup(conf, prog)
    return conf


def context() -> n_context.Context:
    """Whoever may read and write everything."""
    return n_context.get_admin_context()
