"""What each operation of the sandbox does, one file a resource; importing a file registers its operations."""
