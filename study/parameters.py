"""The parameters of a run: a YAML file read strictly, and checked against the notebooks before anything runs."""

import ast
import difflib

import yaml

from study import arithmetic

LARGEST_FILE = 200_000  # bytes; parameters/demo.yaml has 2,000
DEEPEST = 4  # the file, a notebook's section, a list in it, and one to spare


class ParameterError(ValueError):
    """A parameter file that cannot be used; lists every fault and its remedy."""


# Parameters of the run itself, which no notebook has. With `mark_synthetic: false`, figures and tables of synthetic
# patients do not say that they are synthetic, for those who publish phantoms as such; for `arithmetic` see that module.
OF_THE_RUN = {"mark_synthetic": True, "arithmetic": "portable"}


# --- what each parameter may be, beside its type, which is that of the default in its notebook ---


def _from(low, high, *, above=False, below=False):
    """A number in a range, whose lower end (`above`) or upper end (`below`) does not belong to it."""
    start = f"above {low:,}," if above else f"from {low:,}"
    end = f"below {high:,}" if below else f"up to {high:,}"
    return f"a number {start} {end}", lambda x: (low < x if above else low <= x) and (x < high if below else x <= high)


def _one_of(*choices):
    return f"one of {', '.join(choices)}", lambda word: word in choices


def _each(rule):
    words, fits = rule

    def all_fit(items):
        return bool(items) and all(_is_number(item) and fits(item) for item in items)

    return f"a list, each entry of it {words}", all_fit


def _is_number(item):
    return isinstance(item, (int, float)) and not isinstance(item, bool)


_COUNT, _COUNT_OR_NONE = _from(1, 1_000_000), _from(0, 1_000_000)
_SHARE, _PROCESSES, _PROCESSES_OR_NONE = _from(0, 1), _from(1, 1024), _from(0, 1024)
_MM, _EPOCHS, _WIDTH = _from(0, 100, above=True), _from(1, 10_000), _from(1, 1024)
_RATE, _SEED = _from(0, 1, above=True), _from(0, 2**32 - 1)
_CROP = "a multiple of 32, from 32 to 2,048", lambda x: x % 32 == 0 and 32 <= x <= 2048
_SECTIONS = _each(_MM)
RULES = {
    "arithmetic": _one_of(*arithmetic.CHOICES),
    "tier": ("public, restricted or empty", lambda word: word in ("", "public", "restricted")),
    "n_training_scans": _COUNT,
    "training_matrix": _from(0, 2048),
    "healthy_fraction": _SHARE, "covid_fraction": _SHARE, "motion_fraction": _SHARE, "training_motion_fraction": _SHARE,
    "largest_extent": _from(0, 0.9), "findings": _one_of("ordinary", "frequent", "mixed"),
    "n_patients": _COUNT, "n_minors": _COUNT_OR_NONE, "n_severe_patients": _COUNT_OR_NONE,
    "n_scans": _COUNT, "n_adult_scans": _COUNT, "n_severe_scans": _COUNT_OR_NONE, "n_observed": _COUNT_OR_NONE,
    "n_lesion_scans": _COUNT,
    "report_language": _one_of("english", "chinese", "mixed"),
    "matrix": _from(16, 2048),
    "field_of_view_mm": _from(100, 1000),
    "slice_thickness_mm": _MM, "increment_mm": _MM,
    "seed": _SEED, "workers": _PROCESSES, "sample_workers": _PROCESSES_OR_NONE,
    "pixel_mm": _from(0, 20, above=True), "neighbours": _from(0, 50), "lung_neighbours": _from(0, 50),
    "neighbour_mm": _MM, "margin_mm": _from(0, 100),
    "encoder_width": _WIDTH, "lung_width": _WIDTH,
    "section_mm": _SECTIONS, "section_increment_mm": _SECTIONS,
    "augmentation": _one_of("none", "mild", "wide"), "precision": _one_of("float32", "bfloat16"),
    "held_out_share": _from(0, 1, above=True, below=True), "keep_of_start": _from(0, 1),
    "lung_epochs": _EPOCHS, "infection_epochs": _EPOCHS, "lung_sections": _COUNT, "infection_sections": _COUNT,
    "lung_pixels": _CROP, "infection_pixels": _CROP, "batch_size": _from(1, 4096),
    "lung_learning_rate": _RATE, "infection_learning_rate": _RATE,
    "threads": _PROCESSES_OR_NONE, "processes": _PROCESSES,
    "shard": _COUNT_OR_NONE, "n_shards": _from(0, 10_000),
    "n_bootstrap": _from(40, 1_000_000),  # of fewer resamples, none lies beyond the ends of a 95 % interval
    "confidence": _from(0.5, 1, below=True),
    "stated_prevalence": _from(0, 1, above=True, below=True),
    "non_inferiority_margin": _from(0, 1, above=True, below=True),
}  # fmt: skip


