"""Regular expressions of JSON Schema (ECMA-262), matched in linear time where that is possible.

A pattern is parsed, then judged by pydantic's engine where that means the same, else by the machine here. Text
in, verdict out: nothing here knows of schemas.
"""
