"""Imports point one way, config and tracking libraries stay behind their doors, and --help stays light."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "clv_experiments"
LAYERS = ["reporting", "data", "features", "models", "evaluation", "tracking", "forecasting", "comparison"]
LAYERS += ["decisions", "sweep", "config", "commands"]
FOUNDATION = {"errors"}  # imports nothing of ours
FACE = {"commands.api", "errors"}  # what __init__ shows of us
INDEPENDENT = {"models": {"data", "features"}, "evaluation": {"data", "features", "models", "forecasting"}}
CONFIGURED = {"config", "commands"}
DOORS = {  # a layer, or one module of it
    "mlflow": {"tracking"},
    "hydra": CONFIGURED,
    "omegaconf": CONFIGURED,
    "optuna": {"sweep", "config.sweep_options", "commands.sweep"},
    "matplotlib": {
        "reporting",
        "evaluation",
        "sweep.figures",
        "commands.api",
        *(f"{layer}.display" for layer in LAYERS),
    },
    "ibis": {"data", "features", "forecasting.sql"},
    "rich": {"commands.cli.terminal"},
    "duckdb": {"data"},
    "pyspark": {"data.engine"},
    "psycopg": {"data.sources"},
    "sqlglot": {"data.sources", "forecasting.sql"},
    "pooch": {"data.sources"},
    "requests": {"data.sources"},
    "python_calamine": {"data.sources"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def layer_of(path: Path) -> str:
    return module_of(path).split(".")[0]


def imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which layer they reach for"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def offences(module: str, source: str) -> list[str]:
    """What a module must not import."""
    violations, layer = [], module.split(".")[0]
    for name in sorted(imported(source)):
        top, *below = name.split(".")
        if top == "clv_experiments" and below:
            target = below[0]
            if target in LAYERS and layer in LAYERS and LAYERS.index(target) > LAYERS.index(layer):
                violations.append(f"{layer} imports {target}, which stands above it")
            if target in INDEPENDENT.get(layer, set()):
                violations.append(f"{layer} imports {target}")
            if below[:2] == [layer, "display"] and not module.startswith(f"{layer}.display"):
                violations.append(f"{module} imports what displays it, {name}")
            if layer in FOUNDATION and target not in {*FOUNDATION, "__version__"}:
                violations.append(f"{layer} imports {target}")
            if layer == "__init__" and not any(f"{name}.".startswith(f"clv_experiments.{face}.") for face in FACE):
                violations.append(f"{layer} imports {name}")
        if top in DOORS and not any(f"{module}.".startswith(f"{door}.") for door in DOORS[top]):
            violations.append(f"{module} imports {top}")
    return violations


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    assert offences(module_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("__init__", "from clv_experiments.models.mbg_nbd import MbgNbd"),
        ("errors", "from clv_experiments.data.log import TransactionLog"),
        ("data", "from clv_experiments.features.rfm import rfm"),
        ("models", "from clv_experiments.data.log import TransactionLog"),
        ("evaluation", "import clv_experiments.forecasting.forecaster"),
        ("evaluation", "from clv_experiments.tracking import mlflow_tracker"),
        ("forecasting", "import hydra"),
        ("models", "def f():\n    import mlflow"),
        ("features", "from matplotlib import pyplot"),
        ("data.log", "import pooch"),
        ("data.cleaning", "from pyspark.sql import SparkSession"),
        ("data.sources.files", "def f():\n    import pyspark"),
        ("data.engines", "import pyspark"),
        ("data.parsing.formats", "from python_calamine import CalamineWorkbook"),
        ("commands.train", "import duckdb"),
        ("decisions.drivers", "from clv_experiments.decisions.display.drivers import drivers_section"),
        ("decisions.drivers", "from matplotlib.figure import Figure"),
        ("comparison.standings", "from clv_experiments.comparison.display import tables"),
        ("forecasting.out_of_time", "from clv_experiments.commands.cli.terminal import Terminal"),
        ("evaluation.forecast_plots", "import optuna"),
        ("sweep.objective", "from omegaconf import DictConfig"),
        ("sweep.search", "from clv_experiments.config.model_options import build_model"),
    ],
)
def test_guard_sees_a_planted_import(module, source):
    assert offences(module, source)


def test_every_layer_is_known():
    known = {*LAYERS, *FOUNDATION, "__init__"}
    assert {layer_of(path) for path in modules()} <= known


def test_names_that_say_nothing_are_not_used():
    nothing = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}
    assert [path for path in modules() if path.name in nothing] == []


def test_no_list_of_model_names_in_python():
    models = {path.stem for path in (ROOT / "conf" / "model").glob("*.yaml")}
    for path in [*modules(), ROOT / "train.py", *(ROOT / "scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
                entries = node.keys if isinstance(node, ast.Dict) else node.elts
                words = {entry.value for entry in entries if isinstance(entry, ast.Constant)}
                assert len(words & models) < 2, f"{path}:{node.lineno} lists models {words & models}"


SCRIPTS = ["train.py", *(f"scripts/{name}.py" for name in ("leaderboard", "sweep", "score", "insights"))]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_does_not_pay_for_heavy_imports(script, run_process):
    program = (
        f"import contextlib, io, sys; sys.argv = ['{script}', '--help']; import runpy\n"
        "with contextlib.redirect_stdout(io.StringIO()) as help_text, contextlib.suppress(SystemExit):\n"
        f"    runpy.run_path('{script}', run_name='__main__')\n"
        "assert 'Examples' in help_text.getvalue()\n"
        "heavy = {'pandas', 'sklearn', 'mlflow', 'xgboost', 'ibis', 'duckdb', 'matplotlib', 'lifetimes', 'scipy'};"
        "heavy.add('optuna');"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = run_process([sys.executable, "-c", program], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
