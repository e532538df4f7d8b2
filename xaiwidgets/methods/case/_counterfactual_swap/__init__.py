"""The pieces of the region swap."""
