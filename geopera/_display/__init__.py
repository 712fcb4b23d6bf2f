"""How results look: reprs of one line, tables for a terminal, HTML for a notebook, images and maps.

Works on mappings, lists, scalars and models, and reads no more of them than it shows. Text of a server leaves this
package without control characters and markup. No operations, and no HTTP except for the pictures of `quicklooks`.
"""
