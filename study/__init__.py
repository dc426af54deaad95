"""Quantification of COVID-19 on thick-section chest CT: the package under the executable paper."""

import os

from study import arithmetic

# Threads that wait must not spin for long: on a busy machine torch's would take ten seconds for a step of a third of a
# second. Some microseconds of it spare a third of a step on a quiet one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
# Of the processes that this one starts: the order of sets of text decides the last bit of a figure's layout.
os.environ.setdefault("PYTHONHASHSEED", "0")
arithmetic.choose(os.environ.get(arithmetic.VARIABLE, "portable"))
