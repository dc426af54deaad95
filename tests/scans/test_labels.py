"""One meaning of the labels, also where a module spells it out to stand alone."""

from study.measures import biomarkers
from study.scans import labels


def test_the_biomarkers_know_the_label_of_infection():
    assert biomarkers.INFECTION == labels.INFECTION


def test_a_label_map_orders_its_labels():
    """The lung field is every label from lung upwards."""
    assert labels.BACKGROUND < labels.LUNG < labels.INFECTION
