# SPDX-License-Identifier: GPL-3.0-or-later
"""layers_test.py SRC: rooms include only rooms below them (DESIGN 3), and what is no room of theirs is not used.

TAP output. The order is docs/layers.md's."""
import os
import re
import sys

BELOW = {
    "core": [],
    "stat": ["core"],
    "net": ["core"],
    "spool": ["core"],
    "mail": ["core"],
    "smtp": ["core", "net", "spool"],
    "print": ["core", "net", "spool", "mail"],
    "sig": ["core", "mail", "print"],
    "cluster": ["core", "stat", "mail", "print"],
    "store": ["core", "spool", "mail", "print", "cluster"],
    "analyse": ["core", "spool", "mail", "print", "sig", "cluster", "store"],
    "observe": ["core", "stat", "mail", "sig", "cluster", "store"],
    "simulate": ["core", "stat", "spool", "mail"],
    "out": ["core", "stat", "spool", "mail", "print", "sig", "cluster", "store", "analyse", "observe"],
    "serve": ["core", "net", "spool", "mail", "smtp", "print", "sig", "cluster", "store", "analyse"],
    "cmd": ["core", "stat", "net", "spool", "mail", "smtp", "print", "sig", "cluster", "store", "analyse", "observe", "simulate", "serve", "out"],
}
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|atoi|atol|strtok)\s*\(")
src = sys.argv[1]
cases = []
for room in sorted(os.listdir(src)):
    wrong, banned, unlicensed = [], [], []
    folder = os.path.join(src, room)
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(base, name)
            if not name.endswith((".c", ".h", ".def")):
                continue
            text = open(path, encoding="utf-8").read()
            if "SPDX-License-Identifier: GPL-3.0-or-later" not in text.split("\n", 1)[0]:
                unlicensed.append(path)
            for n, line in enumerate(text.split("\n"), 1):
                found = re.match(r'\s*#\s*include\s+"([a-z]+)/', line)
                if found and found.group(1) != room and found.group(1) not in BELOW.get(room, []):
                    wrong.append(f"{path}:{n}: {room} includes {found.group(1)}")
                if name.endswith((".c", ".h")) and BANNED.search(re.sub(r'"(\\.|[^"\\])*"|//.*|/\*.*?\*/', "", line)):
                    banned.append(f"{path}:{n}: {line.strip()}")
    cases.append((f"{room} is a known room", [] if room in BELOW else [folder]))
    cases.append((f"{room} includes only what is below it", wrong))
    cases.append((f"{room} calls nothing unbounded", banned))
    cases.append((f"{room} names its licence", unlicensed))
for i, (name, problems) in enumerate(cases, 1):
    print(("not ok" if problems else "ok") + f" {i} - {name}")
    for p in problems:
        print("# " + p)
print(f"1..{len(cases)}")
sys.exit(any(p for _, p in cases))
