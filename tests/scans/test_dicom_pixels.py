"""Pixels of DICOM slices: padding, compression, sizes; what cannot be decoded is refused."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.decoders.rle import _rle_decode_segment
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from helpers.refusals import refused
from study.scans import dicom_pixels
from study.scans.ct import read_scan
from study.scans.dicom_header import is_lossy
from study.scans.grid import ScanError

# --- pixels ---


@pytest.mark.parametrize(
    ("signed", "declared", "bits"),
    [(0, 63536, 16), (1, 63536, 16), (1, -2000, 16), (0, 63536, 12), (1, -2000, 12)],
)
def test_padding_is_air(chest, dicom_folder, signed, declared, bits):
    """-2000 outside the circle of reconstruction, stored as 63536, declared in either sign."""
    hu = chest()
    hu[:, :, :2] = -1024

    def edit(dataset, k):
        stored = hu[k].astype(int)
        stored[:, :2] = -2000 if signed else -976  # with an intercept of -1024, unsigned
        stored = stored if signed else stored + 1024
        if not signed:
            stored[:, :2] = 63536
        dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = signed, bits, bits - 1
        dataset.RescaleIntercept = 0 if signed else -1024
        dataset.add_new("PixelPaddingValue", "SS" if declared < 0 else "US", declared)

    np.testing.assert_array_equal(read_scan(dicom_folder(hu, edit=edit)).hu, hu)


def test_padding_that_is_not_declared_is_refused(chest, dicom_folder):
    def edit(dataset, k, bits=16):
        stored = np.frombuffer(dataset.PixelData, "<u2").copy()
        stored[:40] = 63536
        dataset.PixelData, dataset.BitsStored, dataset.HighBit = stored.tobytes(), bits, bits - 1

    refused(dicom_folder(chest(), edit=edit), "63536", "unsigned")
    folder = dicom_folder(chest(), folder="twelve", edit=lambda dataset, k: edit(dataset, k, 12))
    refused(folder, "12 bits", named=folder / "IM0000.dcm")


def test_padding_range(chest, dicom_folder):
    hu = chest()
    hu[:, :3] = -1024

    def edit(dataset, k):
        stored = hu[k].astype(np.int16)
        stored[:3] = [[-3000], [-2500], [-2000]]
        dataset.PixelData, dataset.PixelRepresentation, dataset.RescaleIntercept = stored.tobytes(), 1, 0
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.add_new("PixelPaddingValue", "SS", -3000)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -2000)

    np.testing.assert_array_equal(read_scan(dicom_folder(hu, edit=edit)).hu, hu)


def test_padding_value_that_is_also_a_tissue_is_left_and_said(chest, dicom_folder):
    def edit(dataset, k):
        dataset.add_new("PixelPaddingValue", "US", 1024)  # 0 HU, water

    scan = read_scan(dicom_folder(chest(), edit=edit))
    np.testing.assert_array_equal(scan.hu, chest())
    assert any("padding" in note for note in scan.notes)


def test_short_signed_values_without_their_sign_bits(chest, dicom_folder):
    def edit(dataset, k):
        dataset.PixelData = (chest()[k].astype(int) & 0xFFF).astype("<u2").tobytes()
        dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0

    np.testing.assert_array_equal(read_scan(dicom_folder(chest(), edit=edit)).hu, chest())


def test_run_length_pixels(chest, dicom_folder):
    def edit(dataset, k):
        dataset.compress(RLELossless, generate_instance_uid=False)

    np.testing.assert_array_equal(read_scan(dicom_folder(chest(), edit=edit)).hu, chest())


@pytest.mark.parametrize(("run", "n_runs"), [(100, 1), (128, 2), (128, 8192)])
def test_more_run_length_pixels_than_the_header_says_are_refused_unpacked(
    chest, dicom_folder, run, n_runs, monkeypatch
):
    """Two bytes unpack to 128, so that a small file could fill memory; some writers fill the last run up."""

    def edit(dataset, k):
        dataset.compress(RLELossless, generate_instance_uid=False)
        if k == 0:
            frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
            dataset.PixelData = pydicom.encaps.encapsulate([frame + 2 * n_runs * bytes([257 - run])])

    folder = dicom_folder(chest(), edit=edit)
    if n_runs == 1:
        np.testing.assert_array_equal(read_scan(folder).hu, chest())
        return
    monkeypatch.setattr(dicom_pixels, "pixel_array", None)
    refused(folder, r"pixels are compressed in it, and the header says 24 x 28", named=folder / "IM0000.dcm")


def test_run_length_pixels_without_a_header(chest, dicom_folder):
    def edit(dataset, k):
        dataset.compress(RLELossless, generate_instance_uid=False)
        if k == 1:
            dataset.PixelData = pydicom.encaps.encapsulate([b"\2\0\0\0"])

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, "run-length pixels have no header", named=folder / "IM0001.dcm")


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=128, max_size=128)), max_size=20), st.integers(0, 3))
def test_run_lengths_unpack_to_what_pydicom_unpacks(runs, n_missing):
    parts = [bytes([head]) + content[: head + 1 if head < 128 else head > 128] for head, content in runs]
    segment = b"".join(parts)[: -n_missing or None]
    assert dicom_pixels.unpacked_bytes(segment) >= len(_rle_decode_segment(segment))
    if not n_missing:
        assert dicom_pixels.unpacked_bytes(segment) == len(_rle_decode_segment(segment))


def test_a_slice_that_no_scanner_makes_is_refused_by_its_header(tmp_path):
    header = pydicom.Dataset()
    header.Rows, header.Columns = 60_000, 60_000
    with pytest.raises(ScanError, match=r"announces 60,000 x 60,000 pixels, and at most 16,777,216 are read"):
        dicom_pixels.hounsfield(tmp_path / "never-opened.dcm", header)


@pytest.mark.parametrize("n_bytes", [None, 80 << 20])
def test_deflated_slices_and_one_that_inflates_to_much(chest, dicom_folder, n_bytes):
    def edit(dataset, k):
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        if n_bytes and k == 2:
            dataset.PixelData = bytes(n_bytes)

    folder = dicom_folder(chest(), edit=edit)
    if n_bytes:
        assert (folder / "IM0002.dcm").stat().st_size < 200_000
        refused(folder, "inflate to more than 64 MiB", named=folder / "IM0002.dcm")
    else:
        np.testing.assert_array_equal(read_scan(folder).hu, chest())


@pytest.fixture
def compressed(chest, tmp_path):
    """Return an `edit` for dicom_folder that compresses each slice with SimpleITK (JPEG Lossless or 2000)."""
    sitk = pytest.importorskip("SimpleITK")

    def make(compressor):
        def edit(dataset, k):
            writer = sitk.ImageFileWriter()
            writer.SetImageIO("GDCMImageIO")
            writer.SetUseCompression(True)
            writer.SetCompressor(compressor)
            writer.SetFileName(str(tmp_path / "one.dcm"))
            writer.Execute(sitk.GetImageFromArray(chest()[k]))
            encoded = pydicom.dcmread(tmp_path / "one.dcm")
            dataset.file_meta.TransferSyntaxUID = encoded.file_meta.TransferSyntaxUID
            dataset["PixelData"] = encoded["PixelData"]
            dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 1
            dataset.RescaleIntercept = 0

        return edit

    return make


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_compressed_pixels(chest, dicom_folder, compressed, compressor):
    scan = read_scan(dicom_folder(chest(), edit=compressed(compressor)))
    np.testing.assert_array_equal(scan.hu, chest())


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("pad", [b"\xc0", b"\x0f", b"\x00", b"\x55" * 31])
def test_whatever_pads_compressed_pixels_after_their_end(chest, dicom_folder, compressed, compressor, pad):
    """Scanners fill a frame up to an even length with any byte (ffd9c0, ffd90f)."""
    whole = compressed(compressor)

    def edit(dataset, k):
        whole(dataset, k)
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: frame.rindex(b"\xff\xd9") + 2] + pad])

    np.testing.assert_array_equal(read_scan(dicom_folder(chest(), edit=edit)).hu, chest())


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_more_compressed_pixels_than_the_header_says_are_refused_undecoded(
    chest, dicom_folder, compressed, compressor, monkeypatch
):
    """A frame of a few bytes that announces 4 GB would fill memory."""
    whole = compressed(compressor)
    small = {"JPEG": (24).to_bytes(2) + (28).to_bytes(2), "JPEG2000": (28).to_bytes(4) + (24).to_bytes(4)}[compressor]

    def edit(dataset, k):
        whole(dataset, k)
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        if k == 0:
            frame = frame.replace(small, b"\0" * (len(small) // 2 - 2) + b"\xff\xfe" + small[len(small) // 2 :], 1)
        dataset.PixelData = pydicom.encaps.encapsulate([frame])

    folder = dicom_folder(chest(), edit=edit)
    large = {"JPEG": "65,534 x 28", "JPEG2000": "24 x 65,534"}[compressor]
    monkeypatch.setattr("SimpleITK.ImageFileReader", None)
    refused(folder, f"{large} pixels are compressed in it, and the header says 24 x 28", named=folder / "IM0000.dcm")


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (b"\xff\xd8\xff\xe0\0\4ab\xff\xff\xc3\0\x0b\x10\2\0\1\0\1\1\x11\0", (512, 256)),  # after another marker
        (b"\xff\xd8\xff\xf7\0\x0b\x10\2\0\1\0\1\1\x11\0", (512, 256)),  # JPEG-LS
        (b"\xff\xd8\xff\xc4\0\4ab\xff\xd9", None),  # tables alone
        (b"\xff\xd8" + bytes(200), None),
        (b"", None),
    ],
)
def test_the_size_that_a_compressed_frame_announces(frame, size):
    assert dicom_pixels.announced_size(frame) == size


def test_compressed_pixels_that_end_early_with_an_end_marker(chest, dicom_folder, compressed):
    """The decoder notices."""
    whole = compressed("JPEG")

    def edit(dataset, k):
        whole(dataset, k)
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2 * 2 - 40] + b"\xff\xd9"])

    refused(dicom_folder(chest(), edit=edit), "pixels are damaged")


def test_compressed_pixels_that_end_early(chest, dicom_folder, compressed):
    whole = compressed("JPEG")

    def edit(dataset, k):
        whole(dataset, k)
        if k == 2:
            frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
            dataset.PixelData = pydicom.encaps.encapsulate([frame[: len(frame) // 2 * 2 - 40]])

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, "truncated", named=folder / "IM0002.dcm")


def test_compressed_pixels_that_are_damaged(chest, dicom_folder, compressed, capfd):
    """The JPEG library mends what it can and only mutters on standard error; the reader listens."""
    whole = compressed("JPEG")

    def edit(dataset, k):
        whole(dataset, k)
        if k == 2:
            frame = bytearray(next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)))
            frame[-60:-40] = b"\xff\xd8" * 10
            dataset.PixelData = pydicom.encaps.encapsulate([bytes(frame)])

    folder = dicom_folder(chest(), edit=edit)
    capfd.readouterr()
    refused(folder, "pixels", named=folder / "IM0002.dcm")
    assert capfd.readouterr().err == ""


def test_compression_that_cannot_be_decoded(chest, dicom_folder, capfd):
    def edit(dataset, k):
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
        frame_header = b"\xff\xc3\0\x0b\x10" + (24).to_bytes(2) + (28).to_bytes(2) + b"\1\1\x11\0"
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8" + frame_header + bytes(200) + b"\xff\xd9"])
        dataset["PixelData"].VR = "OB"

    folder = dicom_folder(chest(), edit=edit)
    refused(folder, "JPEG Lossless", "dcm2niix", named=folder / "IM0000.dcm")


def test_two_encodings_are_none(chest, dicom_folder):
    folder = dicom_folder(chest())
    one = folder / "IM0003.dcm"
    content = one.read_bytes()
    syntax = bytes(pydicom.dcmread(one).file_meta.TransferSyntaxUID, "ascii")
    one.write_bytes(content.replace(syntax, syntax[:4] + b"\\" + syntax[5:], 1))
    refused(folder, "TransferSyntaxUID", named=one)


def test_lossy_compression_is_said(chest, dicom_folder):
    folder = dicom_folder(chest(), edit=lambda dataset, k: setattr(dataset, "LossyImageCompression", "01"))
    assert read_scan(folder).notes == ("the pixels were compressed with a lossy method",)


@pytest.mark.parametrize(
    ("syntax", "lossy"),
    [
        (pydicom.uid.JPEGBaseline8Bit, True), (pydicom.uid.JPEGExtended12Bit, True),
        (pydicom.uid.JPEGLSNearLossless, True), (pydicom.uid.JPEGLosslessSV1, False),
        (pydicom.uid.JPEG2000, False), (pydicom.uid.ExplicitVRLittleEndian, False),
    ],
)  # fmt: skip
def test_lossy_compression_is_known_from_the_file_s_own_too(syntax, lossy):
    header = pydicom.Dataset()
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = syntax
    assert is_lossy(header) == lossy
    assert not is_lossy(pydicom.Dataset())
