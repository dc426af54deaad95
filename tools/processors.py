"""Does this processor compute the same bytes? ``python -m tools.processors`` prints a digest of each arithmetic.

Each part does in seconds what a run does in minutes: numpy's functions, a phantom, the training of both networks, the
bundled networks, statistics. docs/same-on-all-machines.md has the digests of the processors seen. ``--native`` lets
each library choose its instruction sets. ``qemu-x86_64 -cpu Haswell .venv/bin/python -m tools.processors`` computes as
a processor of another maker without AVX-512 does, a hundred times more slowly.
"""

import argparse
import hashlib
import os
import tempfile
import time
import warnings
from pathlib import Path

from study import arithmetic

SIZE = 64  # pixels of a toy section, a multiple of 32


def digest(*arrays):
    """The first 16 hexadecimal digits of the SHA-256 of arrays, or of text."""
    import numpy as np

    parts = (a.encode() if isinstance(a, str) else np.ascontiguousarray(a).tobytes() for a in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def numbers():
    """numpy: functions, sums, linear algebra."""
    import numpy as np

    random = np.random.default_rng(1)
    x = random.normal(0, 2, 5000)
    square = random.normal(0, 1, (60, 60))
    found = [f(x.astype(kind)) for f in (np.exp, np.sin, np.cos, np.tanh, np.arctan, np.expm1) for kind in ("f4", "f8")]
    found += [f(np.abs(x)) for f in (np.log, np.log1p, np.sqrt, np.cbrt)] + [np.abs(x) ** 0.37, x**3]
    found += [x.sum(), x.std(), x.astype("f4").mean(), x @ x, np.cumsum(x)]
    found += [square @ square, np.linalg.solve(square, x[:60]), np.linalg.qr(square)[1], np.linalg.eigvalsh(square)]
    return digest(*found)


def order():
    """numpy: the order of equal numbers in a sort, which qemu 7.2 gets wrong."""
    import numpy as np

    return digest(np.argsort(np.round(np.random.default_rng(1).normal(0, 2, 5000), 1)))


def phantom():
    """One thick-section scan of a synthetic patient, with its true masks."""
    from study.phantom.cohorts import make_cohort
    from study.phantom.people.counts import People
    from study.phantom.scanner.protocol import Geometry

    with tempfile.TemporaryDirectory() as folder:
        people = People(n_patients=1, n_severe_patients=1, n_observed=1)
        make_cohort(folder, people, Geometry(matrix=SIZE, slice_thickness_mm=20.0, increment_mm=20.0), workers=1)
        return digest(*(str(p.name) + _read(p) for p in sorted(Path(folder).rglob("*.nii.gz"))))


def _read(path):
    import nibabel
    import numpy as np

    return digest(np.asanyarray(nibabel.load(path).dataobj))


def toy(seed):
    """Eight sections with two dark discs (lungs) in grey tissue, each with a brighter spot (infection)."""
    import numpy as np

    from study.networks.samples import WHOLE, Sections

    random = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    lung, infection = np.zeros((2, 8, SIZE, SIZE), bool)
    for centre in (18, 46):
        lung[1:7] |= (y - 32) ** 2 + (x - centre) ** 2 < 12**2
        dy, dx = random.integers(-4, 5, size=2)
        infection[2:6] |= (y - 32 - dy) ** 2 + (x - centre - dx) ** 2 < 5**2
    hu = np.where(lung, -850, 40) + 450 * infection + random.normal(0, 10, lung.shape)
    shares = (WHOLE * mask.astype(np.uint8) for mask in (lung, infection & lung))
    return Sections(f"S{seed}", hu.astype(np.int16), *shares, (10.0, 2.5, 2.5), -850.0)


def training():
    """Weights of both networks after two steps on toy sections, with all augmentation, and their Dice."""
    from study.networks.training import Settings, train

    toys, made = [toy(k) for k in range(3)], []
    for task in ("lung", "infection"):
        settings = Settings(task, 2.5, neighbours=int(task == "infection"), encoder_width=8, lung_width=4, epochs=1,
                            sections_per_epoch=32, crop_pixels=SIZE // 2, augmentation="wide")  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            model, _, dice = train(toys, toys[:1], settings, Path(folder), progress=False)
        made += [tensor.numpy() for tensor in model.state_dict().values()] + [dice["dice"].to_numpy()]
    return digest(*made)


def segmentation():
    """Probabilities of the bundled networks on toy sections."""
    from study.networks import slabs
    from study.networks.models import STARTER, Network

    hu = toy(1).hu
    lung, infection = (Network(STARTER, task) for task in ("lung", "infection"))
    return digest(lung.probability(slabs.lung_input(hu), lung.seen(len(hu), 10.0)),
                  infection.probability(slabs.infection_input(hu, -850.0), infection.seen(len(hu), 10.0)))  # fmt: skip


def statistics():
    """A ROC curve with its bootstrap, and a logistic regression, of 60 drawn patients."""
    import numpy as np
    import pandas as pd

    from study.results import severity_values
    from study.statistics import resampling

    random = np.random.default_rng(2)
    severe = np.arange(60) % 3 == 0
    poi, ihu = random.beta(2, 20, 60) + 0.05 * severe, random.normal(-500, 80, 60)
    patients = (np.arange(60) // 2).astype(str)
    table = pd.DataFrame({"patient_id": patients, "is_severe": severe, "poi": poi, "ihu": ihu})
    # Without the numbers that came later, so that the digests of docs/same-on-all-machines.md remain comparable.
    quoted = {name: number for name, number in severity_values.quoted(table).items() if "auc_of_values" not in name}
    return digest(repr(quoted), resampling.plain(poi, severe, 200, 1)["auc"])


PARTS = {part.__name__: part for part in (numbers, order, phantom, training, segmentation, statistics)}


def main():
    """Print the digest of each part."""
    parser = argparse.ArgumentParser(prog="python -m tools.processors", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--native", action="store_true", help="let each library choose its instruction sets")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    arithmetic.choose("native" if asked.native else "portable")
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")  # torch, MONAI and OpenVINO warn of each other's versions
    print(f"{arithmetic.processor()}, {'native' if asked.native else 'portable'} arithmetic")
    for name in asked.parts or PARTS:
        start = time.process_time()
        found = PARTS[name]()
        print(f"{name:<13} {found}  {time.process_time() - start:.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
