"""What code a result depends on: the definitions and data files that it reaches, each with a digest.

A notebook reaches the functions, classes and constants that its cells name, and whatever these name in turn. What a
module does when it is imported counts for all who import it. A module that is used as a value counts as a whole, with
all that it imports; where the name of a module is computed, every module does. Prose, comments, docstrings and layout
do not count, so no code may read them.
"""

import ast
import builtins
import contextlib
import gc
import hashlib
import json
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from study.files import sha256
from study.fingerprint.definitions import FUNCTIONS, IMPORTS, Module, Part
from study.fingerprint.quiet import Quiet

# Not by `__file__`, by which a module finds its data: whatever lies beside this one would be that.
PACKAGE = Path(find_spec("study").origin).parent
SEEKING = frozenset({"__file__", "__path__", "__spec__", "__package__", "resources", "get_data", "PackageLoader"})
UNBOUND = frozenset({
    *dir(builtins), "__annotations__", "__class__", "__file__", "__module__", "__path__", "__qualname__",
    "display", "get_ipython",  # which a notebook has
})  # fmt: skip


def of_notebooks(notebooks, package=PACKAGE):
    """What each notebook reaches.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
    package : Path
        The folder of the package.

    Returns
    -------
    dict of str to dict
        For each notebook, digests by the names of definitions (``"study.figures.plots.roc_curves"``) and data files
        (``"study/claims/claims.yaml"``), and that of its own code by ``"cells"``.
    """
    with _no_collecting():
        code = Code(package)
        found = {name: code.of_notebook(one) for name, one in notebooks.items()}
        del code  # before garbage is looked for again
    return found


def of_names(*names, package=PACKAGE):
    """One digest of what modules (``"study.scans.ct"``) and definitions (``"study.scans.ct.read_scan"``) reach.

    Parameters
    ----------
    names : str
    package : Path

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Raises
    ------
    LookupError
        If there is no such module or definition.
    """
    with _no_collecting():
        return digest(Code(package).of_names(names))


