"""Following the API: compiling, refreshing, comparing and checking manifests, and writing stubs from them.

Reads and writes manifests. A refresh asks through the client it belongs to; calls know nothing of this package.
"""
