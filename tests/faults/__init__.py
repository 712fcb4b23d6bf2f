"""A TCP proxy on loopback that misbehaves by a seeded plan. It stands between a client and a server."""

from __future__ import annotations

from .ledger import LedgerServer
from .plan import FAULTS, Fault, Plan
from .proxy import FaultProxy, Seen

__all__ = ["FAULTS", "Fault", "FaultProxy", "LedgerServer", "Plan", "Seen"]
