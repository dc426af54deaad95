"""How often patients have what is no infection but looks like it, or hides it.

Every patient has a stomach, a colon, hila and fat. What only some have, and a network must have seen, is drawn by the
chances here: as often as among patients (`ordinary`), or often enough that a few hundred scans teach it (`frequent`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """Chances, 0..1, that a patient has a finding; all assumed.

    ``arms_down``: the arms lie beside the trunk, as in patients who cannot raise them.
    ``effusion``: fluid in one or both pleural spaces, with the lung beside it compressed.
    ``hilar_nodes``: enlarged lymph nodes at a hilum, of each side.
    ``hiatus_hernia``: the oesophagus widens to a sac above the diaphragm.
    ``emphysema``: half as often again in men over 50, a third as often in others.
    ``collapse``: a lobe, a part of it or a whole lung without air, its bronchus closed.
    ``mass``, ``nodules``, ``fibrosis``: as their names say.
    ``free_breathing``: the breath is shallow, the lungs small and dense, most where they depend.
    ``dependent``: the lungs are denser towards the back after a deep breath too, with bands of collapse low down.
    ``filled_lung``: of those with pneumonia in a training set, that it fills a lobe or more.
    ``large_consolidation``: of the others with pneumonia there, that it is one consolidation of 5 to 10 cm.
    ``interposed_colon``: a loop of colon lies between liver and diaphragm (Chilaiditi's sign).
    ``air_in_wall``: emphysema between the muscles and the skin of the chest.
    ``hand_on_chest``: a hand lies on it, of patients whose arms are down.
    ``clothes``, ``tubes``: cloth, or electrodes with leads and tubes, lie on the chest.
    ``part_of_lung``: the scan begins or ends within the lungs. ``abdomen_too``: it reaches 5-12 cm below them.
    ``head_too``: it reaches up to the head, beside which raised arms lie.
    """

    arms_down: float = 0.22
    effusion: float = 0.05
    interposed_colon: float = 0.02
    air_in_wall: float = 0.005
    hand_on_chest: float = 0.05
    clothes: float = 0.4
    tubes: float = 0.08
    part_of_lung: float = 0.0
    abdomen_too: float = 0.0
    hilar_nodes: float = 0.1
    hiatus_hernia: float = 0.04
    emphysema: float = 0.2
    collapse: float = 0.01
    mass: float = 0.01
    nodules: float = 0.03
    fibrosis: float = 0.03
    free_breathing: float = 0.05
    dependent: float = 0.1
    filled_lung: float = 0.0
    large_consolidation: float = 0.0
    head_too: float = 0.0


FINDINGS = {
    "ordinary": Findings(),
    "frequent": Findings(
        arms_down=0.35,
        effusion=0.2,
        interposed_colon=0.12,
        air_in_wall=0.08,
        hand_on_chest=0.3,
        clothes=0.5,
        tubes=0.25,
        part_of_lung=0.12,
        abdomen_too=0.2,
        hilar_nodes=0.25,
        hiatus_hernia=0.12,
        emphysema=0.3,
        collapse=0.1,
        mass=0.25,
        nodules=0.12,
        fibrosis=0.12,
        free_breathing=0.3,
        dependent=0.3,
        filled_lung=0.15,
        large_consolidation=0.25,
        head_too=0.08,
    ),
}
