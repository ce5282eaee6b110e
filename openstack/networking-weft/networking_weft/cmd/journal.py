"""``neutron-weft-journal``: what waits to be carried out, and why."""

import json
import sys
import time

from neutron_lib.db import api as db_api
from oslo_config import cfg

from networking_weft.cmd import common
from networking_weft.db import journal, leases

OPTIONS = [
    cfg.IntOpt("limit", default=20, min=0, help="How many rows to show."),
    cfg.BoolOpt("json", default=False, help="Print one JSON object."),
    cfg.BoolOpt("retry", default=False, help="Have everything that waits tried at once."),
]


def main(arguments: list[str] | None = None) -> int:
    """Prints the journal's figures and the rows that wait longest."""
    conf = common.setup(
        OPTIONS, sys.argv[1:] if arguments is None else arguments, "neutron-weft-journal"
    )
    context = common.context()
    if conf.retry:
        with db_api.CONTEXT_WRITER.using(context):
            journal.retry_now(context.session)
    with db_api.CONTEXT_READER.using(context):
        figures = journal.figures(context.session)
        leader = leases.holders(context.session).get("leader")
        rows = [
            {
                "kind": row.object_type,
                "id": row.object_id,
                "revision_number": row.revision,
                "waiting": round(max(0.0, time.time() - (row.since or time.time())), 1),
                "tries": row.tries,
                "error": row.error,
            }
            for row in journal.waiting(context.session, conf.limit)
        ]
    if conf.json:
        print(
            json.dumps({**vars(figures), "leader": leader, "rows": rows} | {"total": figures.rows})
        )
        return 0
    print(f"{figures.rows} objects, {figures.waiting} waiting, {figures.failing} failing")
    print(f"oldest waits {figures.oldest:.1f} s; leader {leader or 'none'}")
    for row in rows:
        print(
            f"{row['kind']:<15} {row['id']} revision {row['revision_number']:<5} "
            f"{row['waiting']:>8.1f} s {row['tries']:>4} tries  {row['error'] or ''}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