def digest(found):
    """SHA-256, in hexadecimal, of what can be written as JSON, such as the digests of a notebook."""
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def file_of(name, package=PACKAGE):
    """Path of a module of the study (``"study.figures.plots"``), or None if there is no such module."""
    parts = name.split(".")
    if parts[0] != package.name:
        return None
    path = package.joinpath(*parts[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@contextlib.contextmanager
def _no_collecting():
    """Do not look for garbage: syntax trees are many small objects, and to look through them doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True)
class Import:
    """A module that is imported: what it does then is reached."""

    module: Module


@dataclass(frozen=True)
class Whole:
    """A module of which anything may be used."""

    module: Module


@dataclass(frozen=True)
class Name:
    """A name in a module, with the attributes that are taken of it."""

    module: Module
    names: tuple


class Code:
    """The code of a package, as its files are now: what leads to what.

    What is reached is a `Part` of a module, or the path of a data file or of a folder of such; `Import`, `Whole` and
    `Name` lead there.
    """

    def __init__(self, package):
        self.package, self.name = Path(package), Path(package).name
        self._modules, self._next = {}, {}
        self._are_quiet = {}
        self._data = {}  # by name: files beside modules, and folders of files, of which each may use the others
        self._files, self._folders = {}, set()  # of each of these; names of the folders
        for path in sorted(self.package.rglob("*")):
            is_hidden = any(part.startswith(".") for part in path.relative_to(self.package).parts)
            if path.is_file() and path.suffix not in (".py", ".pyc") and not is_hidden:
                top = path
                while not any(top.parent.glob("*.py")):
                    top = top.parent
                self._files.setdefault(top, []).append(path)
                *folders, last = path.relative_to(top.parent).parts
                self._folders.update(folders)
                for known in (*folders, last):
                    self._data.setdefault(known, set()).add(top)

    def of_notebook(self, notebook):
        """Digests of all that a notebook reaches, by name."""
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        self._modules[""] = cells = Module("", "\n".join(sources))
        reached = self._reached(cells.parts).difference(cells.parts)
        return {"cells": digest([ast.dump(ast.parse(source)) for source in sources]), **self._digests(reached)}

    def of_names(self, names):
        """Digests of all that modules and definitions reach, by name."""
        dotted = [name.split(".") for name in names]
        if unknown := [name for name, parts in zip(names, dotted, strict=True) if not self._exists(parts)]:
            raise LookupError(f"{self.package} has no module or definition of the name {', '.join(unknown)}")
        return self._digests(self._reached(target for parts in dotted for target in self._find(parts)))

    def _digests(self, reached):
        """Digests by name, those of a module in the order of its text, which matters where names are bound again."""
        found = {}
        for name in sorted({target.module for target in reached if isinstance(target, Part)}):
            for part in self.module(name).parts:
                if part in reached:
                    known = part.label
                    while known in found:
                        known += "'"
                    found[known] = part.digest
        for top in sorted(target for target in reached if isinstance(target, Path)):
            for path in self._files[top]:
                found[path.relative_to(self.package.parent).as_posix()] = sha256(path)[:16]
        return found

    def _reached(self, start):
        reached, waiting = set(), list(start)
        while waiting:
            target = waiting.pop()
            if target not in reached:
                reached.add(target)
                if target not in self._next:
                    self._next[target] = list(self._leads_to(target))
                waiting += self._next[target]
        return {target for target in reached if isinstance(target, (Part, Path))}

    def _leads_to(self, target):
        match target:
            case Part():
                yield from self._used_by(target)
            case Import(module):
                for part in module.parts:
                    if self._runs(part):
                        yield part
                    if isinstance(part.tree, IMPORTS):
                        yield from self._imported(part.uses)
            case Whole(module):
                yield Import(module)
                yield from module.parts
                if module.is_package:  # its modules are its attributes
                    yield from map(Whole, self._inside(module))
                for part in module.parts:
                    for targets in part.uses.aliases.values():
                        yield from (found for dotted in targets for found in self._find(dotted))
            case Name(module, names):
                yield from self._named(module, names)

    def _used_by(self, part):
        uses, module = part.uses, self.module(part.module)
        yield from self._imported(uses)
        yield from self._data_of(part)
        for names in uses.chains:
            yield from self._named(module, names, part)
        if uses.anything_of_own:
            yield Whole(module)
        for text in uses.strings:  # of DataFrame.query, and of formulas
            for first, second in re.findall(r"@(\w+)|(\w+)\(", text):
                if (first or second) in module.by_name:
                    yield from self._named(module, (first or second,))
        told = list(self._modules_in(uses.strings))
        if uses.anything or not all(map(self._exists, told)):
            yield Whole(self.module(self.name))
        for dotted in told:
            if len(dotted) > 1 or uses.names_modules:  # by itself, the package's name is a word, too
                yield from self._find(dotted)

    def _modules_in(self, texts):
        """Modules and definitions that texts name: by themselves, or after ``import``, ``from`` and ``-m``.

        A name that goes on elsewhere, as in ``f"study.{room}"``, ends with ``""``.
        """
        is_run = any(re.search(r"(?:^|\s)-m(?:\s|$)", text) for text in texts)
        name, goes_on = rf"({self.name}(?:\.\w+)*)", r"(\.(?![\w ]))"
        for text in (text for text in texts if self.name in text):
            for found in re.findall(rf"^{name}(?:{goes_on}|:\w+$|$)|(?:import|from|-m) {name}{goes_on}?", text):
                dotted = (found[0] or found[2]).split(".")
                yield [*dotted, ""] if found[1] or found[3] else dotted
                if is_run and self._exists([*dotted, "__main__"]):
                    yield [*dotted, "__main__"]

    def _imported(self, uses):
        """Modules that a part imports, each with the packages that it is in."""
        for dotted in uses.imports:
            if dotted[0] == self.name:
                for n in range(1, len(dotted) + 1):
                    if module := self.module(".".join(dotted[:n])):
                        yield Import(module)
        for dotted in uses.whole:
            if module := self.module(".".join(dotted)):
                yield Whole(module)

    def _named(self, module, names, part=None):
        """What a name in a module is, as a part of it sees it; if that cannot be told, anything in the module."""
        first, *rest = (name for name in names if name != "()")
        parts = module.by_name.get(first, [])
        yield from parts
        targets = {
            dotted for each in [*parts, *([part] if part else [])] for dotted in each.uses.aliases.get(first, ())
        }
        for dotted in targets:
            yield from self._find((*dotted, *rest))
        is_known = parts or targets or first in UNBOUND or (part and first in part.uses.bound)
        if first and not is_known:
            yield Whole(module)

    def _find(self, dotted):
        """What a dotted name is, if it is the study's: a name in a module, or else the module as a value."""
        module, rest = self.module(dotted[0]), tuple(dotted[1:])
        while module:
            yield Import(module)
            inner = self.module(f"{module.name}.{rest[0]}") if rest else None
            if rest and rest[0] in module.by_name:
                yield Name(module, rest)
            elif not inner:
                yield Whole(module)
            module, rest = inner, rest[1:]

    def _exists(self, dotted):
        """Whether a dotted name is a module or a definition."""
        above = self.module(".".join(dotted[:-1]))
        return all(dotted) and bool(self.module(".".join(dotted)) or (above and dotted[-1] in above.by_name))

    def _data_of(self, part):
        """Data that a part names, beside its module or else anywhere; all beside it if it seeks some unnamed."""
        folder = self.package.joinpath(*part.package.split(".")[1:])
        seeks = any(SEEKING.intersection(names) for names in [*part.uses.chains, *part.uses.imports])
        named = set()
        for piece in self._data.keys() & {piece for text in part.uses.strings for piece in text.split("/")}:
            beside = {path for path in self._data[piece] if path.parent == folder}
            # A folder's name is a word, too: elsewhere, it is meant only where a path is sought.
            named |= beside or (self._data[piece] if seeks or piece not in self._folders else set())
        if seeks and not (named and isinstance(part.tree, ast.Assign)):
            named |= {path for path in self._files if path.parent == folder}
        yield from named

    def _runs(self, part):
        """Whether a part does more than bind names when its module is imported; what imports the study is followed."""
        if isinstance(part.tree, IMPORTS):
            libraries = {dotted[0] for dotted in part.uses.imports} - {self.name}
            return not libraries <= sys.stdlib_module_names - {"__future__"}
        return not Quiet(self._definition, self._are_quiet).is_quiet(part.tree, self.module(part.module))

    def _definition(self, module, names):
        """For `Quiet`: a function or class of the study, a library's dotted name, or None."""
        first, *rest = names
        parts = module.by_name.get(first, [])
        if len(parts) != 1:
            return None if parts else ".".join(names)
        tree = parts[0].tree
        if isinstance(tree, IMPORTS):
            ((dotted,),) = parts[0].uses.aliases.values()
            *above, last = (*dotted, *rest)
            inner = self.module(".".join(above))
            if dotted[0] != self.name:
                return ".".join((*dotted, *rest))
            return self._definition(inner, [last]) if inner and last in inner.by_name else None
        return (module, tree) if isinstance(tree, (*FUNCTIONS, ast.ClassDef)) and not rest else None

    def module(self, name):
        """The module of a name, read once; None if the package has none. A folder needs no ``__init__``."""
        if name not in self._modules:
            path, (first, *rest) = file_of(name, self.package), name.split(".")
            is_folder = path.name == "__init__.py" if path else self.package.joinpath(*rest).is_dir()
            is_known = first == self.name and all(rest) and (path or is_folder)
            text = path.read_text(encoding="utf-8") if path else ""
            self._modules[name] = Module(name, text, is_folder) if is_known else None
        return self._modules[name]

    def _inside(self, package):
        """All modules in a package, at any depth."""
        for path in sorted(self.package.joinpath(*package.name.split(".")[1:]).rglob("*.py")):
            parts = path.relative_to(self.package.parent).with_suffix("").parts
            module = self.module(".".join(parts).removesuffix(".__init__"))
            if module is not package:
                yield module
