"""Statistics of tables and arrays. Nothing here knows the rest of the study."""
