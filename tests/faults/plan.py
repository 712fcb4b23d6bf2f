"""What goes wrong, and when: decided by a seed, the key of the call and the number of its attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Fault:
    """One way to fail. `forwarded`: whether the server gets the request all the same, and acts."""

    kind: str
    forwarded: bool = False
    status: int = 0
    retry_after: str = ""  # "", "seconds" or "date"


FAULTS: dict[str, Fault] = {
    # The port is closed for a moment: the request in hand is served, new connections are refused.
    "refuse": Fault("refuse", forwarded=True),
    # The connection is cut …
    "cut_request": Fault("cut"),  # … when the request has come in, before the server sees it
    "cut_before": Fault("cut", forwarded=True),  # … when the server has responded, before a byte of it
    "cut_during": Fault("cut_during", forwarded=True),  # … in the middle of the head
    "half_body": Fault("half_body", forwarded=True),  # … in the middle of the body
    "cut_after": Fault("cut_after", forwarded=True),  # … after the whole response, unannounced
    # Nothing comes for longer than the client waits; the server acts before, or afterwards.
    "slow_after": Fault("slow_after", forwarded=True),
    "slow_before": Fault("slow_before", forwarded=True),
    # Bytes that are not HTTP.
    "garbage": Fault("garbage", forwarded=True),
    "429": Fault("status", status=429),
    "429_seconds": Fault("status", status=429, retry_after="seconds"),
    "429_date": Fault("status", status=429, retry_after="date"),
}
for _status in (500, 502, 503, 504):
    FAULTS[f"{_status}"] = Fault("status", status=_status)
    FAULTS[f"{_status}_acted"] = Fault("status", status=_status, forwarded=True)
    FAULTS[f"{_status}_seconds"] = Fault("status", status=_status, retry_after="seconds")
    FAULTS[f"{_status}_date"] = Fault("status", status=_status, retry_after="date")


class Plan:
    """Draws a fault, or none, for each attempt.

    `faults` maps names of `FAULTS` to probabilities that add up to at most 1. The draw for an attempt
    depends on the seed, the call's key and the attempt's number alone, so the order in which threads
    happen to run changes nothing. `first` lists faults that the first attempts of every key get, in
    order; None in it means no fault. `prefix` limits all of it to paths that start so.
    """

    def __init__(
        self,
        seed: int = 0,
        faults: Mapping[str, float] | None = None,
        *,
        first: tuple[str | None, ...] = (),
        prefix: str = "/v1/op/",
    ) -> None:
        self.seed = seed
        self.faults = dict(faults or {})
        self.first = first
        self.prefix = prefix
        if sum(self.faults.values()) > 1.000001:
            raise ValueError("the probabilities add up to more than 1")
        unknown = (self.faults.keys() | {name for name in first if name}) - FAULTS.keys()
        if unknown:
            raise ValueError(f"unknown faults: {sorted(unknown)}")

    @classmethod
    def evenly(cls, seed: int, share: float, *names: str) -> Plan:
        """A plan in which `share` of all attempts fail, evenly in the named ways (default: all)."""
        chosen = names or tuple(FAULTS)
        return cls(seed, dict.fromkeys(chosen, share / len(chosen)))

    def draw(self, path: str, key: str, attempt: int) -> str | None:
        """The name of the fault for attempt number `attempt` (from 0) of the call with that key."""
        if not path.startswith(self.prefix):
            return None
        if attempt < len(self.first):
            return self.first[attempt]
        point = Random(f"{self.seed}/{key}/{attempt}").random()
        for name, share in self.faults.items():
            point -= share
            if point < 0:
                return name
        return None
