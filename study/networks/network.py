"""The two U-Nets of the paper and their losses.

The lung network is a plain 2D U-Net. The infection network is a U-Net whose encoder is a ResNet-34 and whose
input channels are neighbouring sections (2.5D). `encoder_width` is the number of filters of the first stage: 64
in He et al. (2016) and in the paper, fewer for training on a laptop.
"""

import torch
from monai.losses import DiceLoss
from monai.networks.nets import BasicUNet, ResNet
from monai.networks.nets.basic_unet import TwoConv, UpCat
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

RESNET_34_STAGES = [3, 4, 6, 3]


class ResNet34Encoder(ResNet):
    """ResNet-34 without its classifier; returns the feature maps of five depths.

    With the projection shortcut and without biases, its parameters have the names and shapes of the usual ImageNet
    ResNet-34, and the exported graph takes any input size.
    """

    def __init__(self, in_channels, width):
        super().__init__(
            block="basic",
            layers=RESNET_34_STAGES,
            block_inplanes=[width, 2 * width, 4 * width, 8 * width],
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        )

    def forward(self, x):
        """Return the features of the stem and of each stage, the finest first."""
        stem = self.act(self.bn1(self.conv1(x)))
        features = [stem, self.layer1(self.maxpool(stem))]
        for stage in (self.layer2, self.layer3, self.layer4):
            features.append(stage(features[-1]))
        return features


