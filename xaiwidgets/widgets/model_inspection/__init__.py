"""Widgets of model inspection."""
