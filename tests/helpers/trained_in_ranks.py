"""Two small trainings as one of the processes of torchrun, which keeps its weights: trained_in_ranks.py FOLDER."""

import json
import sys
from pathlib import Path

from safetensors.torch import save_file
from toys import settings, toy_sections, without_batch_norm

from study.networks import ranks, training

folder = Path(sys.argv[1])
toys = [toy_sections(k) for k in range(3)]
with ranks.joined():
    rank = ranks.rank()
    model, history = without_batch_norm(folder / "together")
    unet, *_ = training.train(toys, toys[:1], settings("infection", epochs=1), folder / "unet", progress=False)
for name, trained in (("plain", model), ("unet", unet)):
    weights = {key: tensor.detach().contiguous() for key, tensor in trained.named_parameters()}
    save_file(weights, folder / f"{name}-{rank}.safetensors")
if rank == 0:
    (folder / "history.json").write_text(json.dumps(history.to_dict("list")))
