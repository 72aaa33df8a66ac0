"""Where options are: in the conf/ that comes with the package and, beside it, in the conf/ of the working folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from clv_experiments.errors import ClvError

PACKAGE = Path(__file__).resolve().parents[1]


def packaged_conf_folder() -> Path:
    """Return the folder of the options that come with the package: inside an installed one, beside a checkout's src/.

    Raises
    ------
    ClvError
        If it is not there.
    """
    for folder in (PACKAGE / "conf", PACKAGE.parents[1] / "conf"):
        if (folder / "config.yaml").is_file():
            return folder
    raise ClvError(
        f"conf/ is missing from {PACKAGE}; install the package again: pip install --force-reinstall clv-experiments"
    )


def user_conf_folder() -> Path | None:
    """Return the conf/ of the working folder, whose options stand beside the packaged ones; None if there is none."""
    folder = Path.cwd() / "conf"
    return folder if folder.is_dir() and not folder.samefile(packaged_conf_folder()) else None


def find_option_files(group: str) -> dict[str, Path]:
    """Return the file of each option of a config group by its name; a packaged one goes before a user's own."""
    folders = [folder for folder in (user_conf_folder(), packaged_conf_folder()) if folder is not None]
    files = {path.stem: path for folder in folders for path in (folder / group).glob("*.yaml")}
    return dict(sorted(files.items()))


def list_file_times() -> tuple[tuple[Path, int], ...]:
    """Return every file of both folders with the time of its last change: what was read holds while they are equal."""
    files = [
        file for folder in (user_conf_folder(), packaged_conf_folder()) if folder for file in folder.rglob("*.yaml")
    ]
    return tuple((file, file.stat().st_mtime_ns) for file in sorted(files))


def read_options(group: str) -> list[DictConfig]:
    """Read every option of a config group, on top of those of the group that it names as its defaults.

    They are read once while no file changes, and nothing can be set in them.
    """
    return [*_read_cached_options(tuple((file, file.stat().st_mtime_ns) for file in find_option_files(group).values()))]


@lru_cache(maxsize=64)
def _read_cached_options(versions: tuple[tuple[Path, int], ...]) -> tuple[DictConfig, ...]:
    files = {file.stem: file for file, _ in versions}
    options = tuple(_read_option_with_parents(name, files) for name in files)
    for option in options:
        OmegaConf.set_readonly(option, True)
    return options


def _read_option_with_parents(name: str, files: dict[str, Path]) -> DictConfig:
    option = OmegaConf.load(files[name])
    assert isinstance(option, DictConfig)
    parents = [parent for parent in option.pop("defaults", []) if isinstance(parent, str) and parent in files]
    merged = OmegaConf.merge(*(_read_option_with_parents(parent, files) for parent in parents), option)
    assert isinstance(merged, DictConfig)
    return merged


def find_ignored_user_options() -> list[Path]:
    """Return the user's own files that nothing reads, since an option of their name comes with the package."""
    folder = user_conf_folder()
    if folder is None:
        return []
    files = sorted(folder.rglob("*.yaml"))
    return [file for file in files if (packaged_conf_folder() / file.relative_to(folder)).is_file()]
