"""A run whose first two notebooks count as executed: a dozen small synthetic scans and the bundled networks."""

from study import products, workflow
from study.networks.models import take_over
from study.phantom.cohorts import make_cohort
from study.phantom.people.counts import People
from study.phantom.scanner.protocol import Geometry
from study.run import Run, value
from study.scans import cohort, scan_tables

PEOPLE = People(
    n_patients=4, n_minors=1, n_severe_patients=1, n_scans=7, n_adult_scans=6, n_severe_scans=2, n_observed=1
)


def prepared_run(project, name, segment=""):
    """Make what notebooks 1 and 2 would have made, in their order, so that Snakemake takes it for up to date.

    `segment` has the lines of the parameter file on notebook 3.
    """
    write_parameters(project, name, segment)
    run = Run(name, project)
    workflow.plan(run)
    make_cohort(run.cohort, PEOPLE, Geometry(matrix=128, slice_thickness_mm=10.0, increment_mm=10.0), workers=1)
    table = scan_tables.read_scans(run.cohort / "scans.csv")
    cohort.write_included(run.cohort, table, cohort.include(table)[1])
    cohort.adopt_training_scans("", run.training)
    run.record("1-cohort", [value("n_scans_all", len(table))])
    products.write_lists(run, "1-cohort")
    take_over(project / "study" / "starter", run.models)
    run.record("2-train", [value("held_out_dice_lung_mean", 1.0)])
    return run


def write_parameters(project, name, segment=""):
    """Write the run's parameter file."""
    (project / "parameters" / f"{name}.yaml").write_text(f"models: study/starter\nsegment: {{{segment}}}\n")
