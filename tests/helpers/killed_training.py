"""A training that is killed between the two batches of its second epoch: killed_training.py PRECISION FOLDER."""

import os
import signal
import sys

from toys import KILLED, settings, toy_sections

from study.networks import training

precision, folder = sys.argv[1:]
batches = training.batches


def killed_on_the_way(training_set, settings, epoch, augment):
    for k, batch in enumerate(batches(training_set, settings, epoch, augment)):
        if (epoch, k) == (1, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch


training.batches = killed_on_the_way
toys = [toy_sections(k) for k in range(3)]
training.train(toys, toys[:1], settings("infection", **KILLED, precision=precision), folder, progress=False)
