"""What stands at the top level of a module, and what each part of it uses: read from its text, without running it.

A *part* is a function, a class, a constant, one name of an import, or another statement that runs when the module is
imported. Where the text does not tell what is used, more is taken than may be needed, never less.
"""

import ast
import hashlib
from dataclasses import dataclass
from functools import cached_property

IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef, *COMPREHENSIONS)
# Names that lead to any module, or run any text. Where those of `NAMING` are given a literal, that names the module.
RUNNING = frozenset({"exec", "eval", "compile"})
NAMING = frozenset({"import_module", "__import__", "modules", "run_module", "resolve_name"})
LEADING = frozenset({
    *NAMING, "__globals__", "__subclasses__", "exec_module", "f_globals", "getmodule", "load_module", "run_path",
})  # fmt: skip


class Module:
    """A module's parts, in order, and those that bind each name.

    Parameters
    ----------
    name : str
        Such as ``"study.figures.plots"``.
    text : str
    is_package : bool
        Whether it is the ``__init__`` of a folder, from which its relative imports count.
    """

    def __init__(self, name, text, is_package=False):
        self.name, self.is_package = name, is_package
        package = name if is_package else name.rpartition(".")[0]
        self.parts = [Part(tree, name, package) for statement in ast.parse(text).body for tree in _single(statement)]
        self.by_name = {}
        for part in self.parts:
            for bound in part.names:
                self.by_name.setdefault(bound, []).append(part)


