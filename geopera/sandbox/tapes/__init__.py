"""Recorded runs: a proxy that writes the responses of a real API into a cassette, and a server that plays a cassette.

Whatever knows the format of a cassette, or what must not be in one, lives here.
"""
