"""Recorded runs: a proxy that writes what a real API said into a cassette, and a server that plays a cassette.

Whatever knows the format of a cassette, or what must not be in one, lives here.
"""
