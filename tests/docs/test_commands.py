"""Every command that README and documentation show is one: it is read, and its settings compose."""

import re
import shlex
import sys
import tomllib

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from shown_pages import FENCE, ROOT, blocks, pages, read

from clv_experiments.commands.benchmark import LONG_PARTS, PARTS
from clv_experiments.commands.benchmark_arguments import parse_arguments
from clv_experiments.commands.cli.clv import COMMANDS
from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.commands.model_reference import pop_model_override

START = re.compile(r"^(?:\$ |!)?(?:clv|python (?:train\.py|scripts/\w+\.py)|make)(?= |$)")
INLINE = re.compile(r"`((?:clv|python (?:train\.py|scripts/\w+\.py)|make) [^`]+)`")
CONFIGS = {"train": "config", "promote": "leaderboard"}  # the others are called after their command
WITH_MODEL = ("score", "insights", "export")


def shown_commands():
    """Each command once, with the first page that shows it; those with something to fill in left out."""
    found = {}
    for page in pages():
        if page == "CHANGELOG.md":  # of what was, too
            continue
        text = read(page)
        indented = re.findall(r"^ {4}(\S.*|\s+\S.*)$", FENCE.sub("", text), re.MULTILINE)
        shown = "\n".join([*blocks(text, "", "bash", "{code-cell} ipython3"), *indented])
        lines = re.sub(r"\s*\\\n\s*", " ", shown).splitlines()
        typed = [part.strip() for line in lines for part in re.split(r" && |; | \| | > ", line)]
        typed = [re.split(r" #|\s{2,}", part)[0].strip() for part in typed if START.match(part)]
        inline = [" ".join(code.split()) for code in INLINE.findall(FENCE.sub("", text))]
        for command in (*typed, *inline):
            if not re.search(r"\.\.\.|<|…", command):
                found.setdefault(command.removeprefix("$ ").removeprefix("!"), page)
    return found


SHOWN = shown_commands()


@pytest.fixture
def folder_of_the_how_to(tmp_path, monkeypatch):
    """A working folder with the options that the how-to tells to write."""
    for body in blocks(read("docs/howto/own_model.md"), "yaml"):
        name = re.search(r"^name: (\w+)", body, re.MULTILINE)
        group = "model" if name else "sweep"
        file = tmp_path / "conf" / group / f"{name[1] if name else 'extra_trees'}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
    mine = (tmp_path / "conf" / "model" / "recent_spend.yaml").read_text(encoding="utf-8")
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(mine.replace("recent_spend", "mine"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compose_as_typed(command, typed, folder):
    """Compose what a command would, of a multirun its first job."""
    if command in WITH_MODEL:
        _, typed = pop_model_override(typed)
    config = CONFIGS.get(command, command)
    words = translate_arguments(typed, config).overrides_and_options
    overrides = [word for word in words if not word.startswith("-") and not word.startswith("hydra")]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        (first, *_), *_ = BasicSweeper.split_arguments(parser.parse_overrides(overrides), max_batch_size=None)
        return compose(config, overrides=[*first, f"hydra.searchpath=[file://{folder}/conf]"])


@pytest.mark.parametrize("command", SHOWN, ids=lambda command: command[:60])
@pytest.mark.slow
def test_a_command_is_one(command, folder_of_the_how_to, monkeypatch):
    program, *words = shlex.split(command)
    if program == "make":
        targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
        assert {word for word in words if "=" not in word} <= targets, SHOWN[command]
        return
    if program == "python":
        script, words = words[0], words[1:]
        assert (ROOT / script).is_file()
        name = script.removesuffix(".py").rpartition("/")[2]
    else:
        name, words = (words[0], words[1:]) if words else ("--help", [])
    if name.startswith("-"):
        assert name in ("--help", "--version", "-sc", "-h")
    elif name == "benchmark":
        monkeypatch.setattr(sys, "argv", ["benchmark", *words])
        parse_arguments("", PARTS, LONG_PARTS)
    elif name in COMMANDS and name != "ui" and "--help" not in words:
        assert not OmegaConf.missing_keys(compose_as_typed(name, words, folder_of_the_how_to))
    else:
        assert name in COMMANDS or (ROOT / "scripts" / f"{name}.py").is_file(), SHOWN[command]


def test_commands_are_found_where_they_stand():
    assert "make train" in SHOWN
    assert "clv score data.path=orders.csv window=3m" in SHOWN
    assert len(SHOWN) > 100


def test_extras_that_pages_install_are_there():
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    groups = [group for page in pages() for group in re.findall(r"-e '?\.\[([\w,]+)\]", read(page))]
    named = {extra for group in groups for extra in group.split(",")}
    assert named <= set(extras)


@pytest.mark.parametrize("page", [page for page in pages() if blocks(read(page), "python", "{code-cell} ipython3")])
def test_python_that_is_shown_compiles(page):
    for number, body in enumerate(blocks(read(page), "python", "{code-cell} ipython3")):
        if not body.startswith("!"):
            compile(body, f"{page}, block {number}", "exec")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["extra_trees", "recent_spend", "nbd"])
def test_the_models_of_the_how_to_are_trained(model, folder_of_the_how_to, run_process):
    for program in blocks(read("docs/howto/own_model.md"), "python"):
        file = re.match(r"# (\w+\.py)$", program, re.MULTILINE)[1]
        (folder_of_the_how_to / file).write_text(program, encoding="utf-8")
    settings = [f"model={model}", "data=cdnow_sample", "window=3m", "tracking=memory"]
    done = run_process([sys.executable, "-m", "clv_experiments.commands.cli.clv", "train", *settings], timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^{model} ", done.stdout, re.MULTILINE)
