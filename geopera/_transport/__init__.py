"""The I/O of a call: HTTP clients, connection pools, TLS, redirects; sync and async.

It performs what `_call` asks for and reports what happened. No rule about retries, bodies or money lives here.
"""
