"""Prints what share of lines and branches the tests reach, for each folder: `coverage_by_folder.py SUMMARY.json`, a summary by gcovr."""

import json
import sys
from collections import defaultdict
from pathlib import Path

COUNTS = ("line_covered", "line_total", "branch_covered", "branch_total")


def by_folder(summary):
    """{folder: its COUNTS, added up}; the last folder is all of them."""
    folders = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for file in sorted(summary["files"], key=lambda file: file["filename"]):
        for count in COUNTS:
            folders[str(Path(file["filename"]).parent)][count] += file[count]
    return {**folders, "all": {count: summary[count] for count in COUNTS}}


def share(covered, total):
    return f"{100 * covered / total:6.1f} %" if total else "       -"


def main(path):
    for folder, counts in by_folder(json.loads(Path(path).read_text(encoding="utf-8"))).items():
        line_covered, line_total, branch_covered, branch_total = counts.values()
        print(f"{folder:32} lines {share(line_covered, line_total)}   branches {share(branch_covered, branch_total)}")


if __name__ == "__main__":
    main(sys.argv[1])
