"""The operations of the sandbox, one file per resource; importing a file registers its operations."""
