"""Bytes into records: server-sent events, newline-delimited JSON, JSON arrays and feature collections.

Decoders are fed chunks and yield records; they do no I/O and know nothing of HTTP, operations or models.
"""