class InfectionUNet(nn.Module):
    """2.5D U-Net with a ResNet-34 encoder.

    A ResNet's first convolution halves the grid, so its finest feature map is too coarse for the border of a lesion a
    few pixels wide. Two convolutions on the input itself give the decoder's last step a skip connection at full size.

    Parameters
    ----------
    in_channels : int
        Sections in the input: 2 * neighbours + 1.
    encoder_width : int
        Filters of the encoder's first stage (64 in the published ResNet-34).

    Shapes
    ------
    (batch, sections, y, x) -> logits (batch, 1, y, x); y and x multiples of 32.
    """

    def __init__(self, in_channels, encoder_width):
        super().__init__()
        width, relu = encoder_width, ("relu", {"inplace": True})
        skips = (4 * width, 2 * width, width, width, width // 2)
        outputs = (4 * width, 2 * width, width, width // 2, width // 2)
        inputs = (8 * width, *outputs[:-1])
        self.encoder = ResNet34Encoder(in_channels, width)
        self.full_size = TwoConv(2, in_channels, width // 2, relu, "batch", bias=False)
        self.decoder = nn.ModuleList(
            UpCat(
                2, n_in, n_skip, n_out, relu, "batch", bias=False, upsample="nontrainable", interp_mode="nearest",
                align_corners=None, halves=k < len(skips) - 1, is_pad=False,
            )
            for k, (n_in, n_skip, n_out) in enumerate(zip(inputs, skips, outputs, strict=True))
        )  # fmt: skip
        self.head = nn.Conv2d(outputs[-1], 1, kernel_size=3, padding=1)

    def forward(self, x):
        """Return logits (batch, 1, y, x) for slabs (batch, sections, y, x)."""
        *skips, deepest = self.encoder(x)
        features = deepest
        for step, skip in zip(self.decoder, [*reversed(skips), self.full_size(x)], strict=True):
            features = step(features, skip)
        return self.head(features)


def build(architecture):
    """Build a network from the description that its model card carries.

    Parameters
    ----------
    architecture : dict
        ``{"task": "lung", "sections": 1, "features": [...]}`` or
        ``{"task": "infection", "sections": 3, "encoder_width": 32}``.
    """
    if architecture["task"] == "lung":
        # Not instance norm, MONAI's default, which would make a section without lung look full of contrast.
        unet = BasicUNet(
            spatial_dims=2,
            in_channels=architecture["sections"],
            out_channels=1,
            features=tuple(architecture["features"]),
            norm="batch",
        )
        for part in unet.modules():
            if isinstance(part, UpCat):
                part.is_pad = False  # sizes fit; to pad by nothing would copy everything, a quarter of a step's time
        return unet
    return InfectionUNet(architecture["sections"], architecture["encoder_width"])


def load_encoder(network, path):
    """Start the encoder from weights in a local safetensors file with torchvision's ResNet-34 names.

    A first convolution with another number of channels is averaged over its channels and repeated, so that the
    response to a grey image stays the same (as Carreira and Zisserman 2017 do along time).

    Raises
    ------
    ValueError
        If the file lacks parameters of the encoder or their shapes differ.
    """
    weights = load_file(path)
    own = network.encoder.state_dict()
    n_channels = own["conv1.weight"].shape[1]
    if "conv1.weight" in weights and weights["conv1.weight"].shape[1] != n_channels:
        first = weights["conv1.weight"]
        weights["conv1.weight"] = first.sum(dim=1, keepdim=True).repeat(1, n_channels, 1, 1) / n_channels
    unfit = [
        name
        for name, parameter in own.items()
        if not name.endswith("num_batches_tracked") and (name not in weights or weights[name].shape != parameter.shape)
    ]
    if unfit:
        raise ValueError(
            f"{path}: not the weights of a ResNet-34 of this width ({len(unfit)} parameters missing or of another "
            f"shape, first {unfit[0]}); give a ResNet-34 in safetensors with torchvision's names and encoder_width 64"
        )
    network.encoder.load_state_dict({name: weights.get(name, own[name]) for name in own})


def load_weights(network, path):
    """Start a network from the weights of a trained one, which may have seen fewer or more neighbouring sections.

    Layers that read the input keep their weights for the sections that both networks see; those for further sections
    begin at 0, so that the network begins with the answers of the trained one.

    Raises
    ------
    ValueError
        If the two networks differ in anything else.
    """
    weights = load_file(path)
    own = network.state_dict()
    for name in weights.keys() & own.keys():
        there, here = weights[name].float() if weights[name].is_floating_point() else weights[name], own[name]
        if there.ndim == 4 and there.shape[1] != here.shape[1] and there.shape[1] % 2 == here.shape[1] % 2 == 1:
            centred = torch.zeros(*there.shape[:1], *here.shape[1:])
            both = min(there.shape[1], here.shape[1])
            first_there, first_here = (there.shape[1] - both) // 2, (here.shape[1] - both) // 2
            centred[:, first_here : first_here + both] = there[:, first_there : first_there + both]
            there = centred
        weights[name] = there
    unfit = [name for name in sorted(weights.keys() | own.keys())
             if name not in weights or name not in own or weights[name].shape != own[name].shape]  # fmt: skip
    if unfit:
        raise ValueError(
            f"{path}: weights of another network ({len(unfit)} parameters missing or of another shape, first "
            f"{unfit[0]}); set encoder_width and lung_width to those on its model card, or start_from to another folder"
        )
    network.load_state_dict(weights)


def mix(network, weights, share):
    """Replace a network's weights, and its running statistics, by the mean of them and of others, in place.

    Parameters
    ----------
    network : torch.nn.Module
    weights : dict of str to Tensor
        Of a network of the same architecture.
    share : float
        Of these weights in the mean, 0..1.
    """
    for name, own in network.state_dict().items():
        if own.is_floating_point():
            own.lerp_(weights[name].to(own.device), share)


DICE_SHARE = 0.1  # of Dice in the loss; the demo's networks are worse with 0, 0.3 and 1


class WeightedLoss(nn.Module):
    """Cross-entropy weighted by pixel, and some Dice; where the weight is 0 nothing counts.

    So the infection network is not trained far from the lung. Dice is computed over the whole batch, since many
    sections have no infection. For shares of pixels it has its best value at the shares themselves (Wang et al.,
    MICCAI 2023:475-485), but where a pixel is uncertain it has it at 0 or 1: with as much Dice as cross-entropy, pixels
    of which a fifth were infected got a probability of 0.02.
    """

    def __init__(self):
        super().__init__()
        self.dice = DiceLoss(sigmoid=True, batch=True, soft_label=True)

    def forward(self, logits, target, weight):
        """Logits, target (shares, 0 to 1) and weight are (batch, 1, y, x); returns a scalar."""
        cross_entropy = binary_cross_entropy_with_logits(logits, target, weight, reduction="sum") / weight.sum()
        # Where nothing counts, the prediction is set to be right, so that it adds nothing to Dice.
        counts = weight > 0
        certain = torch.full_like(logits, -20.0)
        dice = self.dice(torch.where(counts, logits, certain), torch.where(counts, target, 0.0))
        return cross_entropy + DICE_SHARE * dice
