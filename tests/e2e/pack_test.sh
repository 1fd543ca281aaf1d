#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped rules: sound, tested, sourced, told of in docs/pack.md; and each gives its label beside all the others.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
root=$(cd "$here/../.." && pwd)
folders=("$root/rules/botnets" "$root/rules/mailers" "$root/rules/programs")
for folder in "${folders[@]}"; do
    name=$(basename "$folder")
    exits "$name: no finding" 0 "$sg" rules check --strict "$folder"
    exits "$name: their own tests" 0 "$sg" rules test "$folder"
    check "$name: all of them passed" grep -qE '^[1-9][0-9]* passed, 0 failed$' "$work/out"
done
exits 'the whole pack: no finding' 0 "$sg" rules check --strict "${folders[@]}"
"$sg" rules list -f json "${folders[@]}" >"$work/list.json"
same 'every file is a rule' "$(find "${folders[@]}" -name '*.yaml' | wc -l)" \
    "$(python3 -c "import json;print(len(json.load(open('$work/list.json'))['rules']))")"
exits 'nothing else lies there' 1 bash -c "find ${folders[*]} -type f ! -name '*.yaml' | grep ."

cat >"$work/pack.py" <<'PY'
"""check ROOT LIST: the rules against what the pack promises. split ROOT FOLDER: match messages into files.
best ROOT LIST EXPLAINED: the label of each of those beside the whole pack."""
import json
import pathlib
import re
import sys

# Named as the sender by a public source (docs/pack.md); other traits name a mailer.
NAMED = {"cutwail", "rustock", "srizbi", "bobax", "storm", "festi"}
# Two sources contradict each other: both rules stand, so the other label may be ahead.
TIES = {"bulker-biz-united-pharmacy", "bulker-biz-european-pharmacy", "spamit-united-pharmacy", "spamit-european-pharmacy"}


def rules(root):
    for path in sorted(pathlib.Path(root, "rules").glob("*/*.yaml")):
        if path.parent.name in ("botnets", "mailers", "programs"):
            yield path, path.read_text()


def messages(text, kind):
    """The block scalars of tests.match or tests.reject, in the one way this pack writes them."""
    part = re.search(r"^  %s:\n((?:    .*\n|\n)*)" % kind, text.split("\ntests:\n")[1], re.M).group(1)
    found = []
    for line in part.splitlines():
        if line == "    - |":
            found.append([])
        else:
            found[-1].append(line[6:])
    return ["\n".join(lines) + "\n" for lines in found]


def check(root, listed):
    listed = {r["id"]: r for r in json.load(open(listed))["rules"]}
    page = pathlib.Path(root, "docs/pack.md").read_text()
    bad, ids = [], {}
    for path, text in rules(root):
        name = path.stem
        ident = re.search(r"^id: ([0-9a-f-]+)$", text, re.M).group(1)
        if not re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", ident):
            bad.append(name + ": id is no random UUID")
        if ident in ids:
            bad.append(f"{name}: id of {ids[ident]}")
        ids[ident] = name
        rule = listed.get(ident)
        if not rule:
            bad.append(name + ": not in the list")
            continue
        if not rule["reference"].startswith("http"):
            bad.append(name + ": no reference")
        for kind in ("match", "reject"):
            found = messages(text, kind)
            if len(found) < 2 or len(set(found)) < len(found):
                bad.append(f"{name}: {len(set(found))} different messages to {kind}")
        if rule["kind"] == "botnet" and rule["label"] not in NAMED:
            bad.append(f"{name}: no source names the botnet {rule['label']}")
        if rule["kind"] + "s" != path.parent.name:
            bad.append(f"{name}: a {rule['kind']} rule in {path.parent.name}")
        if f"`{name}`" not in page:
            bad.append(name + ": not in docs/pack.md")
    for name in sorted(set(re.findall(r"`([a-z0-9-]+)`", page.split("## Rows")[1])) - set(ids.values())):
        bad.append(f"docs/pack.md tells of {name}, which is no rule")
    return bad


def split(root, folder):
    for path, text in rules(root):
        for i, message in enumerate(messages(text, "match")):
            pathlib.Path(folder, f"{path.stem}__{i}.eml").write_text(message)
    return []


def best(root, listed, explained):
    listed = {pathlib.Path(r["file"]).stem: r for r in json.load(open(listed))["rules"]}
    bad, seen = [], 0
    for block in re.split(r"(?m)^(?=/\S+__\d+\.eml \(message )", open(explained).read())[1:]:
        name = re.match(r"\S*/(.*)__\d", block).group(1)
        rule = listed[name]
        said = {k: re.search(rf"(?m)^{k} +(\S+):", block).group(1) for k in ("botnet", "mailer", "program")}
        seen += 1
        if rule["kind"] != "botnet" and said["botnet"] != "unknown":
            bad.append(f"{name}: also the botnet {said['botnet']}")
        if rule["status"] == "test":  # labels nothing
            if f"match {rule['kind']} {rule['label']} " not in block:
                bad.append(f"{name}: not listed")
        elif name in TIES:
            if "CONFLICT" not in block:
                bad.append(f"{name}: no conflict told")
        elif said[rule["kind"]] != rule["label"]:
            bad.append(f"{name}: the pack says {said[rule['kind']]}")
        elif rule["confidence"] > 0.9 and rule["status"] == "stable" and "not decided" in re.search(rf"(?m)^{rule['kind']} .*", block).group(0):
            bad.append(f"{name}: not decided beside the others")
    return bad if seen > 2 * len(listed) - 1 else bad + [f"only {seen} messages"]


problems = {"check": check, "split": split, "best": best}[sys.argv[1]](*sys.argv[2:])
print("\n".join(problems))
sys.exit(bool(problems))
PY
check 'ids, sources, tests, page' python3 "$work/pack.py" check "$root" "$work/list.json"
mkdir "$work/mail"
check 'match messages are taken out' python3 "$work/pack.py" split "$root" "$work/mail"
printf 'rules: ["%s", "%s", "%s"]\n' "${folders[@]}" >"$work/all.yaml"
exits 'they are explained with the whole pack' 0 "$sg" rules explain -c "$work/all.yaml" "$work"/mail/*.eml
cp "$work/out" "$work/explained"
check 'each message gets the label of its rule' python3 "$work/pack.py" best "$root" "$work/list.json" "$work/explained"
finish
