"""What the message about a refused scan must contain."""

import pytest

from study.scans.ct import ScanError, read_scan


def refused(path, *words, read=read_scan, named=None):
    """Assert that a path is refused with a whole message that holds the words, and return the error."""
    with pytest.raises(ScanError) as caught:
        read(path)
    error = caught.value
    message = str(error)
    assert str(named or path) in message
    assert error.what and error.remedy and error.what in message and error.remedy in message
    for word in words:
        assert word in message, message
    return error
