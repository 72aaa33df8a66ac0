"""Whatever is typed ends in one sentence or is accepted: odd values of every setting, and commands that are mutated.

Commands are read, composed and checked, and all that is configured is built, in this process; no log is read.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import date, timedelta
from functools import cache
from types import SimpleNamespace

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig

from clv_experiments.commands.cell import check_cell_settings
from clv_experiments.commands.cli.command_line import format_error
from clv_experiments.commands.cli.overrides import translate_arguments
from clv_experiments.commands.export import check_export_settings
from clv_experiments.commands.leaderboard import check_leaderboard_settings
from clv_experiments.commands.model_reference import build_btyd_model, pop_model_override
from clv_experiments.commands.promote import check_promote_setting
from clv_experiments.commands.submit import check_submission_name
from clv_experiments.config.conf_folders import packaged_conf_folder
from clv_experiments.config.log_and_window import build_window, load_log_from_config
from clv_experiments.config.model_options import build_all_baselines, build_model
from clv_experiments.config.settings import build_experiment_name, check_settings, resolve_masked_settings
from clv_experiments.config.shop import build_shop
from clv_experiments.config.sweep_config import SweepConfig
from clv_experiments.errors import ClvError
from clv_experiments.reporting.record_files import check_writable

ODD = (
    "null", "", "''", "[]", "{}", "[1,2]", "{a: 1}", "true", "-1", "0", "1.5", "1e400", "nan", "abc", "???", "${nope}",
    "x" * 5000, "'ü🙂 [/red] %s {}'", "99999999999999999999", "9" * 400, "a,b", "it's (1)",
)  # fmt: skip
COMMANDS = {
    "config": ["data.path=orders.csv", "model=xgboost", "window=1m"],
    "leaderboard": ["data.path=orders.csv", "window=1m", "models=[xgboost]"],
    "sweep": ["data.path=orders.csv", "model=ridge", "window=1m"],
    "score": ["data.path=orders.csv", "model=bg_nbd", "window=1m"],
    "insights": ["data.path=orders.csv", "model=two_part", "window=1m", "evaluation=customer_split"],
    "export": ["data.path=orders.csv", "model=bg_nbd", "window=1m"],
    "cell": ["data.path=orders.csv", "window=1m"],
    "submit": ["data.path=orders.csv", "window=1m", "predictions=mine.csv", "name=mine"],
}
EXTRA = ("--fill", "--promote", "-m", "--cfg", "promote=true", "evaluation=customer_split", "data=sql", "=", "''", "-x")
ENGINES = ("data.engine", "data.spark_master")  # starting Spark takes longer than all the rest


def composed_keys(command):
    """Name every setting that a command composes, those of groups too."""

    def below(node, prefix):
        for name in map(str, node):
            value = node._get_node(name)
            yield f"{prefix}{name}"
            if isinstance(value, DictConfig) and not (value._is_none() or value._is_interpolation()):
                yield from below(value, f"{prefix}{name}.")

    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        cfg = hydra_compose(command, overrides=translate_arguments(COMMANDS[command], command).overrides_and_options)
    return [key for key in below(cfg, "") if key not in ENGINES]


def check(command, typed):
    """Read, compose and check what was typed as the command does; raises what it raises."""
    overrides = translate_arguments(typed, command).overrides_and_options
    if command in ("score", "insights", "export"):
        _, overrides = pop_model_override(overrides)
    overrides = [override for override in overrides if not override.startswith("-")]
    with initialize_config_dir(str(packaged_conf_folder()), version_base="1.3"):
        cfg = hydra_compose(command, overrides=overrides)
        check_settings(cfg)
        if command == "leaderboard":
            check_leaderboard_settings(cfg, overrides)
            check_promote_setting(cfg, is_single=True)
            return
        if command == "sweep":
            config = SweepConfig(cfg, overrides)
            assert config.validated_settings
            assert config.space.parameters is not None
            assert config.configured_params is not False
        if command in ("score", "insights"):
            check_writable(cfg.output, "output")
            build_btyd_model(cfg)
            build_shop(cfg.decisions, "")
        if command == "export":
            check_export_settings(cfg)
        if command == "cell":
            check_cell_settings(cfg)
        if command == "submit":
            check_submission_name(cfg.name)
        assert build_experiment_name(cfg)
        resolve_masked_settings(cfg)
        build_model(cfg.model)
        build_all_baselines(cfg)
        log = load_log_from_config(
            cfg.data, lambda start, end: build_window(cfg.window, start, end).first_forecast_cutoff
        )
        build_window(cfg.window, log.start, log.end)


def fault(command, typed):
    """Say what is wrong with how a command takes what was typed; nothing where all is well."""
    try:
        check(command, typed)
    except Exception as error:
        sentence = format_error(error)
        wrong = "unexpected" in sentence or "\n" in sentence or len(sentence) > 3000 or not sentence
        return f"{typed}: {sentence[:300]}" if wrong else ""
    return ""


def mutated(rng, command, keys):
    """Change a valid command: odd values, pairs of them, and characters that slip in or out."""
    typed = list(COMMANDS[command])
    changes = [(rng.choice(("", "", "", "", "+", "++", "~")), rng.choice(keys)) for _ in range(rng.choice((1, 1, 2)))]
    typed += [f"{prefix}{key}={rng.choice(ODD)}" for prefix, key in changes]
    for _ in range(rng.choice((0, 0, 1, 2))):
        place = rng.randrange(len(typed))
        word = typed[place]
        at = rng.randrange(len(word) + 1)
        slip = rng.choice("=,.:'\"[]{}()$~+-*/\\ \t\r\n;#%🙂0aZ")
        typed[place] = rng.choice((word[:at] + slip + word[at:], word[:at] + word[at + 1 :], word[at:] + word[:at]))
    if rng.random() < 0.2:
        typed.insert(rng.randrange(len(typed) + 1), rng.choice(EXTRA))
    rng.shuffle(typed)
    return typed


@pytest.fixture
def _a_log(work, monkeypatch):
    """A small log in the working folder; nothing is kept of what an option would put into the environment."""
    for name in [name for name in os.environ if name.startswith("CLV_DATA_")]:
        monkeypatch.delenv(name)
    start = date(2023, 1, 1)
    (work / "orders.csv").write_text("customer_id,date,amount\n1,2023-01-01,2.5\n", encoding="utf-8")
    log = SimpleNamespace(start=start, end=start + timedelta(days=300))
    cache = SimpleNamespace(
        get_or_load=lambda settings, get_learning_end, load: get_learning_end(log.start, log.end) and log
    )
    monkeypatch.setattr("clv_experiments.config.log_and_window.LOG_CACHE", cache)


@pytest.mark.usefixtures("_a_log")
@pytest.mark.parametrize("command", COMMANDS)
def test_mutated_commands_end_in_a_sentence(command):
    rng, keys = random.Random(command), composed_keys(command)
    assert [wrong for _ in range(5) if (wrong := fault(command, mutated(rng, command, keys)))] == []


@pytest.mark.usefixtures("_a_log")
def test_a_setting_that_a_step_does_not_take_is_said_in_words():
    with pytest.raises(ClvError, match=r"^data\.cleaning\.missing_date cannot be built as it is set: it takes no 'a'$"):
        check("export", [*COMMANDS["export"], "+data.cleaning.missing_date={a: 1}"])


many_commands = pytest.mark.skipif(
    "CLV_FUZZ" not in os.environ, reason="thousands of commands take a quarter of an hour: set CLV_FUZZ=1"
)


def assert_no_fault(commands, capsys):
    """Try pairs of a command and what is typed, and tell the terminal how many; a failure lists all faults."""
    faults = [wrong for command, typed in commands if (wrong := fault(command, typed))]
    with capsys.disabled():
        sys.stdout.write(f"\n{len(commands):,} commands tried, {len(faults)} at fault\n")
        sys.stdout.flush()
    assert faults == []


@cache
def settings():
    """Every setting once, with the first of the commands that have it."""
    return {key: command for command in reversed(COMMANDS) for key in composed_keys(command)}


@many_commands
@pytest.mark.usefixtures("_a_log")
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_every_setting_takes_odd_values_or_says_why_not(value, capsys):
    commands = [(command, [*COMMANDS[command], f"{key}={value}"]) for key, command in settings().items()]
    assert_no_fault(commands, capsys)


@many_commands
@pytest.mark.usefixtures("_a_log")
@pytest.mark.parametrize("command", COMMANDS)
def test_many_mutated_commands_end_in_a_sentence(command, capsys):
    rng, keys = random.Random(f"many {command}"), composed_keys(command)
    assert_no_fault([(command, mutated(rng, command, keys)) for _ in range(200)], capsys)


@pytest.mark.slow
@pytest.mark.usefixtures("_a_log")
def test_a_valid_command_passes():
    for command in COMMANDS:
        check(command, COMMANDS[command])
