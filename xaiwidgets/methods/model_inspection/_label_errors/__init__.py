"""The pieces of the search for wrong labels."""
