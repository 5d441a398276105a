"""The table of licences."""

from email.message import Message

import pytest

from tools.licences import licence_of, licences


def described(*lines):
    message = Message()
    for name, value in lines:
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ([("License-Expression", "MIT"), ("License", "other")], "MIT"),
        ([("License", "BSD-3-Clause")], "BSD-3-Clause"),
        ([("License", "text " * 99), ("Classifier", "License :: OSI Approved :: MIT License")],
         "MIT License"),
        ([("License", "UNKNOWN")], "UNKNOWN"),
        ([("License", "Apache 2.0\n\n" + "text " * 99)], "Apache 2.0"),
        ([], "not said"),
    ],
)  # fmt: skip
def test_the_clearest_place_counts(lines, licence):
    assert licence_of(described(*lines)) == licence


def test_what_requirements_require_is_listed_too():
    found = licences(["pandas>=2", "nothing-of-this-name"])
    assert {"pandas", "numpy", "python-dateutil"} <= found.keys()
    assert found["nothing-of-this-name"] == "not installed here"
