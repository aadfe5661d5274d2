"""What matplotlib wrote, made fit for a page: no global style, ids of its own, colours by name, a title to be heard."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from recsys.reporting.figure.palette import ROLES

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_FONT = re.compile(r"(?:^|;)\s*font(?:-family|-style|-weight|-stretch|-variant)?:[^;]*")


def finished(raw: str, key: str, title: str, note: str) -> str:
    """Return an ``<svg>`` element of its own names and without a style sheet."""
    root = Xml.fromstring(raw)
    for child in [part for part in root if part.tag.endswith("metadata") or _is_style(part)]:
        root.remove(child)
    for part in root.iter():
        _rename(part, key)
        _restyle(part)
    for name, identity, text in (("desc", f"{key}-desc", note), ("title", f"{key}-title", title)):
        if text:
            element = Xml.Element(f"{_SVG}{name}", {"id": identity})
            element.text = text
            root.insert(0, element)
    width, height = root.get("viewBox", "0 0 1 1").split()[2:]
    labelled = " ".join(f"{key}-{name}" for name, text in (("title", title), ("desc", note)) if text)
    root.attrib.clear()
    root.attrib |= {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-labelledby": labelled}
    Xml.register_namespace("", "http://www.w3.org/2000/svg")
    return Xml.tostring(root, encoding="unicode").replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)


def _is_style(part: Xml.Element) -> bool:
    return part.tag == f"{_SVG}defs" and len(part) == 1 and part[0].tag == f"{_SVG}style"


def _rename(part: Xml.Element, key: str) -> None:
    if "id" in part.attrib:
        part.set("id", f"{key}-{part.attrib['id']}")
    if _LINK in part.attrib:
        part.set("href", part.attrib.pop(_LINK).replace("#", f"#{key}-"))
    for name, value in part.attrib.items():
        if "url(#" in value:
            part.set(name, value.replace("url(#", f"url(#{key}-"))


def _restyle(part: Xml.Element) -> None:
    for name in ("d", "x", "y", "transform", "points"):
        if name in part.attrib:
            part.set(
                name, _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), part.attrib[name])
            )
    style = part.get("style")
    if style is None:
        return
    if part.tag == f"{_SVG}text":
        style = _FONT.sub("", style).strip("; ")
    for colour, role in ROLES.items():
        style = style.replace(colour, f"var(--{role})")
    if style:
        part.set("style", style)
    else:
        del part.attrib["style"]
