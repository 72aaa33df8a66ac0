"""Write the store that tests read as one of version 0.1, with that version's own commands.

    git worktree add --detach ../v0.1 789b3e6
    PYTHONPATH=../v0.1/src python tests/commands/store_0_1/make_store.py tests/commands/store_0_1/store_0_1.zip

A small log made up here, three runs. Pictures and the code beside models are left out, which no version
reads back; names of the machine and its user are overwritten.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

LOG = ("data.path=orders.csv", "window=1m", "evaluation.bootstrap_replicates=20")
COMMANDS = (
    ("train", *LOG, "model=bg_nbd"),
    ("train", *LOG, "model=ridge"),
    ("train", *LOG, "model=spend_rate", "window.origins=2"),
)


def write_orders(path: Path) -> None:
    """Write fourteen months of 150 customers, who come back less and less."""
    rng, rows = np.random.default_rng(0), []
    for customer in range(150):
        day, rate = rng.integers(0, 300), rng.gamma(2.0, 8.0) + 3.0
        while day < 425:
            rows.append((f"c{customer:03d}", pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(day))))
            day += rng.exponential(rate) + 1.0
    frame = pd.DataFrame(rows, columns=["customer_id", "date"]).sort_values(["date", "customer_id"])
    frame.assign(amount=rng.gamma(3.0, 12.0, len(frame)).round(2)).to_csv(path, index=False)


def clean(store: Path, written_as: Path) -> None:
    """Take out what is of this machine, and what nothing reads back."""
    with sqlite3.connect(store / "mlflow.db") as database:
        for tags, key, value in (("tags", "key", "value"), ("logged_model_tags", "tag_key", "tag_value")):
            database.execute(
                f"UPDATE {tags} SET {value} = 'somebody' WHERE {key} IN ('mlflow.source.name', 'mlflow.user')"
            )
        database.execute("UPDATE runs SET user_id = 'somebody', source_name = ''")
        for table, columns in columns_of_text(database).items():
            for column in columns:
                database.execute(
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)', (str(written_as), "/store")
                )
        database.commit()
    database.close()
    database = sqlite3.connect(store / "mlflow.db")
    database.execute("VACUUM")
    database.close()
    for file in [*store.rglob("*.png"), *store.glob("leaderboards"), *store.rglob("code"), *store.glob(".*")]:
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    for file in store.rglob("*"):
        if (
            file.is_file()
            and file.suffix in (".yaml", ".json", ".txt", ".md", ".html", "")
            and file.name != "mlflow.db"
        ):
            file.write_text(file.read_text().replace(str(written_as), "/store"))


def columns_of_text(database: sqlite3.Connection) -> dict[str, list[str]]:
    """List the columns of each table that may hold a path."""
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    kinds = {table: database.execute(f'PRAGMA table_info("{table}")').fetchall() for table in tables}
    return {
        table: [column[1] for column in columns if column[2].upper().startswith(("VARCHAR", "TEXT"))]
        for table, columns in kinds.items()
    }


def main(target: Path) -> None:
    """Make the store in a folder of its own, and pack it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_orders(folder / "orders.csv")
        for command in COMMANDS:
            program = [sys.executable, "-m", "clv_experiments.commands.cli.clv", *command]
            subprocess.run(program, cwd=folder, env=os.environ | {"PYTHONWARNINGS": "ignore"}, check=True)
        clean(folder / "mlruns", (folder / "mlruns").resolve())
        shutil.make_archive(str(target.resolve().with_suffix("")), "zip", folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
