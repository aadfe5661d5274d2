import pickle

import pytest

from recsys.core.errors import ArgumentError, DataError, GateError, LockedError, NotFoundError, RecsysError


def test_message_is_one_line_of_what_expected_hint():
    error = RecsysError("k is 0.", "a whole number was expected", "use k=10.")
    assert str(error) == "k is 0. A whole number was expected. Hint: use k=10."
    assert str(RecsysError("it broke")) == "it broke."


@pytest.mark.parametrize(
    ("kind", "code", "base"),
    [
        (RecsysError, 1, Exception),
        (ArgumentError, 2, ValueError),
        (NotFoundError, 3, LookupError),
        (LockedError, 4, RecsysError),
        (DataError, 5, ValueError),
        (GateError, 6, RecsysError),
    ],
)
def test_each_kind_has_its_exit_code_and_crosses_processes(kind, code, base):
    error = kind("what", "expected", "hint")
    assert isinstance(error, base)
    assert error.exit_code == code
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (as multiprocessing does)
    assert (type(copy), str(copy), copy.hint) == (kind, str(error), "hint")


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("kind='in_window' was expected", "kind='in_window' was"),
        ("count() was expected", "count() was"),
        ("user_id was expected", "user_id was"),
        ("'als' was expected", "'als' was"),
        ("a number was expected", "A number was"),
    ],
)
def test_names_of_code_keep_their_letters(expected: str, shown: str) -> None:
    assert str(RecsysError("k is 0", expected)).startswith(f"k is 0. {shown}")
