"""What a notebook calls: ``read_log``, ``train``, ``leaderboard``, ``score``; the commands, without a command line."""

from clv_experiments.commands.api.boards import Board, leaderboard
from clv_experiments.commands.api.logs import Log, read_log
from clv_experiments.commands.api.results import Result, train
from clv_experiments.commands.api.scores import score

__all__ = ["Board", "Log", "Result", "leaderboard", "read_log", "score", "train"]
