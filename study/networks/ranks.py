"""Training in several processes, which torch's launcher `torchrun` starts, each with its share of every batch.

A process that was started otherwise is the only one, and nothing here changes what it does. Graphics cards talk by
NCCL, processors by gloo.
"""

import os
from contextlib import contextmanager

import torch
from torch import distributed, nn


@contextmanager
def joined():
    """Join the processes that `torchrun` started until the block ends; a process started otherwise stays alone.

    Once in the life of a process: torch finds the others under names that it does not use again.

    Raises
    ------
    ValueError
        If there are more processes on this machine than graphics cards in it.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    if not torch.cuda.is_available():
        distributed.init_process_group("gloo")
    elif int(os.environ["LOCAL_RANK"]) < torch.cuda.device_count():
        torch.cuda.set_device(device())
        distributed.init_process_group("nccl", device_id=device())
    else:
        raise ValueError(
            f"{os.environ['LOCAL_WORLD_SIZE']} processes on a machine with {torch.cuda.device_count()} graphics cards; "
            "start one for each card"
        )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device():
    """Where this process computes: its own graphics card where there are any, else the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def rank():
    """Which of the processes this one is; 0 is the first, the one that writes and shows progress."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size():
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def wait():
    """Go on when all the processes are here."""
    if size() > 1:
        distributed.barrier()


def share(batch):
    """What this process does of a batch, a sequence: every `size`-th sample.

    Raises
    ------
    ValueError
        If the batch cannot be divided evenly: a gradient would count some samples more than others.
    """
    if len(batch) % size():
        raise ValueError(
            f"a batch of {len(batch)} cannot be divided evenly among {size()} processes; "
            f"set batch_size to a multiple of {size()}"
        )
    return batch[rank() :: size()]


def in_parallel(model):
    """Wrap a network so that a backward pass gives every process the mean of the gradients of all.

    On graphics cards the layers of `model` are changed to take their batch statistics over the whole batch, as one
    process would. torch has that for graphics cards alone: on processors statistics are those of a process's own share,
    and the running ones those of the first process.
    """
    if size() == 1:
        return model
    if torch.cuda.is_available():
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model, device_ids=[device()])
    return nn.parallel.DistributedDataParallel(model)


def whole_batch(part):
    """The shares of all processes as one tensor, through which a gradient flows to this process's own.

    A loss such as Dice is no mean over samples, so each process takes it over the whole batch. Its gradient reaches
    one share in each process: their sum is the gradient of the batch, and the mean of :func:`in_parallel` wants the
    loss multiplied by :func:`size`.

    Parameters
    ----------
    part : tensor (batch / size, ...)
        Of the same shape in every process.

    Returns
    -------
    tensor (batch, ...)
    """
    if size() == 1:
        return part
    part = part.contiguous()
    parts = [torch.empty_like(part) for _ in range(size())]
    distributed.all_gather(parts, part.detach())
    parts[rank()] = part
    return torch.cat(parts)
