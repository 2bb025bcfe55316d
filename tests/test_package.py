"""What `import tsmodels` costs and leaves alone."""

import subprocess
import sys

import pytest

import tsmodels


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize("heavy", ["pandas", "sklearn", "keras", "tensorflow", "matplotlib"])
def test_import_loads_nothing_heavy(heavy):
    done = run(f"import sys, tsmodels; print({heavy!r} in sys.modules)")
    assert done.stdout == "False\n"


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom tsmodels.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pandas', 'sklearn', 'keras') if m in sys.modules])"
    )
    assert run(code).stdout.splitlines()[-1] == "[]"


def test_importing_keras_is_silent():
    done = run("import tsmodels; tsmodels.LSTM")
    assert (done.stdout, done.stderr) == ("", "")


def test_a_failing_import_of_keras_is_heard():
    code = "import os; os.environ['KERAS_BACKEND'] = 'nonsense'; import tsmodels.backend"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and "nonsense" in done.stderr


@pytest.mark.parametrize("name", tsmodels.__all__)
def test_public_names_exist_and_are_documented(name):
    value = getattr(tsmodels, name)
    assert name == "__version__" or value.__doc__


def test_backtest_stays_a_function_whoever_was_imported_first():
    done = run("import tsmodels.backtesting; from tsmodels import backtest; print(backtest)")
    assert done.stdout.startswith("<function backtest")


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tsmodels.nonsense
