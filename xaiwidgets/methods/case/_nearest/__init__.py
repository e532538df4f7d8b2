"""The pieces of nearest neighbours."""
