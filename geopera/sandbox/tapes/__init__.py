"""Recorded runs: a proxy that writes the responses of a real API into a cassette, and a server that plays a cassette.

All code that knows the format of a cassette, or redacts one, is here.
"""
