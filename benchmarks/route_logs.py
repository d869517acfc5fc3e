"""Twenty logs, made for real on this machine: what pip, pytest, cargo, npm, apt, gcc, make, git and others print.

    python -m benchmarks.route_logs FOLDER [--repositories CLONES]

Each is the output, stdout and stderr together, of commands that run in a folder of their own: installs, test runs with
failures in them, builds that break, stack traces. What a tool needs and this machine lacks is left out, and said.
CLONES holds clones of public repositories as OWNER+NAME (or OWNER+NAME/repo); a log that is there already stays.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shutil import which

LONGEST_S = 240
LARGEST = 400_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """A log by its name: a shell script, the tools and the repository that it needs. `{python}` is this interpreter."""

    name: str
    script: str
    tools: tuple[str, ...] = ()
    repository: str = ""


_BREAK_CLICK = "sed -i 's/return value$/return str(value)/; s/self.required = required/self.required = False/' src/click/*.py"
_CRATES = """
for i in $(seq 40); do mkdir -p part$i/src; printf '[package]\\nname = "part%s"\\nversion = "0.%s.0"\\nedition = "2021"\\n' $i $i \
> part$i/Cargo.toml; echo "pub fn value(x: u64) -> u64 {{ x * $i }}" > part$i/src/lib.rs; done
mkdir -p src; (echo '[package]'; echo 'name = "whole"'; echo 'version = "1.0.0"'; echo 'edition = "2021"'; echo '[dependencies]'
for i in $(seq 40); do echo "part$i = {{ path = \\"part$i\\" }}"; done) > Cargo.toml
(for i in $(seq 40); do echo "#[test] fn value_$i() {{ let unused = 1; assert_eq!(part$i::value(3), 3 * $i); }}"; done
echo '#[test] fn breaks() {{ let all: Vec<u64> = vec![]; assert_eq!(all[2], 7, "third of {{:?}}", all); }}') > src/lib.rs
"""
_SOURCES = """
for i in $(seq 45); do echo "int value_$i(int x) {{ int unused; return x * $i; }}" > part$i.c; done
echo 'int main(void) {{ int total = 0; const char *name = 7; return value_46(total) + undeclared; }}' > main.c
(echo 'cmake_minimum_required(VERSION 3.18)'; echo 'project(parts C)'; echo 'file(GLOB PARTS part*.c)'
echo 'add_compile_options(-Wall)'; echo 'add_library(parts ${{PARTS}})'; echo 'add_executable(whole main.c)'
echo 'target_link_libraries(whole parts)') > CMakeLists.txt
"""
_STAMPED = """| while IFS= read -r line; do printf '%s %s\\n' "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ | cut -c1-27)Z" "$line"; done"""

RECIPES = (
    Recipe("pip-install", "{python} -m venv v && v/bin/pip install --no-cache-dir sphinx flask"),
    Recipe("pip-verbose", "{python} -m venv v && v/bin/pip install -v --no-cache-dir pydantic httpx"),
    Recipe("pip-conflict", "{python} -m venv v && v/bin/pip install 'flask==3.0.0' 'werkzeug<2' 'jinja2<3'"),
    Recipe("pip-again", "{python} -m venv v && v/bin/pip install -q sphinx && v/bin/pip install sphinx black nosuchpkg-"),
    Recipe("pytest-verbose", f"{_BREAK_CLICK}; PYTHONPATH=src {{python}} -m pytest -v -p no:cacheprovider tests --color=yes",
           repository="pallets+click"),
    Recipe("pytest-long", f"{_BREAK_CLICK}; PYTHONPATH=src {{python}} -m pytest -p no:cacheprovider tests --tb=long -rA",
           repository="pallets+click"),
    Recipe("pytest-xdist", f"{_BREAK_CLICK}; PYTHONPATH=src {{python}} -m pytest -v -n 2 -p no:cacheprovider tests --tb=short",
           repository="pallets+click"),
    Recipe("ci-stamped", f"({{python}} -m venv v && v/bin/pip install --no-cache-dir pytest && {_BREAK_CLICK}; PYTHONPATH=src "
           f"v/bin/python -m pytest -v tests/test_options.py tests/test_types.py) 2>&1 {_STAMPED}", repository="pallets+click"),
    Recipe("unittest-verbose", "{python} -m unittest -v test.test_json test.test_textwrap test.test_shlex test.test_configparser"),
    Recipe("python-recursion", "printf 'def down(n):\\n    return up(n)\\ndef up(n):\\n    return down(n + 1)\\ndef main():\\n    "
           "down(0)\\nmain()\\n' > a.py; {python} -c 'import traceback, runpy\\ntry: runpy.run_path(\"a.py\")\\nexcept "
           "RecursionError as e: [print(x, end=str()) for x in traceback.format_exception(e)]'; {python} a.py"),
    Recipe("python-requests", "printf 'import logging, concurrent.futures as f, urllib.request\\nlogging.basicConfig(level=10, "
           "format=\"%%(asctime)s %%(levelname)s worker: %%(message)s\")\\ndef get(i):\\n    logging.info(\"connecting to "
           "127.0.0.1:9\")\\n    try: urllib.request.urlopen(\"http://127.0.0.1:9\")\\n    except OSError: logging.exception(\"attempt"
           " %%d\", i)\\n[get(i) for i in range(25)]\\n' > a.py; {python} a.py"),
    Recipe("cargo-test", f"{_CRATES} cargo test --offline --color always", ("cargo",)),
    Recipe("cargo-broken", f"{_CRATES} echo 'pub fn f() -> u8 {{{{ let x: u8 = \"a\"; y }}}}' >> part20/src/lib.rs; cargo build --offline",
           ("cargo",)),
    Recipe("cmake-make", f"{_SOURCES} cmake . && make VERBOSE=0 -k", ("cmake", "make")),
    Recipe("gcc-templates", "printf '#include <map>\\n#include <string>\\n#include <algorithm>\\n#include <vector>\\nstruct S {};\\nint main() {"
           " std::map<S, std::string> m; m[S()] = 3; std::vector<S> v; std::sort(v.begin(), v.end()); }\\n' > a.cc; g++ a.cc", ("g++",)),
    Recipe("npm-install", "npm init -y >/dev/null; npm install --loglevel http express mocha eslint", ("npm",)),
    Recipe("npm-mocha", "npm install --no-audit --no-fund; sed -i 's/this.statusCode = code/this.statusCode = 500/' lib/response.js;"
           " npx mocha --require test/support/env --reporter spec --check-leaks test/", ("npm",), "expressjs+express"),
    Recipe("apt-get", "apt-get -s install gimp default-jdk; cat /var/log/apt/term.log | tail -n 600", ("apt-get",)),
    Recipe("git-clone", "git clone --progress file://{repository} copy; cd copy && git merge nosuch; git log --stat -n 15",
           ("git",), "pytest-dev+pytest"),
    Recipe("java-overflow", "printf 'public class A {{ static int f(int n) {{ return g(n) + 1; }} static int g(int n) {{ return f(n + 1); }}"
           " public static void main(String[] a) {{ System.out.println(f(0)); }} }}' > A.java; java A.java", ("java",)),
    Recipe("linters", "{python} -m ruff check --isolated --select ALL --output-format concise src; {python} -m mypy --strict src",
           repository="pallets+click"),
    Recipe("node-tests", "for i in $(seq 40); do echo \"test('adds $i', () => assert.equal($i + 1, $((i + 1 + (i == 33)))))\"; done > b.js;"
           " (echo \"const {{test}} = require('node:test'); const assert = require('node:assert')\"; cat b.js) > a.test.js; node --test",
           ("node",)),
)  # fmt: skip


def missing(recipe: Recipe, repositories: Path) -> str | None:
    """What this machine lacks for it."""
    for tool in recipe.tools:
        if which(tool) is None:
            return tool
    return recipe.repository if recipe.repository and clone(recipe, repositories) is None else None


def clone(recipe: Recipe, repositories: Path) -> Path | None:
    """The repository that it runs in."""
    found = [repositories / recipe.repository / "repo", repositories / recipe.repository]
    return next((path for path in found if (path / ".git").exists() or (path / "HEAD").exists()), None)


def make(recipe: Recipe, repositories: Path) -> str:
    """Run it, and give what it printed."""
    with tempfile.TemporaryDirectory(prefix="optafly-log-") as folder:
        source = clone(recipe, repositories) if recipe.repository else None
        if source is not None:
            archive = subprocess.run(["git", "-C", str(source), "archive", "HEAD"], capture_output=True, check=True)
            subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        script = recipe.script.format(python=sys.executable, repository=source)
        environ = {**os.environ, "HOME": folder, "CARGO_TERM_COLOR": "auto", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environ = {name: value for name, value in environ.items() if not name.startswith(("OPTAFLY", "ANTHROPIC"))}
        for kept in ("CARGO_HOME", "RUSTUP_HOME"):
            environ.setdefault(kept, str(Path.home() / f".{kept.partition('_')[0].lower()}"))
        try:
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=LONGEST_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            return (late.stdout or b"").decode("utf-8", "replace")
        return re.sub(re.escape(folder), "/work/project", done.stdout.decode("utf-8", "replace"))


def logs(folder: Path, repositories: Path) -> dict[str, str]:
    """Every log by its name; made and kept in `folder` where it is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for recipe in RECIPES:
        path = folder / f"{recipe.name}.log"
        if not path.exists():
            if lacking := missing(recipe, repositories):
                print(f"{recipe.name}: left out, there is no {lacking} here", file=sys.stderr)
                continue
            path.write_bytes(make(recipe, repositories).encode("utf-8", "replace"))
        found[recipe.name] = path.read_bytes().decode("utf-8", "replace")[:LARGEST]
    return found


def main() -> int:
    """Make them, and say how long each is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repositories", type=Path, default=Path("/work/.mirror"))
    arguments = parser.parse_args()
    for name, text in logs(arguments.folder, arguments.repositories).items():
        print(f"{name:20} {len(text.splitlines()):6,} lines {len(text):9,} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
