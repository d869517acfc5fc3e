"""The exact tier is light: what a hit may not import, checked in a fresh process."""

import subprocess
import sys
from pathlib import Path

from tests.cache.support import OpenStore, Project, keep

ROOT = Path(__file__).parents[2]
HEAVY = {
    "numpy",
    "faiss",
    "onnxruntime",
    "anthropic",
    "torch",
    "tokenizers",
    "sentence_transformers",
    "rich",
}
HIT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from optafly_cli.cache.question import build_question
from optafly_cli.cache.store import Store
from optafly_cli.cache.types import Hit
from optafly_cli.config.settings import CacheSettings
from optafly_cli.workspace.named import gather
from optafly_cli.workspace.root import find_workspace

root = Path(sys.argv[2])
workspace = find_workspace(root)
question = build_question(
    "fix this bug", gather(workspace, root, files=["src/main.rs:10"]), workspace, namespace="", model="claude-sonnet-5",
    system=None, parameters={"max_tokens": 1000},
    versions={"refiner": "1", "template": "1", "embedder": "all-MiniLM-L6-v2"},
    state=lambda: "", reselect=lambda prompt: "",
)
with Store.open(Path(sys.argv[1]), CacheSettings(ttl_days=100_000)) as store:
    found = store.look_up(question)
print(found.tier if isinstance(found, Hit) else found)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_an_exact_hit_imports_nothing_heavy(project: Project, open_store: OpenStore) -> None:
    """From the question to the answer, an exact hit gets by with the standard library."""
    store = open_store()
    keep(store, project.ask("fix this bug", "src/main.rs:10"))
    store.close()
    done = subprocess.run(
        [sys.executable, "-c", HIT, str(store.folder), str(project.root), str(ROOT)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    tier, modules = done.stdout.splitlines()
    assert tier == "exact"
    assert HEAVY & set(modules.split()) == set()
