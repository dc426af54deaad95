"""What Snakemake says of a run's jobs on other machines: how far each notebook is, and why it failed."""

import re

MESSAGE_ENDS = re.compile(r" *(Detailed failure reason unavailable|For further error details)")


class Jobs:
    """The jobs of a run, as far as Snakemake has told of them, line by line.

    Parameters
    ----------
    notebooks : iterable of str
        Such as ``3-segment``; a rule bears the name after the number, and ``shard`` is of ``3-segment``.
    say : callable
        Gets a line for each step of a job: submitted, failed, tried again, done.
    """

    def __init__(self, notebooks, say=print):
        self.notebooks = {notebook.split("-")[1]: notebook for notebook in notebooks}
        self.say = say
        self.names = {}  # by Snakemake's number of the job
        self.failed = {}  # what is known of each job that failed and is not tried again: message, log, lines of it
        self._block = {}
        self._log = None  # the job whose log is being shown, and the line that ends it
        self._last = ""

    def hear(self, line):
        """Take in one line."""
        line = line.rstrip("\n")
        if self._log is not None:
            self._hear_log(line)
        elif found := re.match(r"(rule|localrule|Error in rule) (\w+):$", line):
            self._block = {"kind": found[1], "rule": found[2]}
        elif found := re.match(r"    (message|jobid|wildcards|resources): (.*)$", line):
            self._block[found[1]] = found[2]
            self._hear_block(found[1])
        elif found := re.match(r"Logfile (.*):$", line):
            self._log = {"path": found[1], "end": None}
        elif found := re.match(r"Trying to restart job (\d+)", line):
            self.failed.pop(found[1], None)
            self._say(found[1], "is tried again")
        elif found := re.match(r"Finished jobid: (\d+)", line):
            self.failed.pop(found[1], None)
            self._last = found[1]
        elif found := re.match(r"(\d+ of \d+) steps", line):
            self._say(self._last, f"done ({found[1]} jobs)")

    def _hear_block(self, last):
        job = self._block.get("jobid")
        if last == "resources" and self._block.get("kind") != "Error in rule":  # the end of a block on a new job
            rule = self._block.get("rule")
            name = self.notebooks.get("segment" if rule == "shard" else rule, rule)
            if shard := re.search(r"shard=(\d+), n_shards=(\d+)", self._block.get("wildcards", "")):
                name += f" {int(shard[1]) + 1}/{shard[2]}"
            self.names[job] = name
            self._say(job, "submitted")
        elif last == "jobid" and self._block.get("kind") == "Error in rule":
            message = MESSAGE_ENDS.split(self._block.get("message", ""))[0]
            self.failed[job] = {"message": message, "log": "", "errors": []}
            self._say(job, "failed")

    def _hear_log(self, line):
        """A line of the log of the job that failed last; the log stands between two equal lines of ``=``."""
        if self._log["end"] is None:
            self._log["end"] = line
            return
        if line == self._log["end"]:
            self._log = None
            return
        job = self._block.get("jobid")
        known = self.failed.get(job, {"errors": []})
        known["log"] = self._log["path"]
        if line.startswith("study: "):
            known["errors"].append(line.removeprefix("study: "))
        elif line.startswith("  ") and known["errors"] and not known.get("over"):
            known["errors"][-1] += f"\n{line}"
        elif known["errors"]:
            known["over"] = True

    def _say(self, job, what):
        self.say(f"{self.names.get(job, f'job {job}'):<14} {what}")

    def errors(self):
        """Why jobs failed, a text each: what the notebook said, or of a job that was killed what the cluster says."""
        said = []
        for job, known in self.failed.items():
            own = [error for error in known["errors"] if "was stopped by" not in error]
            why = known["message"] if known["message"] != "None" else "the cluster says that its job has failed"
            where = f"\n  its log: {known['log']}" if known["log"] else ""
            said += own or [f"{self.names.get(job, f'job {job}')}: {why}{where}"]
        return said
