"""A paper's printed numbers, as a file and as one relation, for the tests of the audit."""

from study.claims import audit, audit_answers, audit_rules, paper
from study.claims.printed import read_number


def read(tmp_path, text):
    """The paper of a file with this text."""
    path = tmp_path / "tables.yaml"
    path.write_text(text, encoding="utf-8")
    return paper.read_paper(path)


def findings(tmp_path, text):
    """What the audit finds in a file with this text."""
    return audit.findings(audit.audit(read(tmp_path, text)))


def ask(rule, **given):
    """A rule's answer for printed texts; whole numbers are exact where the rule counts."""
    kinds = audit_rules.arguments(rule)

    def number(text, kind):
        return text if kind is str else read_number(text, "cases" if kind is audit_answers.Count else "")

    def value(name, content, kind):
        if name == "groups":
            return [
                audit_answers.Group(number(n, audit_answers.Count), number(m, None), number(s, None))
                for n, m, s in content
            ]
        if isinstance(content, list):
            return [value(name, x, kind.__args__[0]) for x in content]
        return number(content, kind)

    return audit_rules.RULES[rule](**{name: value(name, content, kinds[name][0]) for name, content in given.items()})


def written(rule, given):
    """A relation of the file format from the texts of `ask`."""

    def shown(content):
        if isinstance(content, list):
            return "[" + ", ".join(shown(x) for x in content) + "]"
        if isinstance(content, tuple):
            return "{{n: '{}', mean: '{}', sd: '{}'}}".format(*content)
        return f"'{content}'"

    return f"relations:\n- {{rule: {rule}, where: T, {', '.join(f'{k}: {shown(v)}' for k, v in given.items())}}}"
