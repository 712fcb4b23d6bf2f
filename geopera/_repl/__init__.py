"""What the API looks like to someone who explores it: help, signatures, completion and tables of fields.

Texts made from a manifest. No calls, no HTTP; what is shown of a result lives in `_values`.
"""
