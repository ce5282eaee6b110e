"""The options of the drivers."""

from oslo_config import cfg

GROUP = "ml2_weft"
GPE_GROUP = "ml2_type_gpe"

WEFT_OPTS = [
    cfg.ListOpt(
        "servers",
        default=["http://127.0.0.1:7090"],
        help="URLs of `weft server`s of one store. Any of them will do; the next one is taken "
        "when one does not answer.",
    ),
    cfg.StrOpt(
        "ca_file",
        help="PEM of the authority of the servers' certificates, for https; the system's if unset.",
    ),
    cfg.FloatOpt(
        "request_timeout",
        default=10.0,
        min=0.1,
        help="Seconds that one request may take before the next server is asked.",
    ),
    cfg.IntOpt(
        "journal_threads",
        default=2,
        min=1,
        help="Threads of the worker of each Neutron server that carry out the journal.",
    ),
    cfg.IntOpt(
        "journal_batch",
        default=100,
        min=1,
        max=500,
        help="Journal rows that a thread takes at a time, and sends as one request.",
    ),
    cfg.FloatOpt(
        "journal_poll_interval",
        default=1.0,
        min=0.1,
        help="Seconds after which a worker looks for rows of other machines; those that the API "
        "of its own commits are carried out at once.",
    ),
    cfg.FloatOpt(
        "claim_time",
        default=30.0,
        min=1.0,
        help="Seconds that a thread has for the rows it took; then others may take them. More "
        "than request_timeout.",
    ),
    cfg.FloatOpt(
        "retry_min",
        default=0.5,
        min=0.0,
        help="Seconds after which a row that could not be carried out is tried again; doubled "
        "each time.",
    ),
    cfg.FloatOpt("retry_max", default=60.0, min=0.0, help="The most that retry_min grows to."),
    cfg.FloatOpt(
        "leader_lease",
        default=15.0,
        min=1.0,
        help="Seconds without a sign of life after which another worker takes over from the one "
        "that follows the hosts.",
    ),
    cfg.FloatOpt(
        "reconcile_interval",
        default=60.0,
        min=1.0,
        help="Seconds after which the status of all ports is compared with what hosts say, though "
        "nothing happened.",
    ),
    cfg.FloatOpt(
        "sync_interval",
        default=3600.0,
        min=0.0,
        help="Seconds between full comparisons of Neutron's database with the store. 0: never "
        "(`neutron-weft-sync` does it on demand).",
    ),
    cfg.BoolOpt(
        "sync_repair",
        default=True,
        help="Whether these comparisons repair what they find, or only log it.",
    ),
    cfg.StrOpt(
        "vhost_user_dir",
        default="/run/weft/vhost-user",
        help="Directory of vhost-user sockets on hosts whose agent does not tell its own.",
    ),
]

GPE_OPTS = [
    cfg.ListOpt(
        "vni_ranges",
        default=[],
        help="Ranges of VXLAN network identifiers, min:max, that networks of projects get theirs "
        "from. Administrators may use others by asking for them.",
    ),
]


def register_opts(conf: cfg.ConfigOpts = cfg.CONF) -> None:
    """Makes the options known to ``conf``. Harmless when done again."""
    conf.register_opts(WEFT_OPTS, group=GROUP)
    conf.register_opts(GPE_OPTS, group=GPE_GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """What ``oslo-config-generator`` makes the sample file of."""
    return [(GROUP, WEFT_OPTS), (GPE_GROUP, GPE_OPTS)]
