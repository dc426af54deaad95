"""Statistics of tables and arrays. Nothing here imports the rest of the study."""
