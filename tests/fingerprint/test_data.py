"""Which data files count."""

import pytest

DATA = {
    "room/__init__": "",
    "room/rules.yaml": "a: 1\n",
    "room/other.yaml": "",
    "room/pages/page.html": "<p>",
    "room/pages/part.html": "",
    "rules.yaml": "of another room",
}
PAGES = {"pages/page.html", "pages/part.html"}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("def f(): return open('rules.yaml')", {"rules.yaml"}),
        ("RULES = Path(__file__).with_name('rules.yaml')\ndef f(): return RULES", {"rules.yaml"}),
        ("PAGES = Path(__file__).parent / 'pages'\ndef f(): return PAGES", PAGES),
        ("def f(): return open('pages/page.html')", PAGES),
        ("def f(): return open('page.html')", PAGES),  # which may include the other
        ("def f(name): return Path(__file__).parent / f'{name}.yaml'", {"rules.yaml", "other.yaml", *PAGES}),
        ("HERE = Path(__file__).parent\ndef f(name): return HERE / name", {"rules.yaml", "other.yaml", *PAGES}),
        ("def f(name): return files('study.room') / name", {"rules.yaml", "other.yaml", *PAGES}),
        ("RULES = 'rules.yaml'\ndef f(): return 1", set()),
        ("def f():\n    '''Not rules.yaml.'''", set()),
    ],
)
def test_data_count_where_they_are_named_or_all_where_that_cannot_be_told(reached, text, files):
    imports = "from importlib.resources import files\nfrom pathlib import Path\n"
    found = reached({**DATA, "room/b": imports + text}, "from study.room.b import f\nf()")
    assert {name for name in found if "/" in name} == {f"study/room/{name}" for name in files}


def test_data_of_another_room_count_by_the_name_of_a_file(reached):
    text = "def f(folder): return folder / '{}'"
    for name, files in (("other.yaml", {"study/room/other.yaml"}), ("pages", set())):
        found = reached({**DATA, "b": text.format(name)}, "from study.b import f\nf()")
        assert found == {"study.b.f", *files}
