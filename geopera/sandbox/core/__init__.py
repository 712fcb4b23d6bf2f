"""The state of a running sandbox, the registry of operations, the call at hand, and the live description."""
