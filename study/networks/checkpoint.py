"""The state of a training on disk, from which an interrupted training resumes with the same result."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from study import files


class Checkpoint:
    """Weights, optimiser state and history of a training, in safetensors and JSON, replaced once an epoch."""

    def __init__(self, folder, settings, data_digest):
        self.path = Path(folder) / f"{settings.task}.checkpoint.safetensors"
        # A checkpoint of other settings or other data is of another training and is not resumed.
        self.recipe = hashlib.sha256(json.dumps([asdict(settings), data_digest]).encode()).hexdigest()

    def save(self, model, optimiser, history):
        """Write the state of the training, replacing the checkpoint before it."""
        tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in state.items()}
        metadata = {"recipe": self.recipe, "history": json.dumps(history)}
        with files.whole(self.path) as partial:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata)

    def load(self, model, optimiser):
        """Restore the model and the optimiser; return the history so far (empty if there is nothing to resume)."""
        if not self.path.is_file():
            return []
        with safe_open(self.path, framework="pt") as saved:
            metadata = saved.metadata()
        if metadata.get("recipe") != self.recipe:
            return []
        tensors = load_file(self.path)
        model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        states = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".", 2)
                states.setdefault(int(index), {})[key] = tensor
        for parameter, state in zip(model.parameters(), (states[k] for k in sorted(states)), strict=True):
            # A fused optimiser goes through memory without asking for strides: they must be those of the parameter.
            for key in ("exp_avg", "exp_avg_sq"):
                state[key] = torch.empty_like(parameter, requires_grad=False).copy_(state[key])
        optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
        return json.loads(metadata["history"])
