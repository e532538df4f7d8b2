"""Nearest rows, exactly, for every family."""
