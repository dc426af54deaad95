"""One scan through another project's own interface: ``.venv/peers/bin/python bench/peers.py PEER SCAN.nii.gz``.

PEER is ``lungmask`` (the network of its R231 model) or ``nnunet`` (nnU-Net v2, the plain 2D U-Net that it plans for
512x512 sections, without test-time augmentation). Their weights are random, as only time is measured. What random
weights or this setting would slow down unfairly is left out: lungmask's post-processing and nnU-Net's resampling.
The last line printed is JSON with the seconds of the call alone and the versions.
"""

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import torch


def lungmask(scan):
    """Seconds for the lungs by lungmask."""
    import SimpleITK
    from lungmask import LMInferer
    from lungmask.resunet import UNet

    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "random.pth"  # it reads weights from a file in torch's own format only
        network = UNet(n_classes=3, padding=True, depth=5, up_mode="upsample", batch_norm=True, residual=False)
        torch.save(network.state_dict(), weights)
        inferer = LMInferer(modelpath=str(weights), force_cpu=True, volume_postprocessing=False, tqdm_disable=True)
    image = SimpleITK.ReadImage(scan)
    started = time.perf_counter()
    inferer.apply(image)
    return time.perf_counter() - started


def nnunet(scan):
    """Seconds for lungs and infection by nnU-Net v2."""
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    image, properties = SimpleITKIO().read_images([scan])
    labels = {"background": 0, "lung": 1, "infection": 2}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    plans = PlansManager(plans_2d(properties["spacing"], image.shape[1:]))
    configuration = plans.get_configuration("2d")
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        input_channels=1,
        output_channels=len(labels),
        deep_supervision=False,
    )
    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.manual_initialization(
        network, plans, configuration, [network.state_dict()], dataset, "nnUNetTrainer", None
    )
    started = time.perf_counter()
    predictor.predict_single_npy_array(image, properties)
    return time.perf_counter() - started


def plans_2d(spacing_mm, shape):
    """The plans of nnU-Net's usual 2D network for CT sections of 512x512 pixels, at the scan's own spacing."""
    n_stages = 8
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    architecture = {
        "n_stages": n_stages, "features_per_stage": [32, 64, 128, 256, 512, 512, 512, 512],
        "conv_op": "torch.nn.modules.conv.Conv2d", "kernel_sizes": [[3, 3]] * n_stages,
        "strides": [[1, 1]] + [[2, 2]] * (n_stages - 1), "n_conv_per_stage": [2] * n_stages,
        "n_conv_per_stage_decoder": [2] * (n_stages - 1), "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d", "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None, "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True},
    }  # fmt: skip
    configuration = {
        "data_identifier": "nnUNetPlans_2d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 12,
        "patch_size": [512, 512], "median_image_size_in_voxels": [512.0, 512.0], "spacing": list(spacing_mm[1:]),
        "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_data_kwargs": resampling,
        "resampling_fn_seg": "resample_data_or_seg_to_shape", "resampling_fn_seg_kwargs": resampling | {"is_seg": True},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": resampling | {"order": 1}, "batch_dice": True,
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": architecture, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }  # fmt: skip
    intensities = {"mean": -700.0, "std": 250.0, "median": -800.0, "min": -1024.0, "max": 1000.0,
                   "percentile_00_5": -1000.0, "percentile_99_5": 200.0}  # fmt: skip
    return {
        "dataset_name": "Dataset001_CT", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
        "original_median_spacing_after_transp": list(spacing_mm), "original_median_shape_after_transp": list(shape),
        "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "label_manager": "LabelManager",
        "experiment_planner_used": "ExperimentPlanner", "configurations": {"2d": configuration},
        "foreground_intensity_properties_per_channel": {"0": intensities},
    }  # fmt: skip


if __name__ == "__main__":
    peer, scan = sys.argv[1:]
    seconds = {"lungmask": lungmask, "nnunet": nnunet}[peer](scan)
    package = {"lungmask": "lungmask", "nnunet": "nnunetv2"}[peer]
    versions = " ".join(f"{name}={version(name)}" for name in (package, "torch"))
    print(json.dumps({"seconds": seconds, "versions": versions}))
