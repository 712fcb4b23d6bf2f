"""Secrets: the type that holds one, the values that a header can carry, and the redaction of text.

Only the standard library is imported here: every module of the package may need it.
"""

from .checks import header_fault, header_value, is_secret_name, protected, secrets_of, token_value
from .redaction import Redactor
from .secret import Secret, reveal
from .token import Token

__all__ = [
    "Redactor",
    "Secret",
    "Token",
    "header_fault",
    "header_value",
    "is_secret_name",
    "protected",
    "reveal",
    "secrets_of",
    "token_value",
]
