"""OpenStack Neutron on Weft: the ML2 drivers, as thin as they can be.

What Neutron wants is said to ``weft server``, object by object, as a whole and with a revision;
what becomes of it is decided there and on the hosts. The parts, from Neutron to the network and back:

* :mod:`~networking_weft.mech_driver`, :mod:`~networking_weft.binding`: which host can have a port.
* :mod:`~networking_weft.db.capture`: which objects a database transaction concerns, noted in the journal by that
  very transaction (:mod:`~networking_weft.db.journal`).
* :mod:`~networking_weft.drain`: the journal is carried out, by every worker of every Neutron server.
* :mod:`~networking_weft.db.reader`, :mod:`~networking_weft.records`: what the database says, and the records it makes.
* :mod:`~networking_weft.client`: HTTP to any ``weft server`` of a list.
* :mod:`~networking_weft.leader`: one worker of the whole cloud follows what hosts say
  (:mod:`~networking_weft.world`), tells Neutron (:mod:`~networking_weft.status`,
  :mod:`~networking_weft.agents`) and compares everything at a low rate (:mod:`~networking_weft.sync`).

Nothing in the path of an API request waits for the network.
"""

from importlib import metadata

__version__ = metadata.version("networking-weft")
