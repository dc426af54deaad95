"""The large shapes of one thorax: who the patient is, chest wall, mediastinal border, diaphragm, lungs.

Lengths follow adults in supine full inspiration: inner thoracic width about 225 mm in women and 245 mm in men, lung
volume about 4.2 and 5.3 litres, the right dome 0-20 mm above the left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from study.phantom.fields import Grid, generator, lattice, linear_weights, ramp, smooth_curve, smooth_noise


@dataclass(frozen=True)
class Build:
    """The drawn sizes of one patient (mm unless said otherwise)."""

    female: bool
    age_years: float
    bmi: float
    volume_ml: float
    half_width: float
    half_depth: float
    apex: float
    size: tuple[float, float, float]
    fat: float
    muscle: float
    breast: float
    arms_up: bool
    centre: tuple[float, float]
    flat_back: float
    squareness: float


def draw_build(patient_seed: tuple[int, ...], sex: str, age_years: float) -> Build:
    """Draw body and lung size given sex and age; children are smaller."""
    rng = generator(patient_seed, "build")
    female = sex == "female"
    child = np.clip(0.52 + 0.48 * age_years / 17, 0.5, 1.0)
    stature = rng.normal(1.0, 0.038) * child
    bmi = np.clip(rng.normal(24 if age_years >= 18 else 18.5, 3.4), 16, 38)
    volume = (4150 if female else 5300) * stature**2.6 * np.exp(rng.normal(0, 0.13)) * (1 - 0.004 * max(bmi - 24, 0))
    volume = np.clip(volume, 2600 * child**2.6, 6600)
    swell = (volume / (4500 * child**3)) ** 0.22
    width = (120 if not female else 114) * child * stature**0.3 * swell * rng.normal(1, 0.03)
    depth = (89 if not female else 84) * child * swell**1.2 * rng.normal(1, 0.045) * (1 + 0.0012 * (age_years - 45))
    apex = 91 * stature * (volume / 4500) ** 0.12 * rng.normal(1, 0.04) * child**0.1
    fat = np.clip((5 if not female else 8) + 1.5 * (bmi - 22) + rng.normal(0, 2.5), 2, 40) * child
    return Build(
        female=female, age_years=age_years, bmi=float(bmi), volume_ml=float(volume), half_width=float(width),
        half_depth=float(depth), apex=float(apex), size=(float(apex / 92), float(depth / 87), float(width / 116)),
        fat=float(fat), muscle=float((1.0 if female else 1.25) * rng.normal(1, 0.12)),
        breast=float(rng.uniform(8, 20) + 1.4 * max(bmi - 20, 0)) if female and age_years > 13 else 0.0,
        arms_up=bool(rng.random() < 0.78), centre=(float(rng.normal(6, 9)), float(rng.normal(0, 7))),
        flat_back=float(rng.uniform(0, 1)), squareness=float(rng.uniform(2.15, 2.6)))


@dataclass(frozen=True)
class Shapes:
    """Shape fields on the lattice (``cage``, ``body``, ``muscle``: signed distances, negative inside) and the
    surfaces of the lungs as heights: ``right``/``left`` (z, y) medial borders, ``dome``, ``recess`` and ``wobble`` what
    makes the diaphragm, ``lung`` the depth in the lung (mm) on the lattice."""

    build: Build
    coarse: Grid
    cage: np.ndarray
    body: np.ndarray
    muscle: np.ndarray
    right: np.ndarray
    left: np.ndarray
    dome: tuple[float, float]
    recess: np.ndarray
    wobble: np.ndarray
    capsules: tuple
    bend: np.ndarray
    lung: np.ndarray | None = None


def cage_profile(build: Build, z: np.ndarray):
    """Half-width, front and back (y) of the inner chest wall at heights z."""
    a, b, apex = build.half_width, build.half_depth, build.apex
    u = np.clip((np.asarray(z) + 65) / (apex + 65), 0, 1.35)
    below = np.clip((-70 - np.asarray(z)) / 120, 0, 1)
    half = a * (1 - 0.40 * u**3.6) * (1 - 0.05 * below**2)
    front = -b * (1 - 1.0 * u**3.5) + 6 * below
    back = b * (1.16 - 0.42 * u**2.8) - 3 * below
    return half, front, back


def spine_centre(build: Build, z: np.ndarray) -> np.ndarray:
    """y of the centre of the vertebral bodies at heights z."""
    return cage_profile(build, z)[2] - 38 * build.size[1]


def _distance(value: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Turn a field that is zero on a surface into about its signed distance."""
    gradient = np.gradient(value, spacing_mm)
    return value / np.maximum(np.sqrt(sum(g * g for g in gradient)), 1e-3)


