"""The numbers that a paper prints: read, audited, compared with a run."""
