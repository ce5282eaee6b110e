"""What hosts say, as the leader has it in memory. Fed with the lines of ``/v1/watch``.

Level-triggered: a line changes what is known and marks its port; whoever deals with marked ports
looks at what is known then. So lines are taken as fast as they come, nothing queues up, and
however often a port changes, it is dealt with once.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

KINDS = ("alive", "physnet", "port_state", "port_condition")

UNSOUND = frozenset({"pending", "failed"})
"""Conditions that an operator wants to know of. Others only say how far a port has come."""


@dataclass(frozen=True)
class Said:
    """What a host says of a port."""

    effective: bool = False
    status: str | None = None
    """One of :data:`UNSOUND`, if it is; then there is a reason."""
    reason: str | None = None


@dataclass
class Facts:
    """Everything that hosts say."""

    alive: dict[str, Any] = field(default_factory=dict)
    physnets: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ports: dict[str, dict[str, Said]] = field(default_factory=lambda: defaultdict(dict))


@dataclass
class Changes:
    """What is to be looked at."""

    ports: set[str] = field(default_factory=set)
    hosts: bool = False
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.ports or self.hosts or self.everything)


class World:
    """Shared by the thread that reads lines and the one that acts on them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._facts = Facts()
        self._coming: Facts | None = None
        self._changes = Changes()
        self.revision: int | None = None
        """Where to resume; ``None``: with a snapshot."""

    def begin(self) -> None:
        """A snapshot comes. What is known stays until all of it has come."""
        with self._changed:
            self._coming = Facts()
            self.revision = None

    def apply(self, line: dict[str, Any]) -> None:
        """Takes one line."""
        with self._changed:
            match line.get("type"):
                case "put" | "delete":
                    self._record(line)
                case "synced":
                    self._synced()
                case _:
                    pass
            # What precedes `synced` is of many revisions, and nothing to resume at.
            if self._coming is None and not line.get("more") and line.get("revision"):
                self.revision = line["revision"]

    def take(self, timeout: float, gather: float = 0.0) -> Changes:
        """What has changed since the last call; waits for it, ``timeout`` seconds at most.

        Then it waits ``gather`` seconds for what comes with it.
        """
        with self._changed:
            has_changed = self._changed.wait_for(lambda: bool(self._changes), timeout)
        if has_changed:
            time.sleep(gather)
        with self._changed:
            changes, self._changes = self._changes, Changes()
            return changes

    def mark(self, ports: set[str]) -> None:
        """Has these ports looked at."""
        with self._changed:
            self._changes.ports |= ports
            self._changed.notify()

    def said(self, port_id: str) -> dict[str, Said]:
        """What hosts say of a port, by host."""
        with self._changed:
            return dict(self._facts.ports.get(port_id, {}))

    def hosts(self) -> dict[str, tuple[Any, tuple[str, ...]]]:
        """Hosts that are alive: what their agent says of itself, and their physical networks."""
        with self._changed:
            return {
                host: (value, tuple(sorted(self._facts.physnets.get(host, ()))))
                for host, value in self._facts.alive.items()
            }

    def is_effective(self, host: str, port_id: str) -> bool:
        """Whether the port works on the host."""
        with self._changed:
            said = self._facts.ports.get(port_id, {}).get(host)
            return said is not None and said.effective

    def _synced(self) -> None:
        if self._coming is not None:
            self._facts, self._coming = self._coming, None
            self._changes.everything = self._changes.hosts = True
            self._changed.notify()

    def _record(self, line: dict[str, Any]) -> None:
        facts = self._facts if self._coming is None else self._coming
        is_put = line["type"] == "put"
        host, name, value = line.get("host", ""), line.get("id"), line.get("value")
        match line["kind"]:
            case "alive":
                if is_put:
                    facts.alive[host] = value
                else:
                    facts.alive.pop(host, None)
                self._changes.hosts = True
            case "physnet":
                (facts.physnets[host].add if is_put else facts.physnets[host].discard)(name)
                self._changes.hosts = True
            case "port_state":
                self._port(facts, name, host, effective=is_put)
                # Said again it is effective after a change, and Neutron may have forgotten it.
                self._changes.ports.add(name)
            case "port_condition":
                said = value if is_put and isinstance(value, dict) else {}
                status, reason = said.get("status"), said.get("reason")
                if status not in UNSOUND or not reason:
                    status = reason = None
                self._port(facts, name, host, status=status, reason=reason)
        if self._changes:
            self._changed.notify()

    def _port(self, facts: Facts, port_id: str, host: str, **news: Any) -> None:
        hosts = facts.ports[port_id]
        old = hosts.get(host, Said())
        said = replace(old, **news)
        if said != old:
            hosts[host] = said
            self._changes.ports.add(port_id)
        if said == Said():
            hosts.pop(host, None)
        if not hosts:
            del facts.ports[port_id]
