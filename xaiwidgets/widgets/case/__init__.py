"""Widgets of explanation by case."""
