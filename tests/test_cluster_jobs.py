"""What a user sees of jobs on a cluster, from what Snakemake says (9.27 with its SLURM plugin 2.8, shortened)."""

from study import cluster, workflow

SUBMITTED = """\
Building DAG of jobs...
Execute 2 jobs...
[Mon Nov 30 12:38:27 2026]
rule shard:
    input: runs/tiny/recipes/3-segment.json, runs/tiny/cohort/scans.csv
    output: runs/tiny/shards/1-of-4.json
    jobid: 3
    wildcards: shard=1, n_shards=4
    resources: tmpdir=<TBD>, mem_mb=3000, runtime=480
Job 3 has been submitted with SLURM jobid 8 (log: /p/.snakemake/slurm_logs/rule_shard/1_4/8.log).
[Mon Nov 30 12:38:28 2026]
rule severity:
    input: runs/tiny/recipes/5-severity.json
    output: runs/tiny/values/5-severity.json
    jobid: 0
    threads: 4
    resources: tmpdir=<TBD>, mem_mb=4000, runtime=60
"""
FAILED = """\
[Mon Nov 30 12:40:18 2026]
Error in rule shard:
    message: SLURM-job '8' failed, SLURM status is: '{status}'. \
Detailed failure reason unavailable (status command is not 'sacct').For further error details see ...
    jobid: 3
    output: runs/tiny/shards/1-of-4.json
    log: /p/8.log (check log file(s) for error details)
    shell:
        study execute 3-segment tiny --shard 1 --n-shards 4 --threads 1
        (command exited with non-zero exit code)
    external_jobid: 8
Logfile /p/8.log:
================================================================================

SNAKEMAKE
=========
  Date: 2026-11-30 12:38:39

[Mon Nov 30 12:38:50 2026]
localrule shard:
    jobid: 0
    wildcards: shard=1, n_shards=4
    resources: tmpdir=/tmp, mem_mb=3000
{said}RuleException:
CalledProcessError in file "/p/Snakefile", line 126:
  File "/p/Snakefile", line 126, in __rule_shard
[Mon Nov 30 12:39:35 2026]
Error in rule shard:
    message: None
    jobid: 0
Exiting because a job execution failed. Look above for error messages
================================================================================
"""
ERROR = """\
study: 3-segment 2/4: ModelError: runs/tiny/models/lung.xml: does not match its model card
  the notebook up to the error, with its traceback: runs/tiny/notebooks/3-segment.shard-1-of-4.ipynb
"""
AGAIN = "Trying to restart job 3.\n"
DONE = "[Mon Nov 30 12:45:00 2026]\nFinished jobid: 3 (Rule: shard)\n1 of 2 steps (50%) done\n"


def heard(*texts):
    said = []
    jobs = cluster.Jobs(workflow.NOTEBOOKS, said.append)
    for line in "".join(texts).splitlines(keepends=True):
        jobs.hear(line)
    return said, jobs.errors()


def test_each_step_of_a_job_is_told_by_the_name_of_its_notebook():
    said, errors = heard(SUBMITTED, FAILED.format(status="FAILED", said=ERROR), AGAIN, DONE)
    assert said == [
        "3-segment 2/4  submitted",
        "5-severity     submitted",
        "3-segment 2/4  failed",
        "3-segment 2/4  is tried again",
        "3-segment 2/4  done (1 of 2 jobs)",
    ]
    assert errors == []


def test_a_notebook_that_failed_says_why_and_where_its_traceback_is():
    _, errors = heard(SUBMITTED, FAILED.format(status="FAILED", said=ERROR))
    assert errors == [ERROR.removeprefix("study: ").rstrip("\n")]


def test_of_a_job_that_was_killed_the_cluster_says_why():
    said = (
        "study: 3-segment was stopped by SIGTERM\nslurmstepd: error: *** STEP 8.0 ON n1 CANCELLED DUE TO TIME LIMIT\n"
    )
    for words in (said, ""):
        _, errors = heard(SUBMITTED, FAILED.format(status="TIMEOUT", said=words))
        assert errors == ["3-segment 2/4: SLURM-job '8' failed, SLURM status is: 'TIMEOUT'.\n  its log: /p/8.log"]


def test_the_last_attempt_counts():
    first, second = FAILED.format(status="NODE_FAIL", said=""), FAILED.format(status="FAILED", said=ERROR)
    _, errors = heard(SUBMITTED, first, AGAIN, second)
    assert len(errors) == 1 and "ModelError" in errors[0]


def test_an_incomplete_run_names_each_job(tmp_path):
    from study.run import Run

    told = str(workflow.incomplete(Run("tiny", tmp_path), 1, "Building DAG", ["3-segment 2/4: a\n  b", "4: c"]))
    assert told.startswith("3-segment 2/4: a\n  b\nstudy: 4: c\nstudy: the run tiny is incomplete; fix")
