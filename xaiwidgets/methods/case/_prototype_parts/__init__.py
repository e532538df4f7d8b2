"""The pieces of a network of prototypical parts."""
