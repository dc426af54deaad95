"""How figures look and tables are written."""
