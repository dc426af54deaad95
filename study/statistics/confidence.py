"""The confidence of an interval, checked in one place."""


def tail(confidence):
    """Probability on either side of a two-sided interval, (1 - confidence) / 2.

    Parameters
    ----------
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If it is not, such as 95 for 0.95.

    Examples
    --------
    >>> round(tail(0.95), 3)
    0.025
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence!r}: must be between 0 and 1, such as 0.95")
    return (1 - confidence) / 2
