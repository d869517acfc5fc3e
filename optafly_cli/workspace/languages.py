"""The language of a file, from its name alone.

In: a path or label. Out: a lower-case name as Markdown fences use it ("rust", "python", "cpp"), or "" when unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_EXTENSIONS = {
    "py": "python", "pyi": "python", "pyw": "python", "pyx": "python",
    "rs": "rust", "go": "go", "java": "java", "kt": "kotlin", "kts": "kotlin", "scala": "scala", "groovy": "groovy",
    "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "typescript", "mts": "typescript", "cts": "typescript", "tsx": "typescript",
    "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hh": "cpp", "hpp": "cpp", "hxx": "cpp", "ino": "cpp",
    "cu": "cpp", "cuh": "cpp", "m": "objectivec", "mm": "objectivec",
    "cs": "csharp", "fs": "fsharp", "vb": "vbnet", "swift": "swift", "dart": "dart", "zig": "zig", "nim": "nim",
    "rb": "ruby", "rake": "ruby", "gemspec": "ruby", "php": "php", "pl": "perl", "pm": "perl", "lua": "lua",
    "sh": "bash", "bash": "bash", "zsh": "bash", "ksh": "bash", "bats": "bash", "fish": "fish", "ps1": "powershell",
    "psm1": "powershell", "bat": "batch", "cmd": "batch", "r": "r", "jl": "julia", "hs": "haskell", "ml": "ocaml",
    "mli": "ocaml", "ex": "elixir", "exs": "elixir", "erl": "erlang", "clj": "clojure", "cljs": "clojure",
    "lisp": "lisp", "el": "lisp", "scm": "scheme", "sql": "sql", "proto": "protobuf", "graphql": "graphql",
    "gql": "graphql", "html": "html", "htm": "html", "css": "css", "scss": "scss", "sass": "sass", "less": "less",
    "vue": "vue", "svelte": "svelte", "xml": "xml", "xsd": "xml", "svg": "xml", "json": "json", "jsonc": "json",
    "jsonl": "json", "yaml": "yaml", "yml": "yaml", "toml": "toml", "ini": "ini", "cfg": "ini", "properties": "ini",
    "tf": "hcl", "hcl": "hcl", "nix": "nix", "cmake": "cmake", "mk": "makefile", "gradle": "groovy", "bzl": "python",
    "md": "markdown", "markdown": "markdown", "rst": "rst", "tex": "latex", "adoc": "asciidoc", "diff": "diff",
    "patch": "diff", "sol": "solidity", "v": "verilog", "sv": "verilog", "vhd": "vhdl", "asm": "asm", "s": "asm",
    "f": "fortran", "f90": "fortran", "cob": "cobol", "pas": "pascal", "d": "d", "wgsl": "wgsl", "glsl": "glsl",
}  # fmt: skip
_NAMES = {
    "makefile": "makefile", "gnumakefile": "makefile", "dockerfile": "dockerfile", "containerfile": "dockerfile",
    "cmakelists.txt": "cmake", "gemfile": "ruby", "rakefile": "ruby", "jenkinsfile": "groovy", "vagrantfile": "ruby",
    "cargo.lock": "toml", "pipfile": "toml", "poetry.lock": "toml", "uv.lock": "toml", "go.mod": "go",
    "justfile": "makefile",
    "build": "python", "workspace": "python", "build.bazel": "python", ".bashrc": "bash", ".zshrc": "bash",
    ".profile": "bash", ".editorconfig": "ini", ".gitconfig": "ini", "pkgbuild": "bash",
}  # fmt: skip


def language_of(path: str | Path) -> str:
    """The language that the file's name says, "" when it says none. No file is read."""
    name = str(path).replace("\\", "/").rsplit("/", 1)[-1].lower()
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    stem, dot, extension = name.rpartition(".")
    return _EXTENSIONS.get(extension, "") if dot and stem else ""
