"""One arithmetic on every processor: the instruction sets that libraries may use, chosen before they are loaded.

A library that has code for several instruction sets takes the widest that it finds. Wider code adds the same numbers in
another order, so the last bit of a sum hangs on the processor, and a training amplifies it until tables differ.
"""

import os
import platform
from pathlib import Path

VARIABLE = "STUDY_ARITHMETIC"  # one of CHOICES, for the processes that this one starts
CHOICES = ("portable", "native")
# What every x86 processor since 2015 has. OpenVINO's convolutions and matrix products are oneDNN's.
PORTABLE = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own operators
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions, of torch and of OpenVINO
    "MKL_CBWR": "COMPATIBLE",  # torch's matrix products: the one branch that MKL takes on processors of all makers
    "OPENBLAS_CORETYPE": "Haswell",  # linear algebra of numpy and scipy
    "OPENBLAS_NUM_THREADS": "1",  # else the number of cores decides how long vectors are divided and summed
    "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR",  # numpy's exp, log, sin, sort
}
NEEDED = {"avx2", "fma"}
TOLD = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")  # instruction sets by which results may differ


def choose(arithmetic):
    """Set the arithmetic of libraries that are not loaded yet, in this process and in those that it starts.

    Parameters
    ----------
    arithmetic : {"portable", "native"}
        ``portable``: no instruction set beyond AVX2 and FMA, whatever the processor has. ``native``: each library's own
        choice; bfloat16 on a CPU is fast only so. A processor without AVX2, as an ARM one, has its own arithmetic.
    """
    os.environ[VARIABLE] = arithmetic
    if arithmetic == "portable" and NEEDED <= _instruction_sets():
        os.environ.update(PORTABLE)
        return
    for name, pinned in PORTABLE.items():
        if os.environ.get(name) == pinned:
            del os.environ[name]


def chosen():
    """The arithmetic of this process, of `CHOICES`."""
    return os.environ[VARIABLE]


def processor():
    """Model, instruction sets that matter and number of cores of this machine's processor, in words."""
    known = _cpuinfo()
    sets = [name for name in TOLD if name in _instruction_sets()]
    return f"{known.get('model name') or platform.machine()} ({', '.join([*sets, f'{os.cpu_count()} cores'])})"


def _instruction_sets():
    return set(_cpuinfo().get("flags", "").split())


def _cpuinfo():
    """What Linux says of the first core, by name; empty on other systems."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            lines = iter(file.readline, "\n")
            return dict(tuple(part.strip() for part in line.partition(":")[::2]) for line in lines if line)
    except OSError:
        return {}
