"""One call, without I/O: its body, its request, its retries, its limits, its result or error.

`steps.call` is a generator that yields what has to be done (send, sleep) and is sent what came back, so that it
serves sync and async clients alike. Nothing here opens a socket, sleeps or starts a thread; that is `_transport`.
"""
