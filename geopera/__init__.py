"""Geopera."""
