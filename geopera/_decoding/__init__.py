"""Bytes out of content codings, and bytes into records: server-sent events, JSON lines, arrays, collections.

Decoders are fed chunks and yield records; they do no I/O and know nothing of HTTP, operations or models.
"""
