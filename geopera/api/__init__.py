"""The low-level surface: one module of functions per operation, under ``geopera.api.operations``."""
