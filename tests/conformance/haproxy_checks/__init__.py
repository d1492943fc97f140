"""Checks of servers beside those of HAProxy: the same servers, the same file, the same columns."""
