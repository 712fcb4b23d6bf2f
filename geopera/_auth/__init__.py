"""Where credentials come from, and how they are renewed: the sources in their order, the store, OAuth.

A credential is handed to a client, which sends it. What reads the store or the network comes in here at first use.
"""
