"""Scans and their tables: read, checked, refused where they cannot be trusted."""
