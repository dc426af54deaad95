"""The synthetic patients: their bodies, the scanner, the people around them, and the cohorts that are made of them."""
