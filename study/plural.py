"""Numbers with their nouns, in messages: ``1 scan``, ``2 scans``."""


def count(n, noun):
    """A number with its noun.

    >>> count(1, "scan"), count(0, "scan"), count(1200, "pixel")
    ('1 scan', '0 scans', '1,200 pixels')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
