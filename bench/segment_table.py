"""Segment the scans of a table, as notebook 3 does: ``python -m bench.segment_table TABLE.csv MODELS MASKS``.

It is a command of its own so that the bench measures only the time and memory of segmentation.
"""

import sys
from pathlib import Path

import pandas as pd

from study.networks.segmentation import segment_scans

if __name__ == "__main__":
    table, models, masks = map(Path, sys.argv[1:])
    segmented, refused = segment_scans(pd.read_csv(table), table.parent, models, masks)
    print(len(segmented), "segmented,", len(refused), "refused")
