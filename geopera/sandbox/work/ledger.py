"""Credits: an account per organisation, and a line in the ledger for every movement.

Prices (credits; 100 credits are one Australian dollar): 100 per item of an archive order, 100 per
catalogue order, 5,000 per group of a tasking order, 10 per processing job, 20 per clip.
"""

from __future__ import annotations

import json
from typing import Any

from ..catalogue.scenes import stamp_of
from ..core.records import listing, window
from ..core.registry import Call, handles
from ..core.state import new_id
from ..wire.problems import ProblemError, unprocessable
from ..wire.store import Store

PRICES = {"archive": 100, "order": 100, "tasking": 5000, "processing": 10, "clip": 20}


def move(store: Store, organisation: str, amount: int, reason: str, reference: str | None, now: float) -> int:
    """Book an amount (negative: a debit) and returns the new balance.

    Raises a 402 problem when the credits do not suffice. Call it inside a transaction.
    """
    row = store.one("SELECT balance FROM accounts WHERE organisation = ?", organisation)
    have = int(row["balance"]) if row else 0
    if have + amount < 0:
        raise ProblemError(
            402,
            f"{-amount} credits are needed and {have} are left.",
            credits_required=-amount,
            credits_available=have,
        )
    store.run("UPDATE accounts SET balance = ? WHERE organisation = ?", have + amount, organisation)
    store.run(
        "INSERT INTO ledger (id, organisation, amount, balance, reason, reference, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        new_id("txn"),
        organisation,
        amount,
        have + amount,
        reason,
        reference,
        now,
    )
    return have + amount


def balance_of(call: Call) -> int:
    """The credits of the caller's organisation."""
    return call.state.store.count("SELECT balance FROM accounts WHERE organisation = ?", call.organisation)


@handles("billing.credits.balance")
def balance(call: Call) -> dict[str, Any]:
    credits = balance_of(call)
    return {
        "organization_id": call.organisation,
        "credits": credits,
        "balance": credits,
        "balance_aud": credits / 100,
        "currency": "AUD",
    }


@handles("billing.credits.transactions")
def transactions(call: Call) -> Any:
    where, values = "organisation = ?", [call.organisation]
    if call.body.get("reason") is not None:
        where += " AND reason = ?"
        values.append(call.body["reason"])
    store = call.state.store
    total = store.count(f"SELECT COUNT(*) FROM ledger WHERE {where}", *values)
    start, size = window(call)
    rows = store.all(
        f"SELECT * FROM ledger WHERE {where} ORDER BY seq DESC LIMIT ? OFFSET ?", *values, size, start
    )
    found = [
        {
            "id": row["id"],
            "amount": row["amount"],
            "balance_after": row["balance"],
            "reason": row["reason"],
            "reference": row["reference"],
            "created_at": stamp_of(row["created"]),
        }
        for row in rows
    ]
    return listing(call, "transactions", found, total)


@handles("billing.topup")
def topup(call: Call) -> dict[str, Any]:
    """One cent buys one credit, whatever the currency: the sandbox knows no exchange rates."""
    amount = call.body.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= 100_000_000:
        raise unprocessable("amount is a whole number of cents, more than zero.")
    currency = call.body.get("currency", "aud")
    if not isinstance(currency, str) or len(currency) != 3:
        raise unprocessable("currency is a code of three letters.")
    method = call.body.get("payment_method", call.body.get("payment_method_id"))
    if method == "pm_requires_action":
        intent = new_id("pi")
        raise ProblemError(
            402,
            "The card asks for a second factor.",
            title="Payment requires action",
            client_secret=f"{intent}_secret_example",
            payment_intent_id=intent,
        )
    if method == "pm_declined":
        raise ProblemError(402, "The card was declined.", decline_code="card_declined")
    id_ = new_id("topup")
    after = move(call.state.store, call.organisation, amount, "topup", id_, call.now)
    return {
        "id": id_,
        "status": "succeeded",
        "amount": amount,
        "currency": currency.lower(),
        "credits": amount,
        "balance": after,
        "created_at": stamp_of(call.now),
    }


@handles("billing.set_auto_topup")
def set_auto_topup(call: Call) -> dict[str, Any]:
    """Take credits (`threshold_credits`, `topup_amount_credits`) or money (`threshold`, `amount`)."""
    body = call.body
    threshold = body.get("threshold_credits", body.get("threshold"))
    amount = body.get("topup_amount_credits", body.get("amount"))
    if not body.get("enabled") and threshold is None and amount is None:
        known = auto_topup(call)
        threshold = known["threshold_credits"] or 1000
        amount = known["topup_amount_credits"] or 5000
    if not _positive(threshold) or not _positive(amount):
        raise unprocessable(
            "Give threshold_credits and topup_amount_credits (credits), or threshold and amount (cents)."
        )
    money = {name: body[name] for name in ("threshold", "amount", "currency") if body.get(name) is not None}
    setting = {
        **money,
        "enabled": bool(body.get("enabled")),
        "threshold_credits": threshold,
        "topup_amount_credits": amount,
    }
    call.state.store.run(
        "UPDATE accounts SET auto_topup = ? WHERE organisation = ?", json.dumps(setting), call.organisation
    )
    return setting


@handles("billing.auto_topup.get")
def auto_topup(call: Call) -> Any:
    row = call.state.store.one("SELECT auto_topup FROM accounts WHERE organisation = ?", call.organisation)
    if row is None or row["auto_topup"] is None:
        return {"enabled": False, "threshold_credits": None, "topup_amount_credits": None}
    return json.loads(row["auto_topup"])


def _positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
