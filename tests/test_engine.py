import subprocess
import sys

import pytest
from pydantic import ValidationError

from chajong.engine import Engine

LOCAL = """
import sys
import chajong.encoders.extraction, chajong.inference.classifier, chajong.training.fold_training
assert "ray" not in sys.modules
"""


def test_one_machine_needs_no_ray():
    subprocess.run([sys.executable, "-c", LOCAL], check=True)


def test_an_address_without_a_cluster_is_refused_with_the_fix():
    with pytest.raises(ValidationError, match=r"engine\.kind is local.*set engine\.kind=ray"):
        Engine(address="10.0.0.1:6379")


@pytest.mark.parametrize("address", ["10.0.0.1", "ray://10.0.0.1:10001", ""])
def test_an_address_is_a_host_and_a_port(address):
    with pytest.raises(ValidationError, match="address"):
        Engine(kind="ray", address=address)
