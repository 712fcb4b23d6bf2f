"""The commands of ``python -m geopera``, one file each; a command imports what it needs when it runs."""
