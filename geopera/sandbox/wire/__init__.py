"""The steps of every request to the sandbox: tokens, limits, contract, idempotency, problems, stored responses.

Nothing here depends on a single operation.
"""
