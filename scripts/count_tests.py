# SPDX-License-Identifier: GPL-3.0-or-later
"""count_tests.py TESTLOG.json: prints "PASSED FAILED SKIPPED" over all cases of a meson test log.

A TAP test counts its own cases, another test is one case."""
import json
import re
import sys

passed = failed = skipped = 0
try:
    lines = open(sys.argv[1], encoding="utf-8", errors="replace").readlines()
except FileNotFoundError:
    lines = []
for line in lines:
    test = json.loads(line)
    cases = re.findall(r"^(not )?ok \d+([^\n]*)", test.get("stdout") or "", re.M)
    if cases:
        for bad, rest in cases:
            if re.search(r"# *skip", rest, re.I):
                skipped += 1
            elif bad:
                failed += 1
            else:
                passed += 1
        if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not any(bad for bad, _ in cases):
            failed += 1  # crashed or left early
    elif test["result"] == "SKIP":
        skipped += 1
    elif test["result"] in ("OK", "EXPECTEDFAIL"):
        passed += 1
    else:
        failed += 1
print(passed, failed, skipped)