# --- the notebooks' defaults ---


def notebook_name(section, notebooks):
    """Full name of a notebook from its name in a parameter file: ``severity`` -> ``5-severity``; None if unknown."""
    return next((name for name in notebooks if section in (name, name.split("-")[1])), None)


def defaults(notebook):
    """The parameters of a notebook with their defaults, read from the cell tagged ``parameters``.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    found = {}
    for node in ast.parse(cells[0].source).body if cells else []:
        if isinstance(node, ast.Assign):
            target, assigned = node.targets[0], ast.literal_eval(node.value)
            several = isinstance(target, ast.Tuple)
            found |= zip([name.id for name in target.elts], assigned, strict=True) if several else {target.id: assigned}
    return found


# --- the file ---


def read_parameters(path, notebooks):
    """Read a parameter file and check it against the notebooks.

    A parameter under a notebook's name (``severity:``) goes to that notebook; one at the top level goes to every
    notebook that has it. Each must exist, be of the default's type, and meet its rule in ``RULES``.

    Parameters
    ----------
    path : Path
        YAML.
    notebooks : dict of str to nbformat.NotebookNode

    Returns
    -------
    dict of str to dict
        All parameters of each notebook and ``OF_THE_RUN``: the defaults, replaced by those of the file.

    Raises
    ------
    ParameterError
        Listing every fault at once.
    """
    given = _load(path)
    parameters = {name: defaults(notebook) | OF_THE_RUN for name, notebook in notebooks.items()}
    for own in parameters.values():
        own["run"] = path.stem
    faults, sections = [], {}
    # Top-level parameters first, so that a notebook's own ones prevail.
    for key, content in sorted(given.items(), key=lambda item: isinstance(item[1], dict)):
        target = notebook_name(str(key), notebooks)
        if target in sections:
            faults.append(f"`{sections[target]}` and `{key}` are the same section; put their lines into one")
        elif target:
            sections[target] = key
        if isinstance(content, dict) and target:
            for name, item in content.items():
                targets = [target] if name in parameters[target] else []
                faults += _assign(parameters, targets, name, item, f"{key}.{name}")
        elif target and content is not None:
            near = _meant(_nearest(key, {name for own in parameters.values() for name in own}))
            faults.append(
                f"`{key}` is the section of notebook {target} and expects lines of `name: value` below it, not "
                f"{content!r}{near}"
            )
        elif not target:
            faults += _assign(parameters, [nb for nb, own in parameters.items() if key in own], key, content, str(key))
    if faults:
        raise ParameterError("\n".join(f"{path}: {fault}" for fault in faults))
    return parameters


class _Strict(yaml.SafeLoader):
    """YAML that says each thing once: no key twice, no aliases, no deep nesting."""

    depth = 0

    def compose_node(self, parent, index):
        """Read one value; an alias or a nesting too deep is found before what it would unfold to is read."""
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="there is an alias (*); write the value itself", problem_mark=mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"values are nested more than {DEEPEST} deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        """Read `name: value` lines; a name that occurs twice is refused, as only one of the two would count."""
        seen = {}
        for key, _ in node.value:
            before = seen.setdefault(key.value if isinstance(key.value, str) else id(key), key)
            if before is not key:
                raise yaml.MarkedYAMLError(
                    problem=f"`{key.value}` is given twice, first in line {before.start_mark.line + 1}; keep one",
                    problem_mark=key.start_mark,
                )
        return super().construct_mapping(node, deep)


def _load(path):
    if not path.is_file():
        names = [p.stem for p in sorted(path.parent.glob("*.yaml")) if not p.stem.endswith(".statements")]
        raise ParameterError(f"{path}: there is no such parameter file; choose one of: {', '.join(names) or 'none'}")
    if path.stat().st_size > LARGEST_FILE:
        raise ParameterError(f"{path}: the file has more than {LARGEST_FILE:,} bytes; this is no parameter file")
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Strict) or {}
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, no such date, or a number too long
        raise ParameterError(f"{path}: not readable as YAML ({' '.join(str(error).split())}); correct it") from None
    if not isinstance(given, dict):
        raise ParameterError(f"{path}: expected lines of `name: value`, found {kind_of(given)}")
    return given


def _assign(parameters, targets, name, item, shown):
    if name == "run":
        return ["`run` is the name of the file and cannot be set inside it; rename the file instead"]
    if name in OF_THE_RUN and "." in shown:
        return [f"`{name}` holds for the whole run; write it at the left margin, outside all sections"]
    if not targets:
        return [f"no notebook has a parameter `{shown}`{_other_place(parameters, shown)}"]
    faults = []
    for notebook in targets:
        default = parameters[notebook][name]
        if isinstance(default, float) and type(item) is int:
            item = float(item)
        words, fits = RULES.get(name, ("", lambda item: True))
        if type(item) is not type(default):
            faults.append(
                f"`{shown}` is {item!r}, {kind_of(item)}; {notebook} expects {kind_of(default)} such as {default!r}"
            )
        elif not fits(item):
            faults.append(f"`{shown}` is {item!r}; {notebook} expects {words}, such as {default!r}")
        else:
            parameters[notebook][name] = item
    return faults


def _other_place(parameters, shown):
    """Where a parameter belongs that another notebook has, else what was probably meant."""
    section, _, name = shown.rpartition(".")
    section = section.rpartition("-")[2]
    settable = {nb.split("-")[1]: set(own) - {"run", *OF_THE_RUN} for nb, own in parameters.items()}
    owners = [nb for nb, names in settable.items() if name in names]
    if section and owners:
        owner = section if section in owners else owners[0]
        return f"; write `{name}:` in a line of its own, indented below `{owner}:`"
    own = settable.get(section, set())
    others = set().union(*settable.values(), OF_THE_RUN, [] if section else settable)
    near = [f"{section}.{one}" for one in _nearest(name, own)] or _nearest(name, others)
    if section and near and not near[0].startswith(f"{section}."):  # they belong to other notebooks, or to the run
        homes = [f"`{home}:`" for home, names in settable.items() if near[0] in names] or ["no section, at the margin"]
        return f"{_meant(near[:1])} It belongs to {' and '.join(homes)}"
    return _meant(near)


def _nearest(name, names):
    """The name that is spelt nearly so, else up to three that have all its words; none if nothing is close."""
    name = str(name)
    if near := difflib.get_close_matches(name, sorted(names - {name}), n=1, cutoff=0.75):
        return near
    words = set(name.split("_"))
    return [one for one in sorted(names - {name}) if len(name) >= 4 and words <= set(one.split("_"))][:3]


def _meant(names):
    return f"; did you mean {' or '.join(f'`{name}`' for name in names)}?" if names else ""


def kind_of(item):
    """What a YAML value is, in words."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list",
             dict: "lines of `name: value`", type(None): "nothing"}  # fmt: skip
    return kinds.get(type(item), "a date" if hasattr(item, "year") else f"a value of type {type(item).__name__}")
