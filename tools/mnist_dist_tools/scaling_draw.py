"""Writes what a scaling study shows: the page, the pictures, and the files for other programs."""

from __future__ import annotations

from pathlib import Path

from . import theme
from .album import Album
from .cli import write_whole
from .scaling import Study
from .scaling_files import write_files
from .scaling_page import ScalingPage

PAGE = "scaling.html"


def draw(study: Study, folder: Path) -> Path:
    """Into the folder: scaling.html, pictures/, and the files of scaling_files.py. Gives the path of
    the page back."""
    theme.apply()
    write_files(study, folder, print)
    text = ScalingPage(study, Album(folder).keep).html()
    path = folder / PAGE
    write_whole(path, text.encode())
    return path
