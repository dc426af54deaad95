"""Quantification of COVID-19 on thick-section chest CT: the package under the executable paper."""

import os

# Threads that wait must not spin: on a busy machine torch's would take ten seconds for a step of a third of a second.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
