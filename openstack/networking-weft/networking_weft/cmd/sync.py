"""``neutron-weft-sync``: does the store say what Neutron says, and nothing else.

Exit status: 0 if so (or if it could be made so), 1 if not, 2 if it cannot be told.
"""

import json
import sys
import time

from neutron_lib.db import api as db_api
from oslo_config import cfg

from networking_weft import drain, sync
from networking_weft.client import Client, Refused, Unavailable
from networking_weft.cmd import common
from networking_weft.db import journal

OPTIONS = [
    cfg.BoolOpt("check", default=False, help="Only say what differs. What is done if not told."),
    cfg.BoolOpt("repair", default=False, help="Make the store say what Neutron says."),
    cfg.BoolOpt(
        "adopt",
        default=False,
        help="With --repair: take over bindings of networking-vpp, and remove records of others.",
    ),
    cfg.FloatOpt("wait", default=600.0, help="Seconds to wait for what is to be repaired."),
    cfg.BoolOpt("json", default=False, help="Print one JSON object."),
    cfg.IntOpt("limit", default=20, min=0, help="How many differences to print; 0: all."),
]


def main(arguments: list[str] | None = None) -> int:
    """Compares, and repairs if told to."""
    conf = common.setup(
        OPTIONS, sys.argv[1:] if arguments is None else arguments, "neutron-weft-sync"
    )
    started = time.monotonic()
    client = Client(conf.ml2_weft.servers, conf.ml2_weft.request_timeout, conf.ml2_weft.ca_file)
    try:
        adopted = sync.adopt_bindings() if conf.repair and conf.adopt else 0
        report = sync.Comparison(client).run()
        report.adopted_bindings = adopted
        repaired = sync.repair(report.differences, conf.adopt) if conf.repair else 0
        left = _carry_out(conf) if repaired else 0
    except (Unavailable, Refused) as error:
        print(f"neutron-weft-sync: {error}", file=sys.stderr)
        return 2
    _print(conf, report, repaired, left, time.monotonic() - started)
    return 0 if report.in_step or (conf.repair and not left) else 1


def _carry_out(conf: cfg.ConfigOpts) -> int:
    """Drains the journal beside the server's workers. Returns how many rows still wait."""
    drainer = drain.Drainer(conf, effective=lambda _host, _port: None)
    until = time.monotonic() + conf.wait
    while True:
        drainer.drain()
        context = common.context()
        with db_api.CONTEXT_READER.using(context):
            waiting = journal.figures(context.session).waiting
        if not waiting or time.monotonic() > until:
            return waiting
        time.sleep(min(conf.ml2_weft.retry_min, 1.0))


def _print(
    conf: cfg.ConfigOpts, report: sync.Report, repaired: int, left: int, seconds: float
) -> None:
    if conf.json:
        print(
            json.dumps(
                {
                    "compared": dict(report.compared),
                    "under_way": report.under_way,
                    "differences": [vars(difference) for difference in report.differences],
                    "adopted_bindings": report.adopted_bindings,
                    "repaired": repaired,
                    "still_waiting": left,
                    "seconds": round(seconds, 3),
                }
            )
        )
        return
    compared = ", ".join(f"{count} {kind}" for kind, count in report.compared.items())
    print(f"compared in {seconds:.1f} s: {compared}; {report.under_way} under way")
    shown = report.differences[: conf.limit or None]
    for difference in shown:
        print(f"{difference.what:<10} {difference.kind} {difference.object_id} {difference.detail}")
    if len(shown) < len(report.differences):
        print(f"... and {len(report.differences) - len(shown)} more")
    if report.adopted_bindings:
        print(f"{report.adopted_bindings} bindings of networking-vpp are taken over")
    if conf.repair:
        print(f"{repaired} repaired, {left} still waiting")
    elif report.in_step:
        print("in step")


if __name__ == "__main__":
    sys.exit(main())
