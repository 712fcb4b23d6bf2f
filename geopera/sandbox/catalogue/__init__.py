"""The sandbox's scenes, how they are searched, and the geometry that this takes."""