def cage_distance(build: Build, grid: Grid, bend: np.ndarray) -> np.ndarray:
    _, y, x = grid.open()
    half, front, back = (v.astype(np.float32)[:, None, None] for v in cage_profile(build, grid.z))
    centre, depth = (front + back) / 2, (back - front) / 2
    p = np.float32(build.squareness)
    across = np.abs((x - bend.astype(np.float32)[:, None, None]) / half) ** p
    radius = (across + np.abs((y - centre) / depth) ** p) ** (1 / p)
    return _distance(radius - 1, LATTICE)


LATTICE = lattice().spacing_mm[0]


def angle_from_back(build: Build, grid: Grid) -> np.ndarray:
    """Angle (0 at the spine, pi at the sternum) around the chest, the same right and left."""
    z, y, x = grid.open()
    _, front, back = cage_profile(build, grid.z)
    centre = ((front + back) / 2).astype(np.float32)[:, None, None]
    return np.arctan2(np.abs(x), y - centre)


def bump(value, centre, width):
    return np.exp(-(((value - centre) / width) ** 2))


def _melt(one: np.ndarray, other: np.ndarray, width_mm: float) -> np.ndarray:
    """The union of two shapes with its crease filled over about ``width_mm``."""
    near = np.clip(1 - np.abs(one - other) / width_mm, 0, 1)
    return np.minimum(one, other) - near * near * width_mm / 4


