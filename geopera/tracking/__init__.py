"""Following the API: compiling, refreshing, comparing and checking manifests, and writing stubs from them.

Reads and writes manifests. A refresh uses the connections of its client; calls know nothing of this package.
"""
