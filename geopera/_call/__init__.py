"""One call, without I/O: its body, its request, its retries, its limits, its result or error.

`steps.call` is a generator that yields a step (send, sleep) and receives its result, so that it serves sync and async
clients alike. Nothing here opens a socket, sleeps or starts a thread; `_transport` does.
"""
