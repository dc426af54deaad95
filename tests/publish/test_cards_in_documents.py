"""What the documents of a run say of its networks is what their cards say, whoever trained them."""

import json
import re
import shutil

import matplotlib
import pandas as pd
import pytest

from helpers.project import ROOT
from study.figures import flow_diagram, plots
from study.files import sha256, write_json, write_text
from study.networks import card_words
from study.networks.models import STARTER
from study.publish.forms import answers
from study.run import RECORDING, Run, value

STARTER_CARD = json.loads((STARTER / "infection.json").read_text(encoding="utf-8"))
# A cohort that came with a pneumonia set of its own, which trained nothing in this run.
OWN_SET = "scan_id,patient_id\n" + "".join(f"P{k},P{k}\n" for k in range(400))
REAL = {**STARTER_CARD["data"], "simulated": False, "with_covid_19": None, "scans": 37, "held_out_scans": 5,
        "in_words": "37 scans (4 without infection), sections of 1-5 mm"}  # fmt: skip
STARTED = {"data": STARTER_CARD["data"], "settings": STARTER_CARD["settings"], "sha256": "0" * 64}


def made(folder, tier, data=None, started_from=None, trained_here=False):
    """A run with every number recorded that its documents ask for, and networks with these cards."""
    folder.mkdir(exist_ok=True)
    for name in ("README.md", "CITATION.cff", "LICENSE", "CHANGELOG.md", "requirements.lock",
                 "docs", "notebooks", "parameters", "study"):  # fmt: skip
        (folder / name).symlink_to(ROOT / name)
    run = Run("mine", folder)
    protocol = ("slice_thickness_mm", "increment_mm", "matrix", "field_of_view_mm", "motion_fraction")
    about = {"tier": tier, "source": "here", "licence": "CC0", "seed": 1, "parameters": dict.fromkeys(protocol, 10)}
    write_json(run.cohort / "cohort.json", about)
    write_text(run.training / "scans.csv", OWN_SET)
    run.models.mkdir(parents=True)
    for task in ("lung", "infection"):
        shutil.copy(STARTER / f"{task}.json", run.models)
        card = json.loads((run.models / f"{task}.json").read_text(encoding="utf-8"))
        card["data"] = dict(data or card["data"])
        card.pop("started_from", None)  # what the bundled networks went on from is another story
        card["settings"]["start_from"] = ""
        if trained_here:
            card["data"]["training_table_sha256"] = sha256(run.training / "scans.csv")
        if started_from:
            card |= {"started_from": started_from, "settings": {**card["settings"], "start_from": "study/starter"}}
        write_json(run.models / f"{task}.json", card)
    statements = (ROOT / "study/publish/forms/statements.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"(?:value|percent) (\d-\w+/\w+)", statements))
    of_training = set() if trained_here else {"Table_S1", "Figure_S2_training_set"}
    for kind, name in set(re.findall(r"(figure|table) (\w+)", statements)):
        if name not in of_training:
            write_text(run.figures / f"{name}.{'png' if kind == 'figure' else 'csv'}", "")
    write_text(run.exclusions_csv, "")
    models = "" if data or trained_here else "study/starter"
    write_json(run.folder / "recipes" / "2-train.json", {"parameters": {"models": models}})
    write_json(run.folder / "recipes" / "5-severity.json", {"parameters": {"n_bootstrap": 2000}})
    flow = {"n_scans_all", "n_patients_all", "n_minors", "n_scans", "n_patients", "n_segmented", "n_refused",
            "n_observed", "n_without_infection", "n_severe", "n_nonsevere", "n_ihu_unchanged", "n_ihu_undefined",
            "n_volume_whole", "n_density_whole", "n_poi_unchanged", "n_patients_with_pairs",
            "n_opposite_patients"}  # fmt: skip
    for notebook in RECORDING:
        names = {name.split("/")[1] for name in asked if name.startswith(notebook)} | flow
        missing = {"n_training_scans"} if not trained_here else set()
        run.record(notebook, [value(name, None if name in missing else 7) for name in sorted(names)])
    write_text(run.variants_csv, "scan_id\n")
    return run


def documents(run):
    """The text of each form, and of the flow diagram."""
    answers.write(run)
    figure = flow_diagram.draw(flow_diagram.counts(run))
    drawn = " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    written = {path.name: path.read_text(encoding="utf-8") for path in run.figures.iterdir() if path.suffix != ".png"}
    return written | {"Figure_flow": f"{drawn} {figure.alt}"}


CONTRADICTED = re.compile(
    r"pneumonia (set|patients|scans)|(?<!an)other pneumonia|five vendors|400 scans of|\bP399\b", re.I
)


@pytest.mark.parametrize("tier", ["synthetic", "restricted"])
def test_networks_that_came_from_elsewhere_are_never_said_to_be_of_this_run(tmp_path, tier):
    run = made(tmp_path, tier)
    assert card_words.taken_over(run)
    texts = documents(run)
    for name, text in texts.items():
        assert not (found := CONTRADICTED.search(text)), (name, text[max(0, found.start() - 80) : found.end() + 40])
        assert "broken" not in text.lower(), name
    card = STARTER_CARD["data"]["in_words"].split("(")[0]
    for name in ("checklist_claim_2024.csv", "checklist_tripod_ai.csv", "data_sheet.md", "model_card.md"):
        assert card in texts[name], name
    partitions = pd.read_csv(run.figures / "checklist_claim_2024.csv", dtype=str).set_index("item").loc["19", "answer"]
    assert (
        partitions.startswith(f"The networks were trained on {card}")
        and f"{STARTER_CARD['data']['held_out_scans']} scans of held-out" in partitions
    )
    learnt = STARTER_CARD["data"]
    assert f"training: {learnt['scans']} scans" in texts["Figure_flow"]
    assert f"COVID-19: {learnt['with_covid_19']}" in texts["Figure_flow"]
    assert "Training set of other origin" in texts["Figure_flow"]


def test_a_checklist_names_the_items_that_are_missing_and_what_their_authors_may_state(tmp_path):
    run = made(tmp_path, "restricted")
    text = documents(run)["checklist_claim_2024.md"].replace("\\", "")
    (said,) = (line for line in text.splitlines() if line.startswith("Missing: "))
    table = pd.read_csv(run.figures / "checklist_claim_2024.csv", dtype=str)
    missing = table[table["status"] == "missing"]
    assert re.findall(r"(?:^Missing:|\),) (\w+) \(", said) == missing["item"].tolist() and len(missing) > 9
    assert "44 (funding)." in said and "43 (availability_of_data, repository)" in said


def test_networks_trained_on_patients_are_not_said_to_be_trained_on_phantoms(tmp_path):
    texts = documents(made(tmp_path, "synthetic", REAL, trained_here=True))
    assert "37 scans (4 without infection)" in texts["checklist_tripod_ai.csv"]
    assert "COVID-19:" not in texts["Figure_flow"] and "other origin" not in texts["Figure_flow"]
    for name in set(texts) - {"model_card.md", "model_card.html"}:  # which quote the starter's limits
        assert "phantoms alone" not in texts[name] and "simulated scans of adults" not in texts[name], name


def test_a_training_that_went_on_from_trained_weights_says_so(tmp_path):
    texts = documents(made(tmp_path, "restricted", REAL, STARTED, trained_here=True))
    both = (
        "37 scans (4 without infection), sections of 1-5 mm (the last stage of training, earlier ones on simulated "
        "scans only; stages of training: model card)"
    )
    for name in ("checklist_claim_2024.csv", "checklist_tripod_ai.csv", "model_card.md"):
        assert both in texts[name].replace("\\", ""), name
    answered = pd.read_csv(tmp_path / "figures/mine/checklist_claim_2024.csv", dtype=str).set_index("item")["answer"]
    assert answered["25"].startswith("Stages of training: 2, each from the weights of the one before. In the last, 6 ")
    assert "from an earlier stage" in answered["24"] and "at random from seed 1" in answered["24"]
    assert "last training: 37 scans" in texts["Figure_flow"] and "went on from earlier weights" in texts["Figure_flow"]


def test_the_bundled_networks_stages_are_told_once_and_short(tmp_path):
    run = made(tmp_path, "restricted")
    for task in card_words.TASKS:
        shutil.copy(STARTER / f"{task}.json", run.models)
    texts = documents(run)
    stages = re.findall(
        r"^\| (lung|infection) \| (\d) \| (\d+) simulated scans .*", texts["model_card.md"], re.MULTILINE
    )
    assert [n for task, _, n in stages if task == "infection"] == ["368", "193", "368"]
    assert [n for task, _, n in stages if task == "lung"] == ["368", "294", "193", "368"]
    for name, text in texts.items():
        assert "interim" not in text, name
        if name.endswith(".md"):
            outside = [line for line in text.splitlines() if not re.match(r"\| (lung|infection) \|", line)]
            assert not any(f"{n} simulated scans" in line for line in outside for n in (193, 294)), name
    answered = pd.read_csv(run.figures / "checklist_claim_2024.csv", dtype=str).set_index("item")["answer"]
    said = "(the last stage of training, earlier ones on simulated scans only; stages of training: model card)"
    assert said in answered["19"] and answered["19"].count("simulated scans of adults") == 1


def test_figures_say_what_the_networks_learnt_from(tmp_path):
    run = made(tmp_path / "a", "restricted")
    bundled = "bundled networks, trained and evaluated on simulated scans"
    assert card_words.whose(run) == bundled
    flow = flow_diagram.draw(flow_diagram.counts(run))
    assert bundled in flow.caption and "400 simulated scans" in flow.alt
    assert bundled[1:] in plots.learning_curves(pd.DataFrame(), card_words.whose(run)).caption
    other = card_words.whose(made(tmp_path / "b", "restricted", REAL))
    assert other == "networks of other origin, trained and evaluated on scans other than the cohort's"
    assert card_words.whose(made(tmp_path / "c", "restricted", REAL, trained_here=True)) == ""
    went_on = made(tmp_path / "e", "restricted", None, {**STARTED, "data": REAL})
    assert card_words.whose(went_on) == "bundled networks, trained and evaluated on scans other than the cohort's"
    history = pd.DataFrame({"epoch": [1, 2], "loss": [2, 1], "network": ["lung", "infection"], "n": 9, "stage": [1, 3]})
    staged = "Shown is the last stage of training, after earlier ones (infection 2; model card)."
    assert staged in plots.learning_curves(history, bundled).caption
    assert "stage" not in plots.learning_curves(history.assign(stage=1), bundled).caption
    trained_here = card_words.whose(made(tmp_path / "d", "synthetic", trained_here=True))
    assert trained_here.endswith("trained and evaluated on simulated scans")


def test_a_table_tells_what_the_cards_say_of_networks_that_were_trained_elsewhere():
    facts = card_words.table({"infection": STARTER_CARD})["Infection network"]
    assert (
        facts["Trained on"] == card_words.trained_on(STARTER_CARD)
        and "the last stage of training" in facts["Trained on"]
    )
    assert facts["Threshold"] == "0.40"
    assert facts["Training"].startswith("the last of 3 stages: 6 epochs of 8192 sections, batches of 16, peak")
    assert facts["Input"] == "5 neighbouring sections as channels, pixels of 1.82 mm"
    assert facts["Held-out Dice"].startswith("0.766±0.171 over 22 scans") and facts["Limits"] == STARTER_CARD["limits"]


def test_a_card_of_an_older_training_is_told_with_what_it_lacks():
    settings = {name: setting for name, setting in STARTER_CARD["settings"].items() if name != "augmentation"}
    told = card_words.table({"infection": {**STARTER_CARD, "settings": settings}})["Infection network"]
    assert "augmentation not recorded, seed " in told["Training"]
