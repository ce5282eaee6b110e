"""What a result of ``POST /v1/desired`` means for the journal. Pure."""

from dataclasses import dataclass
from typing import Any

DONE = frozenset({"created", "updated", "unchanged", "deleted", "absent"})
TRANSIENT = frozenset({"conflict", "unavailable"})


@dataclass(frozen=True)
class Done:
    """The store has it."""


@dataclass(frozen=True)
class Outrun:
    """The store has a higher revision."""

    revision: int


@dataclass(frozen=True)
class Failed:
    """It is not in the store."""

    reason: str
    transient: bool


def of(result: dict[str, Any]) -> Done | Outrun | Failed:
    """Reads one result."""
    word = result.get("result")
    if word in DONE:
        return Done()
    if word == "stale":
        return Outrun(int(result["revision_number"]))
    detail = result.get("error") or {}
    reason = ": ".join(
        part for part in (str(word), detail.get("field"), detail.get("message")) if part
    )
    return Failed(reason, word in TRANSIENT)


def retry_after(tries: int, least: float, most: float) -> float:
    """Seconds to wait after ``tries`` failures before this one: doubled each time."""
    return min(most, least * 2 ** min(tries, 32))
