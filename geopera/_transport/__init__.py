"""The I/O of a call: HTTP clients, connection pools, TLS, redirects; sync and async.

It performs the steps of `_call` and reports their results. It has no rules about retries, bodies or money.
"""
