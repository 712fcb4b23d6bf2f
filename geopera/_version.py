"""The version of the package; `pyproject.toml` and the changelog agree with it."""

__version__ = "3.0.0"
