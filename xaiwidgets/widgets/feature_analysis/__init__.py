"""Widgets of feature analysis."""
