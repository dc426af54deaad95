"""What a file of printed numbers lists: numbers, where relations cite them, and the relations; ``paper`` reads it."""

from dataclasses import dataclass, field

from study.claims.printed import AS_USUAL, COUNTED, Convention, Printed, read_number, with_its_percent


@dataclass(frozen=True)
class Claim:
    """One printed number; the fields are those of the file, and the convention is that at its head."""

    id: str
    where: str
    quantity: str
    published: str
    value: str | None = None
    interval: tuple = ()
    unit: str = ""
    n: int | None = None
    same: str = ""
    reason: str = "the list names nothing that regenerates it"
    see: str = ""
    remark: str = ""
    unless: str = ""
    primary: str = ""
    convention: Convention = AS_USUAL

    @property
    def parts(self):
        """What regenerates it: [(notebook, name)], and how two of them are joined ("", "/" or "-")."""
        if self.value is None:
            return [], ""
        for joint in (" / ", " - "):
            if joint in self.value:
                return [tuple(part.split(":")) for part in self.value.split(joint)], joint.strip()
        return [tuple(self.value.split(":"))], ""

    def number(self, end=""):
        """The printed number, or the ``low`` or ``high`` end of its interval; None for a word or a date."""
        if self.unit in ("word", "date"):
            return None
        texts = (self.published, *self.interval) if end else (self.published,)
        number, *ends = (read_number(text, self.unit, self.convention) for text in texts)
        return with_its_percent(number, *ends)[end == "high"] if end else number

    def text(self, end=""):
        """What :meth:`number` reads, as printed, with its unit."""
        unit = "" if self.unit in ("word", "date", *COUNTED) else f" {self.unit}"
        return (self.interval[end == "high"] if end else self.published) + unit.rstrip()

    def cite(self, end=""):
        """The number, or an end of its interval, as a check cites it."""
        name = f"{self.quantity}, {end} end of the interval" if end else self.quantity
        return Cited(name, self.where, self.id, self.text(end), self.number(end))


@dataclass(frozen=True)
class Cited:
    """A printed number where a relation uses it: its name in words, its place, and its id if the file gave one."""

    name: str
    where: str
    id: str
    text: str
    number: Printed | None


@dataclass(frozen=True)
class Relation:
    """Numbers that belong together: a rule and what it is applied to, by argument (``groups.0.n`` inside lists)."""

    rule: str
    line: int
    cited: dict
    because: str = ""
    unless: str = ""
    provided: str = ""


@dataclass(frozen=True)
class Paper:
    """The content of a file."""

    name: str
    claims: list = field(default_factory=list)
    relations: list = field(default_factory=list)
