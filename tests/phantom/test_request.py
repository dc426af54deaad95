"""Requests to the phantom: one name and one default for each parameter, in the notebook and on the command line.

The command's answer to each wrong option is tested in test_export.py.
"""

import dataclasses
import inspect
import pickle

import nbformat
import pytest

from helpers.project import ROOT
from study.commands.scans import phantom
from study.phantom.cohorts import make_cohort, make_training_set
from study.phantom.people.counts import People
from study.phantom.people.training_set import TrainingSet
from study.phantom.request import RequestError
from study.phantom.scanner.protocol import Geometry, Protocol


def test_a_rule_names_each_parameter_as_its_door_does():
    error = RequestError("{severe} must be at most {all}", dict(severe=3, all=2, name="{odd}"))
    assert str(error) == "severe = 3 must be at most all = 2"
    assert error.said(lambda name, value: f"--{name} {value}") == "--severe 3 must be at most --all 2"
    assert str(RequestError("{word} is unknown", dict(word="{odd} {}"))) == "word = '{odd} {}' is unknown"


def test_an_error_comes_whole_from_another_process():
    with pytest.raises(RequestError) as refused:
        Protocol(kernel="medium")
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


class Asked(Exception):
    """Raised where the notebook has asked for all that it makes."""


def asked_by_notebook_1(**parameters):
    """What the notebook asks for, as {function: (arguments, options)}; nothing is made."""
    notebook = nbformat.read(ROOT / "notebooks" / "1-cohort.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    (making,) = [cell for cell in code if "make_cohort(" in cell.source]
    asked, names = {}, {}

    def note_cohort(folder, *arguments, **options):
        asked["make_cohort"] = arguments, options

    def note_training_set(folder, *arguments, **options):
        asked["make_training_set"] = arguments, options
        raise Asked

    for cell in code[: code.index(making)]:
        exec(cell.source, names)
        if "parameters" in cell.metadata.get("tags", []):
            assert parameters.keys() <= names.keys()
            names |= parameters
    with pytest.raises(Asked):
        exec(making.source, names | dict(make_cohort=note_cohort, make_training_set=note_training_set))
    return asked


def test_the_notebook_asks_for_the_defaults():
    workers = dict(workers=inspect.signature(make_cohort).parameters["workers"].default)
    assert asked_by_notebook_1() == {
        "make_cohort": ((People(), Geometry()), workers),
        "make_training_set": ((TrainingSet(),), workers),
    }
    assert workers["workers"] == inspect.signature(make_training_set).parameters["workers"].default


@pytest.mark.parametrize(
    "wrong, said",
    [
        (dict(n_severe_patients=300), "n_severe_patients = 300 must be between 0 and 196: n_patients = 204 means 196"),
        (dict(n_minors=-1), "n_minors = -1 must"),
        (dict(n_patients=0), "n_patients = 0 must"),
        (dict(n_scans=530), "n_scans = 530 minus n_adult_scans = 531 must"),
        (dict(n_adult_scans=1), "n_adult_scans = 1 must"),
        (dict(n_severe_scans=400), "n_severe_scans = 400 must"),
        (dict(n_observed=197), "n_observed = 197 must"),
        (dict(motion_fraction=1.2), "motion_fraction = 1.2 must"),
        (dict(report_language="latin"), "report_language = 'latin' must"),
        (dict(seed=-1), "seed = -1 must"),
        (dict(matrix=4), "matrix = 4 must"),
        (dict(field_of_view_mm=0.0), "field_of_view_mm = 0.0 must"),
        (dict(slice_thickness_mm=0.3), "slice_thickness_mm = 0.3 must"),
        (dict(increment_mm=50.0), "increment_mm = 50.0 must"),
        (dict(n_training_scans=0), "n_training_scans = 0 must"),
        (dict(training_matrix=4), "training_matrix = 4 must"),
        (dict(healthy_fraction=2.0), "healthy_fraction = 2.0 must"),
        (dict(covid_fraction=-1.0), "covid_fraction = -1.0 must"),
    ],
)
def test_the_notebook_names_the_parameter_of_the_file(wrong, said):
    with pytest.raises(RequestError) as refused:
        asked_by_notebook_1(**wrong)
    assert str(refused.value).startswith(said)


def test_the_command_has_the_same_defaults_but_for_a_small_cohort_in_full_detail():
    defaults = {field.name: field.default for kind in (People, Geometry) for field in dataclasses.fields(kind)}
    defaults |= {each.name: each.default for each in inspect.signature(make_cohort).parameters.values()}
    command = {each.name: each.default for each in inspect.signature(phantom).parameters.values()}
    options = {name: default for name, default in command.items() if name not in ("context", "out")}
    assert options.keys() <= defaults.keys()
    own = {name: default for name, default in options.items() if default != defaults[name]}
    assert own == dict(n_patients=5, matrix=512, increment_mm=None, label=True)
