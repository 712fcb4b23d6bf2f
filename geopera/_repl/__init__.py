"""The API in a REPL: help, signatures, completion and tables of fields.

Texts made from a manifest. No calls, no HTTP; the display of results is in `_display`.
"""
