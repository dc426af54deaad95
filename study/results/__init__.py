"""The study's results: tables, values to quote, and the words for numbers."""
