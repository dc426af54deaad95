"""Key phrases of radiology reports, read by rules."""
