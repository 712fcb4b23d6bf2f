"""Where credentials come from, and how they are renewed: the sources in their order, the store, OAuth.

A credential is given to a client, which sends it. Modules that read the store or the network are imported at first use.
"""
