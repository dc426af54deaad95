"""The synthetic patients: their bodies, the scanner, the people around them, and the cohorts made of them."""
