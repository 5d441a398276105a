"""No call in the package that runs code which came with a file."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "chajong"

FORBIDDEN = {
    "eval", "exec", "compile", "__import__",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "dill.load", "joblib.load",
    "cloudpickle.load", "marshal.load", "marshal.loads", "shelve.open",
    "pd.read_pickle", "pandas.read_pickle", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "os.system", "os.popen", "subprocess.run", "subprocess.Popen", "subprocess.call",
    "torch.hub.load", "torch.jit.load",
}  # fmt: skip
"""Calls that run code, or read what can."""

PICKLES = ("torch.load", "np.load", "numpy.load")
"""Calls that read pickles unless they are told not to, or do not by default."""


def name_of(function):
    return ast.unparse(function) if isinstance(function, ast.Name | ast.Attribute) else ""


def keyword(call, name):
    """Give an argument as written, None where it is not there."""
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == name), None)


def faults(text):
    """Say what of a program's text runs code that comes with files."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and node.value == "trust_remote_code":
            yield node.lineno, "trust_remote_code as a key"
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in FORBIDDEN:
            yield node.lineno, name
        if name == "torch.load" and keyword(node, "weights_only") != "True":
            yield node.lineno, "torch.load without weights_only=True"
        if name in PICKLES and keyword(node, "allow_pickle") == "True":
            yield node.lineno, f"{name} of pickles"
        if keyword(node, "trust_remote_code") not in (None, "False"):
            yield node.lineno, "trust_remote_code"


KNOWN = {
    # The word by which a description that asks for its own code is refused.
    ("encoders/open_clip_models.py", "trust_remote_code as a key"),
    # NVIDIA's own program is asked about its GPUs, and told nothing that comes from a file.
    ("doctor.py", "subprocess.run"),
}


def test_the_package_runs_no_code_that_comes_with_files():
    found = {
        (path.relative_to(PACKAGE).as_posix(), what)
        for path in PACKAGE.rglob("*.py")
        for _, what in faults(path.read_text(encoding="utf-8"))
    }
    assert found == KNOWN


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)",
        "pickle.load(file)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
        'options = {"trust_remote_code": True}',
        "yaml.load(text)",
        "subprocess.run(command)",
    ],
)
def test_such_a_call_would_be_found(line):
    assert list(faults(line))
