"""The names in the simulated catalogue and population."""

from __future__ import annotations

GENRES = (
    "Drama", "Comedy", "Thriller", "Action", "Romance", "Documentary", "Animation", "Crime",
    "Fantasy", "Horror", "Mystery", "Family", "Science Fiction", "History", "Music", "Western",
)  # fmt: skip
COUNTRIES = ("US", "GB", "DE", "FR", "JP")
COUNTRY_SHARES = (0.38, 0.18, 0.18, 0.14, 0.12)
DEVICES = ("tv", "mobile", "web", "tablet")
DEVICE_SHARES = (0.48, 0.27, 0.16, 0.09)
AGE_GROUPS = ("18-24", "25-34", "35-49", "50-64", "65+")
AGE_SHARES = (0.16, 0.26, 0.29, 0.19, 0.10)
PLANS = ("basic", "standard", "premium")
PLAN_SHARES = (0.35, 0.45, 0.20)

_ADJECTIVES = (
    "Silent", "Crimson", "Hidden", "Last", "Golden", "Broken", "Distant", "Midnight", "Frozen", "Burning", "Lonely",
    "Paper", "Electric", "Forgotten", "Scarlet", "Hollow", "Wild", "Velvet", "Northern", "Savage", "Gentle", "Restless",
    "Secret", "Emerald", "Falling", "Quiet", "Bitter", "Endless", "Silver", "Stolen", "Wandering", "Winter",
)  # fmt: skip
_NOUNS = (
    "Harbour", "Garden", "Empire", "River", "Promise", "Shadow", "Kingdom", "Letter", "Mountain", "Orchard", "Signal",
    "Bridge", "Witness", "Horizon", "Lantern", "Voyage", "Circus", "Station", "Island", "Theatre", "Mirror", "Storm",
    "Detective", "Summer", "Engine", "Forest", "Carnival", "Archive", "Highway", "Orchestra", "Planet", "Family",
)  # fmt: skip
_FORMS = ("The {0} {1}", "{0} {1}", "{1} of the {0} Sky", "A {0} {1}")
N_TITLES = len(_ADJECTIVES) * len(_NOUNS) * len(_FORMS)


def title(number: int) -> str:
    """Return title `number`; different numbers have different titles.

    Examples
    --------
    >>> title(0), title(4096)
    ('The Silent Harbour', 'The Silent Harbour 2')
    """
    sequel, place = divmod(number, N_TITLES)
    form, place = divmod(place, len(_ADJECTIVES) * len(_NOUNS))
    adjective, noun = divmod(place, len(_NOUNS))
    name = _FORMS[form].format(_ADJECTIVES[adjective], _NOUNS[noun])
    return f"{name} {sequel + 1}" if sequel else name
