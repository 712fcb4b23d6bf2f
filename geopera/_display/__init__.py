"""How results look: reprs of one line, tables for a terminal, HTML for a notebook, images and maps.

Works on what results are made of (mappings, lists, scalars, models), and reads no more of it than it shows. What comes
from a server leaves this package without control characters or markup of its own. No operations, no HTTP but for the
pictures that `quicklooks` is asked for.
"""
