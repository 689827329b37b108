"""The files of the shipped recipes in cli/examples, parsed."""

import configparser
import os
import re
from pathlib import Path

import yaml

EXAMPLES = Path(os.environ["RELAY_SOURCE_DIR"]) / "cli/examples"
AGENT = "payment-processor"
"""The agent of the examples."""


def workflow():
    return yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())


def pipeline():
    return yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())


def manifests():
    """{kind: document} of the Kubernetes example."""
    return {each["kind"]: each for each in yaml.safe_load_all((EXAMPLES / "kubernetes-cronjob.yaml").read_text())}


def compose():
    return yaml.safe_load((EXAMPLES / "docker/compose.yaml").read_text())


def unit(path):
    """A unit file as sections of the last value of each setting; lines that end in a backslash continue."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str
    parser.read_string(re.sub(r"\\\n\s*", "", Path(path).read_text()))
    return parser
