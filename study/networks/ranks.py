"""Training in several processes, which torch's launcher `torchrun` starts, each with its share of every batch.

A process that was not started by `torchrun` trains alone, and nothing here affects it. GPUs communicate by NCCL, CPUs
by gloo.
"""

import os
from contextlib import contextmanager

import torch
from torch import distributed, nn


@contextmanager
def joined():
    """Join the processes that `torchrun` started until the block ends; any other process stays alone.

    Possible once per process, as torch does not reuse the names under which processes find each other.

    Raises
    ------
    ValueError
        If there are more processes on this machine than GPUs in it.
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
            f"{os.environ['LOCAL_WORLD_SIZE']} processes on a machine with {torch.cuda.device_count()} GPUs; "
            "start one process for each GPU: set the parameter processes"
        )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device():
    """Where this process computes: its own GPU if the machine has one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def rank():
    """Number of this process; 0 is the first, which writes files and shows progress."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size():
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def wait():
    """Wait until all processes have come this far."""
    if size() > 1:
        distributed.barrier()


def share(batch):
    """Select the samples of a batch, a sequence, that this process takes: every `size`-th.

    Raises
    ------
    ValueError
        If the batch cannot be divided evenly: the gradient would weight some samples more than others.
    """
    if len(batch) % size():
        raise ValueError(
            f"a batch of {len(batch)} cannot be divided evenly among {size()} processes; "
            f"set batch_size to a multiple of {size()}"
        )
    return batch[rank() :: size()]


def in_parallel(model):
    """Wrap a network so that a backward pass gives every process the mean of all processes' gradients.

    On GPUs the batch norm layers of `model` are replaced by ones that take their statistics over the whole batch, as a
    single process would. torch has these for GPUs only: on CPUs the statistics are those of a process's own share, and
    the running statistics those of the first process.
    """
    if size() == 1:
        return model
    if torch.cuda.is_available():
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model, device_ids=[device()])
    return nn.parallel.DistributedDataParallel(model)


def whole_batch(part):
    """The shares of all processes as one tensor, through which the gradient flows to this process's own share.

    A loss such as Dice is not a mean over samples, so each process computes it over the whole batch. In each process
    the gradient reaches one share only. The sum over processes is the gradient of the batch; since :func:`in_parallel`
    takes their mean, the loss has to be multiplied by :func:`size`.

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
