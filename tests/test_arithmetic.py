"""One arithmetic whatever the processor has and the environment asks for, as far as one machine can show."""

import os
import re
import subprocess
import sys

import pytest

from helpers.project import ROOT
from study import arithmetic

# What asks each library for the widest instructions that it has, and for other numbers of threads.
WIDEST = {
    "ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "DEFAULT", "MKL_CBWR": "AUTO", "OPENBLAS_CORETYPE": "",
    "OPENBLAS_NUM_THREADS": "4", "NPY_DISABLE_CPU_FEATURES": "",
}  # fmt: skip
needs_avx2 = pytest.mark.skipif(
    not arithmetic.NEEDED <= arithmetic._instruction_sets(), reason="this processor has no AVX2: nothing is pinned"
)
TELL = """
import study, json, numpy, scipy.linalg, threadpoolctl, torch
from numpy._core._multiarray_umath import __cpu_features__ as features
torch.nn.functional.conv2d(torch.zeros(4, 16, 32, 32), torch.zeros(16, 16, 3, 3))
blas = [one for one in threadpoolctl.threadpool_info() if one["internal_api"] == "openblas"]
blas = {(one["architecture"], one["num_threads"]) for one in blas}
print(torch.backends.cpu.get_cpu_capability(), features["X86_V3"], features["X86_V4"], blas)
"""
GRAPH = """
import study, openvino
from study.networks.models import STARTER
options = {"PERF_COUNT": True, "INFERENCE_PRECISION_HINT": "f32"}
compiled = openvino.Core().compile_model(STARTER / "lung.xml", "CPU", options)
request = compiled.create_infer_request()
request.infer(__import__("numpy").zeros((1, compiled.input(0).partial_shape[1].get_length(), 64, 64), "f4"))
print({node.exec_type for node in request.profiling_info if node.node_type == "Convolution"})
"""


def python(*arguments, **environment):
    """What a Python process prints, in an environment that asks for the widest instructions."""
    clean = {name: text for name, text in os.environ.items() if name not in (*arithmetic.PORTABLE, arithmetic.VARIABLE)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=clean | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_avx2
def test_every_library_obeys():
    """A new version of one that renames its switch is found here."""
    told = python("-c", TELL, **WIDEST, ONEDNN_VERBOSE="1")
    assert told.splitlines()[-1] == "AVX2 True False {('Haswell', 1)}"
    assert "cpu,isa:Intel AVX2\n" in told
    convolutions = python("-c", GRAPH, **WIDEST)
    assert "avx2" in convolutions and "avx512" not in convolutions


@needs_avx2
def test_the_same_bytes_with_each_wider_instruction_set_on_and_off():
    """Of numpy, of the training of both networks and of their use; and the bytes are those of the documentation."""
    plain, wide = (
        dict(line.split()[:2] for line in python("-m", "tools.processors", *parts, **environment).splitlines()[1:])
        for parts, environment in (((), {}), (("numbers", "order", "training", "segmentation"), WIDEST))
    )
    assert len(wide) == 4 and wide == {part: plain[part] for part in wide}
    page = (ROOT / "docs" / "same-on-all-machines.md").read_text(encoding="utf-8")
    seen = re.findall(r"this version((?: \| [0-9a-f]{16}){5}) \|", page)
    parts = ("numbers", "phantom", "training", "segmentation", "statistics")
    for digests in seen:
        known = dict(zip(parts, digests.split(" | ")[1:], strict=True))
        del known["training"]  # which no processor of another maker has computed yet with this version
        assert known == {part: plain[part] for part in known}
    assert len(seen) == 2


@pytest.fixture
def environment(monkeypatch):
    for name in (*arithmetic.PORTABLE, arithmetic.VARIABLE):
        monkeypatch.setenv(name, "before")  # so that it is restored
    return monkeypatch


def of_processor(monkeypatch, flags):
    monkeypatch.setattr(arithmetic, "_cpuinfo", lambda: {"model name": "A processor", "flags": flags})


def test_portable_replaces_what_was_set_and_native_takes_it_back(environment):
    of_processor(environment, "fpu fma avx2 avx512f")
    arithmetic.choose("portable")
    assert {name: os.environ[name] for name in arithmetic.PORTABLE} == arithmetic.PORTABLE
    environment.setenv("MKL_CBWR", "AVX2")  # a user's own
    arithmetic.choose("native")
    assert [name for name in arithmetic.PORTABLE if name in os.environ] == ["MKL_CBWR"]
    assert arithmetic.chosen() == "native"


def test_a_processor_that_lacks_the_instructions_is_left_alone(environment):
    of_processor(environment, "fpu sse4_2 avx")
    arithmetic.choose("portable")
    assert {os.environ[name] for name in arithmetic.PORTABLE} == {"before"}
    of_processor(environment, "")  # another system, or ARM
    arithmetic.choose("portable")
    assert {os.environ[name] for name in arithmetic.PORTABLE} == {"before"}


def test_the_processor_is_told_with_what_matters(monkeypatch):
    of_processor(monkeypatch, "fpu avx512f fma mmx avx2")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert arithmetic.processor() == "A processor (avx2, fma, avx512f, 8 cores)"
