"""Whether a statement at the top level of a module does no more than bind names: then it counts only where it is used.

What is not seen to be quiet is taken to do something for all who import its module: a registration, a setting.
"""

import ast
import builtins

from study.fingerprint.definitions import COMPREHENSIONS, FUNCTIONS, arguments, body_of, bound_by, chain, children

# Of Python and its libraries: they make a value of what they are given, and nothing more.
CALLS = frozenset({
    "bool", "bytes", "classmethod", "collections.namedtuple", "contextlib.contextmanager", "dataclasses.dataclass",
    "dataclasses.field", "datetime.date", "datetime.timedelta", "dict", "dict.fromkeys", "enumerate", "float",
    "frozenset", "functools.cache", "functools.cached_property", "functools.lru_cache", "functools.partial",
    "functools.wraps", "int", "len", "list", "max", "min", "numpy.arange", "numpy.array", "numpy.empty", "numpy.round",
    "numpy.zeros", "pathlib.Path", "property", "range", "re.compile", "re.escape", "reversed", "round", "set", "slice",
    "sorted", "staticmethod", "str", "str.maketrans", "sum", "tuple", "typing.NewType", "uuid.UUID", "zip",
})  # fmt: skip
# Of text, dictionaries, paths and properties.
METHODS = frozenset({
    "deleter", "format", "items", "join", "joinpath", "keys", "lower", "setter", "split", "splitlines",
    "strip", "upper", "values", "with_name",
})  # fmt: skip
BASES = frozenset({
    "object", "typing.NamedTuple", "typing.Protocol",
    *(name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)),
})  # fmt: skip
# What only holds other pieces.
PLAIN = (
    ast.AnnAssign, ast.Assign, ast.Attribute, ast.BinOp, ast.BoolOp, ast.Compare, ast.Constant, ast.Dict, ast.Expr,
    ast.For, ast.FormattedValue, ast.If, ast.IfExp, ast.JoinedStr, ast.List, ast.Name, ast.Pass, ast.Raise, ast.Return,
    ast.Set, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp, ast.comprehension, ast.keyword,
    ast.boolop, ast.cmpop, ast.expr_context, ast.operator, ast.unaryop,
)  # fmt: skip


class Quiet:
    """Tells quiet statements.

    Parameters
    ----------
    definition : function
        Of a module and the names of a chain in it: a pair, module and tree, where it is a function or class of the
        study; the dotted name where it is a library's; else None.
    answers : dict
        Of functions and classes that were asked about, whether to call them is quiet.
    """

    def __init__(self, definition, answers):
        self.definition = definition
        self.answers = answers

    def is_quiet(self, node, module, local=frozenset()):
        """Whether a piece of a module's tree, where names are `local`, only makes values and binds names."""

        def all_quiet(nodes, inner=frozenset()):
            return all(self.is_quiet(each, module, local | inner) for each in nodes if each is not None)

        match node:
            case ast.Attribute() | ast.Subscript() if not isinstance(node.ctx, ast.Load):
                return False
            case ast.Subscript() if isinstance(self._named(node.value, module, local), tuple):  # __class_getitem__
                return False
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
                said = [argument.annotation for argument in arguments(node)] + [getattr(node, "returns", None)]
                decorated = all(self._decorates(each, module, local) for each in getattr(node, "decorator_list", []))
                return decorated and all_quiet([*node.args.defaults, *node.args.kw_defaults, *said])
            case ast.ClassDef():
                bound = frozenset(bound_by(node.body))
                bases = [self._named(base, module, local) for base in node.bases]
                decorated = all(self._decorates(each, module, local) for each in node.decorator_list)
                return decorated and not node.keywords and BASES.issuperset(bases) and all_quiet(node.body, bound)
            case ast.Call():
                called = [each.value for each in node.keywords if each.arg in ("key", "default_factory")]
                return (
                    all(self._calls(each, module, local) for each in [node.func, *called])
                    and all_quiet(node.args)
                    and all_quiet(node.keywords)
                )
        if isinstance(node, COMPREHENSIONS):
            return all_quiet(children(node), frozenset(bound_by(each.target for each in node.generators)))
        return isinstance(node, PLAIN) and all_quiet(children(node))

    def _named(self, node, module, local):
        """What a name or attribute stands for; None also where that is a function's own affair."""
        names = chain(node)
        return self.definition(module, names) if names and names[0] not in local else None

    def _decorates(self, node, module, local):
        """Whether a decorator does nothing else; of one that is called, what it returns is known of libraries alone."""
        if isinstance(node, ast.Call):
            return self._named(node.func, module, local) in CALLS and self.is_quiet(node, module, local)
        return self._calls(node, module, local)

    def _calls(self, node, module, local):
        """Whether a call of this is quiet."""
        found = self._named(node, module, local)
        if isinstance(found, str):
            return found in CALLS
        if found:
            return self._is_quiet_when_called(*found)
        return isinstance(node, ast.Attribute) and node.attr in METHODS and self.is_quiet(node.value, module, local)

    def _is_quiet_when_called(self, module, tree):
        if tree not in self.answers:
            self.answers[tree] = False  # of one that calls itself
            if isinstance(tree, ast.ClassDef):
                called = [
                    each for each in tree.body
                    if isinstance(each, FUNCTIONS)
                    and (each.name.startswith("__") or each.decorator_list or each.name in METHODS)
                ]  # fmt: skip
                answer = self.is_quiet(tree, module) and all(
                    self._is_quiet_when_called(module, each) for each in called
                )
            else:
                wrapped = [self._named(each, module, frozenset()) for each in tree.decorator_list]
                own = {argument.arg for argument in arguments(tree)}.union(bound_by(body_of(tree)))
                answer = CALLS.issuperset(wrapped) and all(self.is_quiet(each, module, own) for each in body_of(tree))
            self.answers[tree] = answer
        return self.answers[tree]