def _single(statement):
    """A statement; of an import of several names, each of them; nothing for a text that stands alone."""
    if isinstance(statement, ast.Import):
        yield from (ast.Import([alias]) for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        yield from (ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names)
    elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
        yield statement


@dataclass(eq=False)
class Part:
    """A statement at the top level of a module, which is in a package."""

    tree: ast.stmt
    module: str
    package: str

    @cached_property
    def names(self):
        """Names that it binds in its module."""
        return sorted(set(bound_by(getattr(self.tree, "targets", None) or [self.tree])))

    @property
    def label(self):
        """How a reader finds it: ``"study.figures.plots.roc_curves"``."""
        return f"{self.module}.{', '.join(self.names)}" if self.names else f"{self.module} (on import)"

    @cached_property
    def digest(self):
        """The beginning of the SHA-256 of its code, without comments, layout and docstrings."""
        found = []
        _write(self.tree, found)
        return hashlib.sha256(repr(found).encode()).hexdigest()[:16]

    @cached_property
    def uses(self):
        """What it uses, as `Uses`."""
        uses = Uses(self.package)
        uses.visit(self.tree)
        return uses


def _write(node, found):
    """Add a tree without its docstrings to a list, piece by piece; `ast.dump` takes twice as long."""
    found.append(type(node).__name__)
    for name in node._fields:
        piece = getattr(node, name, None)
        if isinstance(piece, list):
            pieces = body_of(node) if name == "body" else piece
            found.append(len(pieces))
            for each in pieces:
                if isinstance(each, ast.AST):
                    _write(each, found)
                else:
                    found.append(each)
        elif not isinstance(piece, ast.AST):
            found.append(piece)
        elif name != "ctx":
            _write(piece, found)


def body_of(node):
    """Statements of a function or class without its docstring, or of another piece; of a lambda, its expression."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
        return node.body[1:]
    return node.body if isinstance(node.body, list) else [node.body]


def children(node):
    """Pieces of a piece of a tree, without docstrings."""
    for name in node._fields:
        piece = getattr(node, name, None)
        if isinstance(piece, list):
            pieces = body_of(node) if name == "body" else piece
            yield from [each for each in pieces if isinstance(each, ast.AST)]
        elif isinstance(piece, ast.AST):
            yield piece


def binds(node):
    """Names that a single node binds."""
    if isinstance(node, ast.Name):
        return [node.id] if isinstance(node.ctx, ast.Store) else []
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).partition(".")[0]]
    if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        return [node.name] if node.name else []
    return [node.rest] if isinstance(node, ast.MatchMapping) and node.rest else []


def bound_by(nodes):
    """Names that pieces of a tree bind in the scope in which they stand, not in a function, class or comprehension."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield from binds(node)
        if not isinstance(node, SCOPES):
            waiting += children(node)


def arguments(function):
    """All arguments of a function, as ``ast.arg``."""
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [argument for argument in every if argument]


def chain(node):
    """``("plots", "roc", "title")`` of ``plots.roc.title``; empty if it does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) else ()


class Uses:
    """What a part uses.

    Attributes
    ----------
    chains : set of tuple of str
        Names that are no function's own, with the attributes that are taken of them; with ``"()"`` at the end where
        they are called or indexed with a literal.
    bound : set of str
        Names that it binds, in functions too.
    aliases : dict of str to set of tuple
        Imported names, and what each stands for: {"roc": {("study", "statistics", "roc")}}.
    imports : set of tuple
        What it imports; of ``from a import b`` both ``a`` and ``a.b``, as the latter may be a module.
    whole : set of tuple
        Modules of which it imports all names.
    strings : set of str
    """

    def __init__(self, package=""):
        self.package = package
        self.chains, self.bound, self.imports, self.whole, self.strings = set(), set(), set(), set(), set()
        self.aliases = {}
        self._own, self._outer = set(), set()  # names of the scope, and those that lead out of it

    @property
    def anything(self):
        """Whether it may use any module: by a name that it computes, or by running a text."""
        imported = [dotted for targets in self.aliases.values() for dotted in targets]
        leading = ((names, LEADING.intersection(names)) for names in self.chains)
        return (
            any(found and not (names[-1] == "()" and found <= NAMING) for names, found in leading)
            or any(
                RUNNING.intersection(names) and names[0] in (*RUNNING, "builtins")
                for names in [*self.chains, *imported]
            )
            or any(dotted[-1] in LEADING for dotted in imported)
        )

    @property
    def names_modules(self):
        """Whether a literal in it is the name of a module that it uses."""
        return any(names[-1] == "()" and NAMING.intersection(names) for names in self.chains)

    @property
    def anything_of_own(self):
        """Whether it may use anything of its own module."""
        return any(names[0] in ("globals", "locals", "vars") for names in self.chains)

    def visit(self, node):
        """Read a piece of a tree."""
        kind = type(node)
        if kind is ast.Constant:
            if isinstance(node.value, str):
                self.strings.add(node.value)
        elif kind is ast.Name and isinstance(node.ctx, ast.Store):
            self._own.add(node.id)
        elif kind in VISITS:
            VISITS[kind](self, node)
        else:
            self._own.update(binds(node))
            for child in children(node):
                self.visit(child)

    def _visit_all(self, nodes):
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _scope(self, nodes, own=(), is_class=False):
        """Read what has names of its own, and keep those that lead out: imported, global or bound nowhere in it."""
        around = self.chains, self._own, self._outer
        self.chains, self._own, self._outer = set(), set(own), set()
        self._visit_all(nodes)
        inner, own, outer = self.chains, self._own, self._outer
        self.chains, self._own, self._outer = around
        if is_class:  # its body may see the module's name before it binds its own
            outer |= own
        self.chains.update(names for names in inner if names[0] not in own or names[0] in outer)
        self.bound |= own
        self._outer |= outer

    def _name(self, node, end=()):
        names = chain(node)
        if names:
            self.chains.add((*names, *end))
        else:
            self.visit(node.value)
            names = ("", node.attr)
        for leading in (LEADING - {"modules"}).intersection(names[1:]):  # also of what is a function's own
            self.chains.add(("", leading, *end))

    def _given(self, node, given):
        """Read what is called or indexed."""
        is_literal = bool(given) and isinstance(given[0], ast.Constant) and not str(given[0].value).startswith(".")
        if isinstance(node, (ast.Name, ast.Attribute)):
            self._name(node, ("()",) if is_literal else ())
        else:
            self.visit(node)
        self._visit_all(given)

    def _call(self, node):
        """`vars` of something, unlike `vars()`, is about that alone."""
        if isinstance(node.func, ast.Name) and node.func.id == "vars" and node.args:
            self._visit_all(node.args)
        else:
            self._given(node.func, node.args)
        self._visit_all(node.keywords)

    def _subscript(self, node):
        self._given(node.value, [node.slice])

    def _augmented(self, node):
        """Its target is read, too."""
        if isinstance(node.target, ast.Name):
            self._name(node.target)
        self._visit_all([node.target, node.value])

    def _walrus(self, node):
        """In a comprehension, it binds a name of what is around that."""
        self._outer.add(node.target.id)
        self._visit_all([node.target, node.value])

    def _function(self, node):
        """Decorators, defaults and annotations belong to what is around a function."""
        self._own.update(binds(node))
        given = arguments(node)
        self._visit_all([*getattr(node, "decorator_list", []), *node.args.defaults, *node.args.kw_defaults])
        for annotation in [*(argument.annotation for argument in given), getattr(node, "returns", None)]:
            self._annotation(annotation)
        self._scope(body_of(node), {argument.arg for argument in given})

    def _annotation(self, node):
        """Read an annotation; a text in it may be one, too."""
        for piece in ast.walk(node) if node else ():
            if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
                try:
                    self.visit(ast.parse(piece.value, mode="eval").body)
                except SyntaxError:  # words, as in Literal
                    continue
        self._visit_all([node])

    def _annotated(self, node):
        self._annotation(node.annotation)
        self._visit_all([node.target, node.value])

    def _class(self, node):
        self._own.update(binds(node))
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        self._scope(body_of(node), is_class=True)
        self.chains.update((name,) for name in bound_by(node.body) if name in self.aliases)  # as `self.name`

    def _comprehension(self, node):
        """Its first iterable alone is outside of it."""
        first = node.generators[0]
        self.visit(first.iter)
        self._scope([first.target, *first.ifs, *(each for each in children(node) if each is not first)])

    def _global(self, node):
        self._outer.update(node.names)

    def _import(self, node):
        for alias in node.names:
            target = tuple(alias.name.split("."))
            self.imports.add(target)
            self._stands_for(alias.asname or target[0], target if alias.asname else target[:1])

    def _import_from(self, node):
        above = self.package.split(".")
        base = [*above[: len(above) + 1 - node.level], node.module] if node.level else [node.module]
        base = tuple(".".join(filter(None, base)).split("."))
        self.imports.add(base)
        for alias in node.names:
            if alias.name == "*":
                self.whole.add(base)
            else:
                self.imports.add((*base, alias.name))
                self._stands_for(alias.asname or alias.name, (*base, alias.name))

    def _stands_for(self, name, target):
        self.aliases.setdefault(name, set()).add(target)
        self._outer.add(name)


VISITS = {
    ast.Name: Uses._name,
    ast.Attribute: Uses._name,
    ast.Call: Uses._call,
    ast.Subscript: Uses._subscript,
    ast.AugAssign: Uses._augmented,
    ast.AnnAssign: Uses._annotated,
    ast.NamedExpr: Uses._walrus,
    **dict.fromkeys((*FUNCTIONS, ast.Lambda), Uses._function),
    ast.ClassDef: Uses._class,
    **dict.fromkeys(COMPREHENSIONS, Uses._comprehension),
    ast.Global: Uses._global,
    ast.Import: Uses._import,
    ast.ImportFrom: Uses._import_from,
}
