"""The programs that read an environment as text, each by its real reader; and names that try to break out of it."""

import ctypes
import glob
import json
import subprocess

import yaml

from . import binaries

HOSTILE = [
    "plain", "two words", "It's", '"quoted"', "'", '"', "\\", "\\\\", "a\\", "\\n", "$HOME", "${HOME}", "$(id)", "`id`", "$", "$$", "%", "%h", "%%",
    "#", "a #b", "a#b", "#a", ";", "; id", "a;b", "&", "| id", "<x>", "(x)", "{x}", "[x]", "*", "?", "~", "!", "!!", "=", "a=b", "=a", ",", ":", "a: b",
    "- a", "-", "--", "@", "^", "null", "true", "yes", "no", "0x10", "1e3", "0123", "1_000", "2026-01-01", "~root", "é ä", "日本", "😀", "a\u00a0b", "a\u3000b",
    "x'; id; '", 'x"; id; "', "x\\'; id; \\'", '\\"', "\\$HOME", "'\"'\"'", "EOF", "export A=b", "a\\\\'b", "$'x'", "${x:-y}", "$((1))",
    "{{x}}", "<<: *a", "&a", "*a", "!!str x", "|", ">", "? a", "%YAML 1.1", "---", "...", "x" * 190,
]  # fmt: skip
SIGNS = "'\"\\$`%#;&|<>(){}[]*?!~=:,-@^ abZ09éß日😀"


def random_name(random):
    """A text that the schema accepts as a name: no controls, no blank at an end."""
    return random.choice(SIGNS.replace(" ", "")) + "".join(random.choices(SIGNS, k=random.randint(0, 20))) + random.choice(SIGNS.replace(" ", ""))


def read_docker(path):
    """docker run --env-file, as its documentation and its source (opts/env.go) say: the text after = as it is."""
    found = {}
    for line in path.read_bytes().split(b"\n"):
        line = line.removesuffix(b"\r").decode("utf-8").lstrip()
        if line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals and name and not any(sign.isspace() for sign in name)
            found[name] = value
    return found


def read_sh(shell):
    """Returns a reader (without what the shell itself sets): the shell runs the file in an empty environment, and a program that it starts shows its own."""

    def read(path):
        done = subprocess.run([binaries.tool(shell), "-c", '. "$1" && exec env -0', shell, str(path)], env={}, cwd=path.parent,
                              capture_output=True, check=True)  # fmt: skip
        assert done.stderr == b""
        pairs = (entry.decode().partition("=") for entry in done.stdout.split(b"\0") if entry)
        return {name: value for name, _, value in pairs if name not in ("PWD", "SHLVL", "_", "OLDPWD", "HOME", "LOGNAME")}

    return read


def read_systemd(path):
    """EnvironmentFile=, by the parser in systemd's own library."""
    library = ctypes.CDLL(glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")[0])
    lines = ctypes.POINTER(ctypes.c_char_p)()
    library.load_env_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.POINTER(ctypes.c_char_p))]
    assert library.load_env_file(None, str(path).encode(), ctypes.byref(lines)) >= 0
    found = {}
    for line in lines:
        if line is None:
            return found
        name, _, value = line.decode("utf-8").partition("=")
        found[name] = value


def read_json(path):
    return json.loads(path.read_text())


def read_yaml(path):
    """A parser of YAML 1.1; JSON is YAML, too."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


READERS = {
    "env": [read_docker], "sh": [read_sh("dash"), read_sh("bash"), read_sh("zsh")], "systemd": [read_systemd], "json": [read_json, read_yaml],
}  # fmt: skip
