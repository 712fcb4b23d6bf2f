"""Following the API: compiling, refreshing and comparing manifests, and writing stubs from them."""
