"""draw_digits.py MNIST_DIR OUT COUNT [KIND...]: the first COUNT test digits, each as people draw, scan and photograph it.

OUT/KIND/INDEX_LABEL.png; KINDS below says what a kind is. Needs numpy, scipy and Pillow.
"""
import gzip
import io
import pathlib
import sys

import numpy as np
from PIL import Image
from scipy import ndimage

random = np.random.default_rng(7)
HUGE = 6  # pictures of 4,000 x 2,000 pixels: each takes a second


def read(folder, name, header):
    path = pathlib.Path(folder, name)
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    return np.frombuffer(data[header:], np.uint8)


# ---- ink: float [height, width], 0 to 1 ----

def large(d, k):
    """The digit k times as large, with smooth edges."""
    return np.clip(ndimage.zoom(d / 255.0, k, order=1, grid_mode=True, mode="grid-constant"), 0, 1)


def thin(d, k=8):
    """Strokes as thin as ink can be taken away without a gap: only what is 0.75 of the way to the middle stays."""
    ink = large(d, k) > 0.4
    depth = ndimage.distance_transform_edt(ink)
    ridge = ink & (depth >= 0.75 * ndimage.maximum_filter(depth, 2 * k + 1))
    return ndimage.gaussian_filter(ndimage.binary_dilation(ridge).astype(float), 0.7)


def thick(d, k=8):
    return ndimage.gaussian_filter(ndimage.grey_dilation(large(d, k), size=(9, 9)), 1)


def put(ink, height, width, top, left):
    """On a sheet; top and left may be negative, what lies outside is cut off."""
    sheet = np.zeros((height, width))
    y, x = max(top, 0), max(left, 0)
    part = ink[y - top:height - top, x - left:width - left]
    sheet[y:y + part.shape[0], x:x + part.shape[1]] = part
    return sheet


def turned(ink, degrees):
    return np.clip(ndimage.rotate(ink, degrees, reshape=False, order=1), 0, 1)


def tight(d):
    rows, columns = np.nonzero(d > 40)
    return d[rows.min():rows.max() + 1, columns.min():columns.max() + 1]


# ---- paper ----

def on_paper(ink, paper=255.0, darkness=1.0):
    return paper * (1 - darkness * ink)


def noisy(grey, deviation):
    return grey + random.normal(0, deviation, grey.shape)


def as_jpeg(grey, quality):
    buffer = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).astype(float)


def vignette(height, width):
    y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
    return 1 - 0.3 * (x * x + y * y)


def squares(height, width, step, darkness, degrees=0.0):
    y, x = np.mgrid[0:height, 0:width]
    a = np.radians(degrees)
    v, u = y * np.cos(a) + x * np.sin(a), x * np.cos(a) - y * np.sin(a)
    return darkness * ((v % step < 1.5) | (u % step < 1.5))


def notebook(d):
    ink = np.maximum(put(large(d, 10), 400, 400, 60, 60), squares(400, 400, 40, 0.45, 1.5))
    return as_jpeg(noisy(on_paper(ink, 225.0 * vignette(400, 400), 0.8), 4), 60)


def on_table(d):
    paper = on_paper(put(large(d, 6), 240, 200, 30, 20), 230, 0.85)
    return noisy(np.pad(paper, ((40, 25), (60, 30)), constant_values=70), 3)


def sixteen_bits(d):
    return Image.fromarray((on_paper(large(d, 6), 60000.0, 0.9)).astype(np.uint16))


def palette(d):
    picture = Image.fromarray(on_paper(large(d, 6)).astype(np.uint8)).convert("RGB")
    return picture.quantize(6)


def two_pages(d):
    return on_paper(np.hstack([large(d, 4), large(d[::-1, ::-1], 4)]))


def salted(d):
    grey, salt = on_paper(large(d, 8)), np.random.default_rng(int(d.sum())).random((224, 224))
    return np.where(salt < 0.02, 0.0, np.where(salt > 0.98, 255.0, grey))


