"""What code a result depends on: from the cells of a notebook to each definition and data file that they reach."""
