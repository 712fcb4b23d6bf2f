"""What every request to the sandbox meets: tokens, limits, contract, idempotency, problems, stored responses.

Nothing here knows what an operation does.
"""
