"""OpenStack Neutron on Weft: the ML2 drivers, as thin as they can be.

What Neutron wants is said to ``weft server``, object by object, as a whole and with a revision;
what becomes of it is decided there and on the hosts. From Neutron to the network and back:

* ``mech_driver``, ``binding``, ``type_gpe``: which host can have a port, and on what segment.
* ``db.capture``, ``db.journal``: which objects a database transaction concerns, noted in the
  journal by that very transaction.
* ``service``, ``bell``: the worker of each Neutron server, in which the rest goes on.
* ``drain``: the journal is carried out, by the worker of every Neutron server.
* ``db.reader``, ``records``: what the database says, and the records that it makes.
* ``client``: HTTP to any ``weft server`` of a list.
* ``leader``, ``world``: one worker of the whole cloud follows what hosts say, tells Neutron
  (``status``, ``agents``) and compares everything at a low rate (``sync``).

Nothing in the path of an API request waits for the network.
"""

from importlib import metadata

__version__ = metadata.version("networking-weft")
