"""The labels of a label map. The lung field is all that is not background: infected lung is lung."""

BACKGROUND, LUNG, INFECTION = 0, 1, 2
