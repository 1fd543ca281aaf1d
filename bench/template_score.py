#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""template_score.py [SPAMGAUGE] [--seeds 1,2] [--messages N] [--campaigns N] [--mess F] [--learn N] [--against PATH...] [--least]:
what the rules are worth that `campaign ID` draws from its templates, the way a user takes them.

For each seed: simulate; import the first N messages of each campaign and every other letter of people; write what `campaign ID`
prints under "A rule would search for" into a rule file; `rules check`; then `rules explain` says which rules match the
messages that were held out, and the mail of --against (ham). A message of a campaign is missed when no rule of its campaign's
clusters matches; a match on anything else is false. Counted are clusters of at least N messages; rules of smaller
ones are there for false matches only. With --least the exit status is 1 when over 1 % are missed or any match is false.
Seeds under 1000 are for tuning, from 1000 on held out."""
import argparse
import collections
import csv
import json
import os
import subprocess
import sys
import tempfile

from cluster_score import Store, split

HEAD = "A rule would search for"
RULE = """title: {name}
id: 00000000-0000-4000-8000-0000{number}
status: stable
references: ['https://example.com/{name}']
logsource: {{product: spamgauge, category: message}}
detection:
  text:
{search}
  condition: text
attribution: {{program: {name}, confidence: 95}}
"""


def searches(sg, options):
    """Of each campaign in the store: its id, messages, what is printed as a rule ('': none)."""
    listed = subprocess.run([sg, "campaigns", *options, "-f", "json", "--limit", "100000"], check=True, capture_output=True)
    for cluster in json.loads(listed.stdout)["campaigns"]:
        page = subprocess.run([sg, "campaign", *options, cluster["id"]], check=True, capture_output=True, text=True).stdout
        lines = page.split("\n")
        search = lines[lines.index(HEAD) + 1:] if HEAD in lines else []
        yield cluster["id"], cluster["messages"], "\n".join(search[:search.index("")]) if search else ""


def matches(sg, config, paths):
    """The rules that match, for each message in the order of reading."""
    found = []
    explain = subprocess.Popen([sg, "rules", "explain", "-c", config, *paths], stdout=subprocess.PIPE, text=True, errors="replace")
    for line in explain.stdout:
        if line.startswith("botnet "):
            found.append([])
        elif line.startswith("match program "):
            found[-1].append(line.split()[2])
    if explain.wait():
        sys.exit("rules explain failed")
    return found


def mbox_write(path, messages):
    with open(path, "wb") as f:
        f.write(b"".join(messages))


class Score:
    def __init__(self):
        self.rules, self.without = 0, 0  # clusters that count, with and without a rule
        self.held, self.missed, self.false, self.others = 0, 0, 0, 0

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self):
        return (f"{self.rules} rules ({self.without} campaigns without one); held out {self.held}, missed {self.missed} "
                f"({100 * self.missed / max(1, self.held):.2f} %); {self.false} false matches on {self.others} other messages")


def seed_run(sg, seed, options, folder):
    world, learn, held = (os.path.join(folder, name) for name in ("world", "learn.mbox", "held.mbox"))
    subprocess.run([sg, "simulate", "mail", "-q", "--seed", str(seed), "-n", str(options.messages), "--campaigns", str(options.campaigns),
                    "--mess", str(options.mess), "-o", world], check=True)
    with open(world + ".truth.csv", newline="") as f:
        truth = list(csv.DictReader(f))
    with open(world, "rb") as f:
        messages = split(f.read())
    count, sides = collections.Counter(), ([], [])
    for t, message in zip(truth, messages):
        n, campaign = count[t["campaign"]], t["campaign"]
        count[campaign] += 1
        sides[n >= options.learn if campaign else n % 2].append((t, message))
    mbox_write(learn, [m for _, m in sides[0]])
    mbox_write(held, [m for _, m in sides[1]])

    store = Store(sg, folder, learn, False)
    of_cluster = collections.defaultdict(collections.Counter)
    for t, _ in sides[0]:
        of_cluster["campaign-%08x" % (store.clusters[t["id"]][1][1] & 0xffffffff)][t["campaign"]] += 1
    rules = os.path.join(folder, f"rules-{seed}")
    os.mkdir(rules)
    score, of_rule, counted = Score(), {}, set()
    for name, size, search in searches(sg, ["-q", "-c", os.path.join(folder, "spamgauge.yaml"), "-d", os.path.join(folder, "store.db")]):
        campaign = of_cluster[name].most_common(1)[0][0]
        is_counted = size >= options.learn
        score.rules += is_counted and search != ""
        score.without += is_counted and search == ""
        if search:
            of_rule[name] = campaign
            counted |= {campaign} if is_counted else set()
            with open(os.path.join(rules, name + ".yaml"), "w") as f:
                f.write(RULE.format(name=name, number=name[-8:], search=search))
        elif is_counted:
            kind = next(t for t, _ in sides[0] if t["campaign"] == campaign)
            print(f"  {name} ({campaign}, {kind['type']}, {kind['layout']}): no rule")
    check = subprocess.run([sg, "rules", "check", rules], capture_output=True, text=True)
    if check.returncode:
        sys.exit(check.stdout + check.stderr)

    config = os.path.join(folder, "rules.yaml")
    with open(config, "w") as f:
        f.write(f"rules: ['{rules}']\n")
    missed, false = collections.Counter(), collections.Counter()
    tried = matches(sg, config, [held])
    assert len(tried) == len(sides[1])
    for (t, _), found in zip(sides[1], tried):
        campaigns = {of_rule[name] for name in found}
        score.held += t["campaign"] in counted
        missed[t["campaign"]] += t["campaign"] in counted - campaigns
        false.update((name, t["campaign"]) for name in found if of_rule[name] != t["campaign"])
    score.others = len(tried) - score.held
    for found in matches(sg, config, options.against) if options.against else []:
        score.others += 1
        false.update((name, "others' mail") for name in found)
    score.missed, score.false = sum(missed.values()), sum(false.values())
    print(f"seed {seed}: {score}", flush=True)
    for campaign, n in missed.most_common():
        if n:
            names = " ".join(name for name, c in of_rule.items() if c == campaign)
            print(f"  {campaign} ({names}): {n} of {count[campaign] - options.learn} missed")
    for (name, campaign), n in false.most_common():
        print(f"  {name} (of {of_rule[name]}) matches {n} of {campaign or 'people'}")
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        subprocess.run(["cp", "-r", rules, world, world + ".truth.csv", os.path.join(folder, "store.db"), held, options.keep], check=True)
    return score


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spamgauge", nargs="?", default=os.environ.get("SPAMGAUGE", "build/spamgauge"))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--messages", type=int, default=40000)
    parser.add_argument("--campaigns", type=int, default=12)
    parser.add_argument("--mess", type=float, default=0.5)
    parser.add_argument("--learn", type=int, default=1000, help="messages of each campaign that are imported")
    parser.add_argument("--against", nargs="*", default=[], help="mail that no rule may match")
    parser.add_argument("--keep", help="a folder for the mail, the store and the rules")
    parser.add_argument("--least", action="store_true", help="exit with 1 when over 1 %% are missed or a match is false")
    options = parser.parse_args()
    total = Score()
    for seed in options.seeds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            total.add(seed_run(options.spamgauge, int(seed), options, folder))
    print(f"all: {total}")
    return 1 if options.least and (total.missed > total.held / 100 or total.false) else 0


if __name__ == "__main__":
    sys.exit(main())
