"""Neutron's API for gunicorn. Neutron reads the command line as its own when it is imported, so
that gunicorn's has to be taken away before."""

import sys

sys.argv = ["neutron-api"]

from neutron.wsgi.api import application  # noqa: E402, F401
from neutron import policy  # noqa: E402

# Neutron reads its policies with a worker's first request, and refuses others that come meanwhile.
policy.init()
