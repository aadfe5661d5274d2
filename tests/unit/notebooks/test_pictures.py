"""Charts of committed notebooks stand alone: colours, names and legends are in the SVG."""

from xml.etree import ElementTree as Xml

from notebooks._pictures import LINE, WIDTH, as_svg
from recsys.display import Axis, Chart, Series

LINES = tuple(
    Series(f"model <{name}>", "line", (1, 2, 3), (0.1, 0.2, height))
    for name, height in zip("ab", (0.3, 0.1), strict=True)
)
CHART = Chart("learning & <cost>", Axis("epoch"), Axis("ndcg@10"), LINES)
SVG = "{http://www.w3.org/2000/svg}"


def test_an_svg_needs_no_style_sheet():
    text = as_svg([CHART], "one")
    root = Xml.fromstring(text)
    assert "var(" not in text
    assert root.tag == f"{SVG}svg"
    said = ["".join(part.itertext()) for part in root.iter(f"{SVG}text")]
    assert said[0] == "learning & <cost>"
    assert {"model <a>", "model <b>", "epoch", "ndcg@10"} <= set(said)


def test_charts_stand_below_one_another():
    one, two = (Xml.fromstring(as_svg([CHART] * n, "n")) for n in (1, 2))
    assert float(two.get("height")) == 2 * float(one.get("height"))
    tops = [float(part.get("y")) for part in two if part.tag == f"{SVG}svg" and part.get("width") == str(WIDTH)]
    assert tops == [LINE, LINE + float(one.get("height"))]
    ids = [part.get("id") for part in two.iter() if part.get("id")]
    assert len(ids) == len(set(ids))


def test_a_long_legend_goes_on_in_the_next_line():
    many = Chart(
        "many",
        Axis("x"),
        Axis("y"),
        tuple(Series("a rather long name " + "x" * n, "line", (1, 2), (1, 2)) for n in range(9)),
    )
    root = Xml.fromstring(as_svg([many], "n"))
    for part in root:
        if part.tag == f"{SVG}text":
            assert float(part.get("x")) < WIDTH
            assert float(part.get("y")) < float(root.get("height"))
