"""Two processes that do something at once: at_once.py FOLDER; each writes its number to FOLDER/<item> and waits."""

import os
import sys
import time
from pathlib import Path

from study import processes


def wait(item, folder):
    (Path(folder) / f"{item}.new").write_text(str(os.getpid()))
    (Path(folder) / f"{item}.new").rename(Path(folder) / item)
    time.sleep(60)


if __name__ == "__main__":
    processes.at_once(wait, ["one", "other"], sys.argv[1])
