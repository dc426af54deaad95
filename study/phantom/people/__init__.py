"""Who is scanned and when, who delineates, who writes reports."""
