"""Quantification of COVID-19 on thick-section chest CT: the package under the executable paper."""

__version__ = "0.1.0"