def camera_turned(d):
    """Stored on its side; Exif's orientation 6 says so."""
    picture = Image.fromarray(np.rot90(on_paper(large(d, 8))).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.info["exif"] = exif.tobytes()
    return picture


def chalk(d):
    ink = turned(large(d, 10), 3) * (0.8 + 0.2 * random.random((280, 280)))
    return noisy(45 + 165 * put(ink, 320, 440, 20, 90), 6)


KINDS = {
    "plain": lambda d: d.astype(float),
    "white": lambda d: 255.0 - d,
    "corner": lambda d: on_paper(put(large(d, 3), 260, 260, 170, 6)),
    "small_in_middle": lambda d: on_paper(put(large(d, 2), 300, 300, 120, 122)),
    "wide": lambda d: on_paper(put(large(d, 7), 210, 320, 8, 60)),
    "tall_sheet": lambda d: on_paper(put(large(d, 5), 1600, 180, 200, 20)),
    "dark_grey": lambda d: on_paper(large(d, 8), 110, 0.7),
    "pencil": lambda d: noisy(on_paper(large(d, 8), 190, 0.4), 3),
    "shadow": lambda d: on_paper(large(d, 8), np.linspace(240, 100, 224)[None, :], 0.85),
    "vignette_jpeg": lambda d: as_jpeg(on_paper(large(d, 8), 235 * vignette(224, 224), 0.8), 30),
    "noise": lambda d: noisy(on_paper(large(d, 8), 215, 0.75), 12),
    "grainy": lambda d: on_paper(large(d, 8)) + np.random.default_rng(int(d.sum())).normal(0, 40, (224, 224)),
    "salt_and_pepper": salted,
    "camera_turned": camera_turned,
    "blur": lambda d: ndimage.gaussian_filter(on_paper(large(d, 8), 230, 0.9), 5),
    "turned_left": lambda d: on_paper(turned(large(d, 8), 7)),
    "turned_right": lambda d: on_paper(turned(large(d, 8), -7)),
    "thin_pen": lambda d: on_paper(thin(d)),
    "thick_pen": lambda d: on_paper(thick(d)),
    "table": on_table,
    "ruled": lambda d: on_paper(np.maximum(large(d, 8), 0.4 * (np.arange(224) % 30 < 2)[:, None])),
    "ruled_black": lambda d: on_paper(np.maximum(large(d, 8), 1.0 * (np.arange(224) % 56 == 0)[:, None])),
    "notebook": notebook,
    "frame": lambda d: on_paper(np.pad(np.pad(large(d, 8), 4, constant_values=1), 12)),
    "chalk": chalk,
    "sixteen_bits": sixteen_bits,
    "palette": palette,
    "huge": lambda d: on_paper(put(np.kron(d / 255, np.ones((60, 60))), 2000, 4000, 200, 900), 240, 0.9),
    "tiny": lambda d: np.asarray(Image.fromarray((255 - d).astype(np.uint8)).resize((20, 20), Image.BOX)).astype(float),
    "touching": lambda d: on_paper(large(np.pad(tight(d), ((0, 8), (5, 9))), 8)),
    "tight": lambda d: on_paper(large(tight(d), 8)),
    "dust": lambda d: on_paper(np.maximum(put(large(d, 6), 224, 224, 20, 30), put(np.ones((4, 4)), 224, 224, 200, 205))),
}
NOT_ONE = {
    "two_digits": two_pages,
    "number": lambda d: on_paper(put(np.hstack([large(d, 4)[:, 8:104]] * 3), 200, 400, 40, 80)),
    "empty": lambda d: noisy(np.full((224, 224), 230.0), 4),
    "empty_shadow": lambda d: as_jpeg(noisy(np.linspace(240, 90, 224)[None, :] * np.ones((224, 1)), 3), 50),
    "speck": lambda d: on_paper(put(np.ones((5, 4)), 224, 224, 60, 150)),
    "empty_ruled": lambda d: on_paper(0.5 * (np.arange(224) % 28 < 2)[:, None] * np.ones((1, 224))),
    "white_page": lambda d: np.full((100, 80), 255.0),
}


def main(source, out, count, *chosen):
    images = read(source, "t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28)[:int(count)]
    labels = read(source, "t10k-labels-idx1-ubyte", 8)[:int(count)]
    for kind, draw in {**KINDS, **NOT_ONE}.items():
        if chosen and kind not in chosen:
            continue
        folder = pathlib.Path(out, kind)
        folder.mkdir(parents=True, exist_ok=True)
        for i, (d, c) in enumerate(zip(images, labels)):
            if kind == "huge" and i == HUGE:
                break
            picture = draw(d)
            if not isinstance(picture, Image.Image):
                picture = Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
            picture.save(folder / f"{i:04d}_{c}.png", compress_level=1, exif=picture.info.get("exif", b""))


if __name__ == "__main__":
    main(*sys.argv[1:])
