"""Public data sets, read as they are downloaded (zip, tar, folder, single file) into the columns of the store."""

from recsys.layouts.fetching import fetch
from recsys.layouts.frames import Frames
from recsys.layouts.known import LayoutInfo, known_layouts, layout_info
from recsys.layouts.loading import detect_layout, load_layout

__all__ = ["Frames", "LayoutInfo", "detect_layout", "fetch", "known_layouts", "layout_info", "load_layout"]
