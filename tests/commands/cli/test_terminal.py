"""The bar of a long search: lines that a log file can bear, a line of 80 columns on a terminal, and nothing lost."""

import io
import re

import pytest
from rich.console import Console

from clv_experiments.commands.cli.command_line import format_error
from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.errors import ClvError
from clv_experiments.reporting.text_table import TextTable


@pytest.fixture
def terminal():
    """A terminal of 80 columns whose output can be read."""
    terminal = Terminal()
    terminal.console = Console(
        file=io.StringIO(), force_terminal=True, width=80, highlight=False, markup=False, emoji=False
    )
    return terminal


def printed_lines(terminal):
    """What was written, line by line, without the codes that move and colour."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.console.file.getvalue()))


def test_a_file_gets_a_line_for_every_tenth_and_for_news(capsys):
    with Terminal().show_bar("trials") as update:
        for done in range(1, 41):
            update(done, 40, f"best D2 {0.3 if done < 6 else 0.4}")
    numbers = [1, 4, 6, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    expected = [f"trials {done} of 40, best D2 {0.3 if done < 6 else 0.4}" for done in numbers]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("total", [1000, None])
def test_a_file_is_not_flooded(capsys, total):
    with Terminal().show_bar("trials") as update:
        for done in range(1, 1001):
            update(done, total, f"best {done}")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 31
    assert lines[-1] == ("trials 1000 of 1000, best 1000" if total else "trials 1000, best 1000")


def test_an_interrupted_search_says_how_far_it_came(capsys, terminal):
    for shows in (Terminal(), terminal):
        with pytest.raises(KeyboardInterrupt), shows.show_bar("trials") as update:
            update(1, 100, "best 0.1")
            update(2, 100, "best 0.1")
            raise KeyboardInterrupt
    lines = ["trials 1 of 100, best 0.1", "trials 2 of 100, best 0.1"]
    assert capsys.readouterr().out.splitlines() == lines
    assert printed_lines(terminal)[-2] == lines[1]


def test_nothing_done_says_nothing(capsys, terminal):
    for shows in (Terminal(), terminal):
        with shows.show_bar("trials"):
            pass
    assert capsys.readouterr().out == ""
    assert not re.search(r"trials \d", "".join(printed_lines(terminal)))


@pytest.mark.parametrize("note", ["best D2 0.391 (trial 12)", "[red]x[/red] $x_1$ :smile:", "far too long " * 20])
def test_a_terminal_shows_one_line_that_fits(terminal, note):
    with terminal.show_bar("trials") as update:
        update(7, 50, note)
    bars = [line for line in printed_lines(terminal) if "━" in line and "7 of 50" in line]
    assert bars
    assert all(len(line) <= 80 and line.startswith("trials ━") for line in bars)
    assert all(note[:20] in line and " left " in line for line in bars)
    assert "".join(printed_lines(terminal)[-len(note) // 80 - 2 :]).strip().endswith(f"7 of 50, {note}".strip())


def test_lines_of_a_run_inside_stay(terminal):
    with terminal.show_bar("trials") as update:
        update(1, 2, "")
        terminal.print_line("a line [b]of[/b] a run")
        print("a stray line")  # noqa: T201
        update(2, 2, "best 1")
    lines = [line.strip() for line in printed_lines(terminal)]
    assert "a line [b]of[/b] a run" in lines
    assert "a stray line" in lines
    assert lines[-2] == "trials 2 of 2, best 1"


def test_an_open_end_shows_no_time_left(terminal):
    with terminal.show_bar("trials") as update:
        update(3, None, "best 1")
    assert any("trials ━" in line and " 3 " in line for line in printed_lines(terminal))
    assert not any("left" in line for line in printed_lines(terminal))


def test_what_would_steer_a_terminal_is_not_printed(capsys):
    steering, terminal = "a\x1b[2J\x9b31m\x07b\u202ec", Terminal()
    terminal.print_line(steering)
    terminal.print_table(steering, TextTable([steering, "x"], [[steering, steering]], steering))
    printed = capsys.readouterr().out
    assert printed.count("a[2J31mbc") == 6
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(printed)
    assert format_error(ClvError(steering)) == "a[2J31mbc"
