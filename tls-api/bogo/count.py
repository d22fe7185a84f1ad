"""Counts the outcomes of the relevant tests, reports failures, and updates the table in README.md."""

import collections
import json
import os
import re
import sys

here, result, log, *pattern = sys.argv[1:]
with open(result) as file:
    outcomes = {name: test["actual"] for name, test in json.load(file)["tests"].items()}
with open(f"{here}/relevant.tsv") as file:
    relevant = [line.rstrip("\n").split("\t") for line in file][1:]

NAMES = {"PASS": "passed", "FAIL": "failed", "SKIP": "unimplemented"}
total, groups, failed = collections.Counter(), collections.defaultdict(collections.Counter), []
for name, group in relevant:
    # The runner does not report disabled tests.
    outcome = NAMES.get(outcomes.get(name), "disabled")
    total[outcome] += 1
    groups[group][outcome] += 1
    if outcome == "failed":
        failed.append(name)

if failed:
    with open(log) as file:
        text = file.read()
    for name in failed:
        output = re.search(r"FAILED \(" + re.escape(name) + r"\)\n(.*?)(?=\n(?:PASSED|FAILED|UNIMPLEMENTED) \(|\Z)", text, re.S)
        print(f"FAILED {name}")
        if pattern and output:
            print(output.group(1)[:2000])

columns = ["passed", "failed", "unimplemented", "disabled"]
if pattern:
    print(", ".join(f"{total[column]} {column}" for column in columns[:3]))
    sys.exit(1 if failed else 0)

rows = ["| group | tests | " + " | ".join(columns) + " |", "|---|---|---|---|---|---|"]
for group, counts in sorted(groups.items(), key=lambda item: -sum(item[1].values())):
    rows.append(f"| {group} | {sum(counts.values())} | " + " | ".join(str(counts[column]) for column in columns) + " |")
with open(f"{here}/README.md") as file:
    readme = file.read()
begin, end = "<!-- by run -->\n", "<!-- until here -->"
head, rest = readme.split(begin)
if "BOGO_BACKEND" not in os.environ:
    with open(f"{here}/README.md", "w") as file:
        file.write(head + begin + "\n".join(rows) + "\n" + end + rest.split(end)[1])

least = int(re.search(r"at least (\d+)", readme).group(1))
print(", ".join(f"{total[column]} {column}" for column in columns) + f" of {len(relevant)} relevant")
if total["passed"] < least:
    print(f"expected at least {least} passed")
sys.exit(1 if failed or total["passed"] < least else 0)
