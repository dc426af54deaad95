"""How often patients have what is no infection but looks like it, or hides it.

Every patient has a stomach, a colon, hila and fat. What only some have, and a network must have seen, is drawn by the
chances here: as often as among patients (`ordinary`), or often enough that a few hundred scans teach it (`frequent`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """Chances, 0..1, that a patient has a finding; all assumed.

    ``arms_down``: the arms lie beside the trunk, as in patients who cannot raise them. ``effusion``: fluid in one or both
    pleural spaces. ``hilar_nodes``: enlarged lymph nodes at a hilum, of each side.
    """

    arms_down: float = 0.22
    effusion: float = 0.05
    hilar_nodes: float = 0.1


FINDINGS = {
    "ordinary": Findings(),
    "frequent": Findings(arms_down=0.35, effusion=0.2, hilar_nodes=0.25),
}