def body_distance(build: Build, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Signed distance to the skin: trunk, shoulders, breasts, arms where they are down."""
    z, y, x = grid.open()
    apex = build.apex
    half, front, back = cage_profile(build, np.minimum(grid.z, apex - 45))
    wall = 11 + 6 * build.muscle
    belly = np.clip((-90 - grid.z) / 90, 0, 1) * 0.9 * (build.bmi - 23)
    broad, begin = rng.uniform(25, 70), rng.uniform(55, 85)
    shoulder = ramp(grid.z, apex - begin, apex - 5) * broad / 62
    neck = ramp(grid.z, apex + 15, apex + 70)
    outer = np.maximum(half, 0.9 * build.half_width) + wall + 1.05 * build.fat + belly + shoulder * 62 - neck * 120
    anterior = front - (12 + 5 * build.muscle + 0.85 * build.fat) - belly * 0.8 - shoulder * 2 + neck * 10
    posterior = np.maximum(back, 0.9 * build.half_depth) + 15 + 6 * build.muscle + 0.7 * build.fat - neck * 15
    centre = ((anterior + posterior) / 2).astype(np.float32)[:, None, None]
    depth = ((posterior - anterior) / 2).astype(np.float32)[:, None, None]
    outer = np.maximum(outer, 45).astype(np.float32)[:, None, None]
    ny = (y - centre) / depth
    ny = np.where(ny > 0, ny * (1 - 0.06 * build.flat_back * (1 - np.minimum(np.abs(x) / outer, 1) ** 2)), ny)
    radius = (np.abs(x / outer) ** 2.5 + np.abs(ny) ** 2.5) ** (1 / 2.5)
    distance = _distance(radius - 1, LATTICE)
    if build.breast:
        level, apart = -28 + rng.normal(0, 8), 0.62 * build.half_width
        surface = np.interp(level, grid.z, anterior[:])
        for side in (-1, 1):
            part = np.sqrt(((z - level) / (48 + build.breast / 3)) ** 2
                           + ((x - side * apart * (1 + 0.04 * rng.normal())) / (52 + build.breast / 3)) ** 2
                           + ((y - surface - 24) / (18 + build.breast)) ** 2)
            distance = _melt(distance, (part - 1) * (18 + build.breast), 14.0)
    if not build.arms_up:
        for side in (-1, 1):
            reach = build.half_width + wall + build.fat + 48
            arm = np.sqrt((x - side * reach) ** 2 + (y - 18 - 10 * rng.normal()) ** 2) - (36 + 0.5 * build.fat)
            distance = np.minimum(distance, arm + 0 * z)
    else:
        for side in (-1, 1):
            rise = grid.open()[0] - (apex - 25)
            arm = np.sqrt((x - side * (150 + 0.25 * rise)) ** 2 + (y + 5 + 0.5 * np.maximum(rise, -20)) ** 2) - 44
            distance = _melt(distance, np.maximum(arm, -rise), 20.0)
    return (distance + 1.5 * smooth_noise(rng, grid, 55.0)).astype(np.float32)


def muscle_distance(build: Build, grid: Grid, cage: np.ndarray, angle: np.ndarray, rng) -> np.ndarray:
    """Signed distance to the outer surface of the muscles of the chest wall."""
    z = grid.open()[0]
    apex = build.apex
    level = ramp(z, -130, -20)
    thick = 12 + 3 * build.muscle
    thick = thick + build.muscle * level * (13 * bump(angle, 0.95, 0.42) + 4)
    thick = thick + build.muscle * ramp(z, -75, 0) * 13 * bump(angle, 2.35, 0.4)
    thick = thick + 12 * bump(angle, 0.0, 0.4) + 60 * ramp(z, apex - 70, apex + 5)
    outer = cage - thick - 2.0 * smooth_noise(rng, grid, 22.0)
    # Planes of fat between the muscles, off the ribs.
    planes = np.minimum(3.0 - 11 * np.abs(smooth_noise(rng, grid, 24.0)), cage - 14)
    return np.maximum(outer, planes).astype(np.float32)


def mediastinal_capsules(build: Build, rng: np.random.Generator, dome_shift: float = 0.0) -> tuple:
    """Heart, great vessels, airways and hila as tapering capsules: (kind, start, end, radius, radius), (z, y, x) mm.

    Positions follow an adult chest of 230 mm inner width and scale with the patient.
    """
    sz, sy, sx = build.size
    heart = rng.normal(1.0, 0.06) * (1 + 0.002 * (build.age_years - 45))
    aorta = rng.normal(1.0, 0.06) * (1 + 0.005 * (build.age_years - 45))
    turn, drop = rng.normal(0, 5), rng.normal(-8, 3) + 0.8 * dome_shift
    spine = lambda level: float(spine_centre(build, np.array(level * sz))) / sy
    front = lambda level: spine(level) - 42
    parts = [
        ("heart", (-42 + drop, -10, 8), (-82 + drop, -40, 42 + turn), 35 * heart, 27 * heart),
        ("heart", (-50 + drop, -38, -4), (-84 + drop, -52, 28 + turn), 29 * heart, 24 * heart),
        ("heart", (-44 + drop, -18, -20), (-74 + drop, -16, -18), 27 * heart, 25 * heart),
        ("heart", (-38 + drop, 7, -20), (-36 + drop, 8, 18), 18 * heart, 18 * heart),
        ("aorta", (-30, -30, -2), (-8, -36, -16), 15 * aorta, 15 * aorta),
        ("aorta", (-8, -36, -16), (14, -27, -14), 15 * aorta, 14.5 * aorta),
        ("aorta", (14, -27, -14), (26, -8, 0), 14.5 * aorta, 13.5 * aorta),
        ("aorta", (26, -8, 0), (24, 14, 15), 13.5 * aorta, 13 * aorta),
        ("aorta", (24, 14, 15), (8, spine(8) - 24, 21), 13 * aorta, 12.5 * aorta),
        ("aorta", (8, spine(8) - 24, 21), (-60, spine(-60) - 26, 19), 12.5 * aorta, 11.5 * aorta),
        ("aorta", (-60, spine(-60) - 26, 19), (-130, spine(-130) - 28, 10), 11.5 * aorta, 10.5 * aorta),
        ("aorta", (-130, spine(-130) - 28, 10), (-230, spine(-220) - 28, 6), 10.5 * aorta, 10 * aorta),
        ("vein", (58, -12, -20), (14, -16, -27), 8, 9), ("vein", (14, -16, -27), (-32, -14, -28), 9, 10),
        ("vein", (30, -28, -20), (52, -26, 24), 8, 6.5), ("vein", (52, -26, 24), (100, -12, 32), 7, 6),
        ("vein", (52, -18, -22), (100, -12, -32), 8, 6),
        ("artery", (26, -10, -4), (100, -8, -24), 6.5, 4.5), ("artery", (27, 0, 6), (100, -4, 24), 5, 4.5),
        ("artery", (25, 12, 13), (100, 8, 32), 5.5, 5),
        ("pulmonary", (-34, -44, 10), (-8, -24, 17), 14, 14), ("pulmonary", (-8, -24, 17), (-2, -4, 22), 14, 12),
        ("pulmonary", (-2, -4, 22), (-4, 14, 42), 12, 10), ("pulmonary", (-12, -18, 4), (-15, -2, -36), 11.5, 10),
        ("pulmonary", (-15, -2, -36), (-34, 12, -46), 9.5, 8), ("pulmonary", (-34, 12, -46), (-58, 24, -47), 8, 6),
        ("pulmonary", (-4, 14, 42), (-34, 26, 46), 9.5, 8), ("pulmonary", (-34, 26, 46), (-56, 32, 48), 8, 6),
        ("pulmonary", (-15, -2, -36), (-2, -6, -48), 8, 6), ("pulmonary", (-2, 8, 42), (6, -2, 50), 8, 6),
        ("vein", (-12, -14, -46), (-36, 2, -22), 6, 8), ("vein", (-48, 18, -46), (-42, 9, -20), 6, 8),
        ("vein", (-8, -10, 46), (-32, 2, 20), 6, 8), ("vein", (-46, 20, 44), (-40, 10, 18), 6, 8),
        ("vein", (-74, -6, -18), (-130, 8, -22), 11, 12),
        ("oesophagus", (110, spine(110) - 24, 5), (0, spine(0) - 27, 4), 6, 6.5),
        ("oesophagus", (0, spine(0) - 27, 4), (-70, spine(-70) - 33, 3), 6.5, 7.5),
        ("oesophagus", (-70, spine(-70) - 33, 3), (-125, spine(-120) - 42, 18), 7.5, 8),
        ("airway", (130, front(115), 0), (40, front(40), 1), 8.8, 8.8),
        ("airway", (40, front(40), 1), (0, front(0), 1), 8.8, 8.6),
        ("airway", (0, front(0), -3), (-20, front(0) + 2, -24), 7.4, 7),
        ("airway", (-20, front(0) + 2, -24), (-42, front(0) + 7, -31), 5.8, 5.4),
        ("airway", (0, front(0), 5), (-31, front(0) + 6, 36), 6.8, 5.8),
        ("node", (-6, front(0) - 2, -2), (-22, front(0) + 1, 2), 7, 6), ("node", (12, -6, -14), (4, -4, -12), 7, 7),
        ("hilum", (-8, 4, -42), (-44, 14, -43), 9.5, 8), ("hilum", (-2, 8, 42), (-40, 20, 43), 9.5, 8),
    ]
    scale = np.array([sz, sy, sx])
    calibre = (sz * sy * sx) ** (1 / 3)
    return tuple((kind, np.array(s) * scale, np.array(e) * scale, r0 * calibre, r1 * calibre)
                 for kind, s, e, r0, r1 in parts)


def mediastinal_border(build: Build, coarse: Grid, capsules, rng) -> tuple[np.ndarray, np.ndarray]:
    """How far the mediastinum reaches to the right and to the left (mm) at each (z, y)."""
    balls = []
    for kind, start, end, r0, r1 in capsules:
        if kind == "oesophagus" or (kind == "aorta" and start[0] < -140):
            continue
        n = max(2, int(np.ceil(np.linalg.norm(end - start) / (0.9 * min(r0, r1)))))
        t = np.linspace(0, 1, n)[:, None]
        cover = {"airway": 3.0, "heart": 3.0, "hilum": 2.0}.get(kind, 1.5)
        balls.append(np.concatenate([start + t * (end - start), r0 + t * (r1 - r0) + cover], axis=1))
    balls = np.concatenate(balls).astype(np.float32)
    z, y = coarse.z.astype(np.float32)[:, None], coarse.y.astype(np.float32)
    thin = 4 + 0.14 * build.fat * ramp(y, 20, -50) + 0 * z
    thin = thin + ramp(z, 25, build.apex) * 17
    spine = spine_centre(build, coarse.z).astype(np.float32)[:, None]
    width = build.size[2]
    back = (21 * ramp(y, spine - 20, spine - 6) + 17 * ramp(y, spine + 4, spine + 30)) * width
    right, left = np.maximum(thin, back), np.maximum(thin, back)
    chord = balls[:, 3, None, None] ** 2 - (y - balls[:, 1, None, None]) ** 2 - (z - balls[:, 0, None, None]) ** 2
    reach = np.sqrt(np.maximum(chord, 0))
    hit = chord > 0
    left = np.maximum(left, np.where(hit, balls[:, 2, None, None] + reach, -99).max(axis=0))
    right = np.maximum(right, np.where(hit, -balls[:, 2, None, None] + reach, -99).max(axis=0))
    wander = 1.2 * smooth_noise(rng, Grid(coarse.z, coarse.y, coarse.x[:2], coarse.spacing_mm), 30.0)
    smooth = lambda border, k: ndimage.gaussian_filter(border, 0.85) + wander[:, :, k]
    return smooth(right, 0).astype(np.float32), smooth(left, 1).astype(np.float32)


def lung_floor(shapes: Shapes, grid: Grid) -> np.ndarray:
    """Height (mm) of the diaphragm at each (y, x)."""
    build = shapes.build
    y, x = grid.y[:, None], grid.x[None, :]
    low = np.array(min(shapes.dome) - 25.0)
    half, front, back = (float(v) for v in cage_profile(build, low))
    middle, y0 = 0.5 * half, front + 0.47 * (back - front)
    across = np.where(np.abs(x) > middle, (np.abs(x) - middle) / (half - middle), (middle - np.abs(x)) / (1.5 * middle))
    along = np.where(y > y0, (y - y0) / (back - y0), (y0 - y) / (y0 - front))
    weight_x, weight_y = across**2, along**2
    total = weight_x + weight_y + 1e-6
    lateral, anterior, posterior, flat = shapes.recess
    depth = (weight_x * np.where(np.abs(x) > middle, lateral, 14) + weight_y * np.where(y > y0, posterior, anterior)) / total
    radius = np.minimum(np.sqrt(total), 1.12)
    fall = depth * (flat * radius**2 + (1 - flat) * radius**6)
    side = ramp(x, -12, 12)
    wave = upsample_plane(shapes.wobble, shapes.coarse, grid)
    return (shapes.dome[0] * (1 - side) + shapes.dome[1] * side - fall + 2.5 * wave).astype(np.float32)


def upsample_plane(plane: np.ndarray, coarse: Grid, grid: Grid) -> np.ndarray:
    return linear_weights(grid.y, coarse.y) @ plane @ linear_weights(grid.x, coarse.x).T


def lung_top(build: Build, grid: Grid) -> np.ndarray:
    """Height (mm) of the lung apices at each (y, x)."""
    _, _, back = cage_profile(build, np.array(build.apex))
    y, x = grid.y[:, None], grid.x[None, :]
    middle = 43 * build.size[2]
    squared = ((np.abs(x) - middle) / (43 * build.size[2])) ** 2 + ((y - float(back) + 28) / (62 * build.size[1])) ** 2
    return (build.apex + 2 * np.sign(-x) - 43 * (np.sqrt(1 + 2 * squared) - 1)).astype(np.float32)


def lung_depth(shapes: Shapes, grid: Grid, cage: np.ndarray) -> np.ndarray:
    """How deep each voxel lies in the lung (mm, negative outside): the least of its distances to the walls."""
    z, y, x = grid.open()
    weights_z, weights_y = linear_weights(grid.z, shapes.coarse.z), linear_weights(grid.y, shapes.coarse.y)
    right = (weights_z @ shapes.right @ weights_y.T)[:, :, None]
    left = (weights_z @ shapes.left @ weights_y.T)[:, :, None]
    x = x - np.interp(grid.z, shapes.coarse.z, shapes.bend).astype(np.float32)[:, None, None] * 0.5
    depth = np.minimum(np.maximum(x - left, -x - right), -cage)
    floor, top = lung_floor(shapes, grid), lung_top(shapes.build, grid)
    for surface, sign in ((floor, 1), (top, -1)):
        slope = np.gradient(surface)
        spread = np.sqrt(grid.spacing_mm[0] ** 2 + slope[0] ** 2 + slope[1] ** 2) / grid.spacing_mm[1]
        # A voxel's share below a steep floor is told by its height over the rise of the floor across it.
        steep = np.float32(sign) / np.maximum(spread, 1).astype(np.float32)
        depth = np.minimum(depth, (z - surface) * steep)
    return depth


def draw_shapes(patient_seed: tuple[int, ...], build: Build) -> Shapes:
    """All shapes of a patient; the diaphragm is set where the lungs have the volume that was drawn."""
    coarse = lattice()
    rng = generator(patient_seed, "shapes")
    bend = (1.0 + 4.0 * (rng.random() < 0.25)) * smooth_curve(rng, coarse.z, 110.0)
    cage = cage_distance(build, coarse, bend) + 1.3 * smooth_noise(rng, coarse, 60.0)
    angle = angle_from_back(build, coarse)
    capsules = mediastinal_capsules(build, generator(patient_seed, "mediastinum"))
    right, left = mediastinal_border(build, coarse, capsules, generator(patient_seed, "border"))
    size = build.size[0]
    sides = rng.normal(11, 6)
    dome = (-96 * size + sides / 2, -96 * size - sides / 2)
    recess = np.array([rng.uniform(38, 66), rng.uniform(14, 30), rng.uniform(52, 84), rng.uniform(0.2, 0.5)]) * size
    recess[3] /= size
    wobble = smooth_noise(rng, Grid(coarse.z[:1], coarse.y, coarse.x, coarse.spacing_mm), 45.0)[0]
    draft = Shapes(build, coarse, cage.astype(np.float32), None, None, right, left, dome, recess, wobble, capsules, bend)
    shift = _level_for_volume(draft)
    # The heart rides on the diaphragm, so the mediastinum is drawn again where the diaphragm came to lie.
    capsules = mediastinal_capsules(build, generator(patient_seed, "mediastinum"), shift)
    right, left = mediastinal_border(build, coarse, capsules, generator(patient_seed, "border"))
    shapes = Shapes(build, coarse, draft.cage, body_distance(build, coarse, generator(patient_seed, "body")),
                  muscle_distance(build, coarse, cage, angle, generator(patient_seed, "muscle")), right, left,
                  (dome[0] + shift, dome[1] + shift), recess, wobble, capsules, bend)
    return replace(shapes, lung=lung_depth(shapes, coarse, shapes.cage))


def _level_for_volume(draft: Shapes) -> float:
    """By how much (mm) the diaphragm must move for the lungs to hold the drawn volume; at most 45 mm."""
    coarse = draft.coarse
    low = replace(draft, dome=(draft.dome[0] - 500, draft.dome[1] - 500))
    room = lung_depth(low, coarse, draft.cage) > 0
    height = coarse.open()[0] - lung_floor(draft, coarse)
    heights = np.sort(np.broadcast_to(height, room.shape)[room])[::-1]
    wanted = int(draft.build.volume_ml * 1000 / np.prod(coarse.spacing_mm))
    return float(np.clip(heights[min(wanted, len(heights) - 1)], -45, 40))
