"""What a run hands on: web pages, numbers for a manuscript, forms, a crate."""
