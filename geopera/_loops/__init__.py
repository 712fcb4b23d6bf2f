"""Methods of an operation beside the call: pages, streams, waits, downloads and bulk calls.

Each is written once as a plan without I/O and driven sync or async by `drive`. A loop makes calls through the
client it is given; it never builds a request of its own.
"""
