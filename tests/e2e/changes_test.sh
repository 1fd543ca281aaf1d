#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `changes` on what vendors published of known events, through real stores. make_history.py makes them.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
for name in mccolo realhost july2012 rustock; do
    python3 "$here/make_history.py" $name >"$work/$name.csv"
    "$COUNT_STORE" "$work/$name.csv" "$work/$name.db" >/dev/null || not_ok "the store of $name"
done
cat >"$work/expect.py" <<'PYTHON'
import json, sys
changes = json.load(open(sys.argv[1]))["changes"]
def find(dimension, value, direction=None, since="0", until="9"):
    return [c for c in changes if c["dimension"] == dimension and c["value"] == value
            and direction in (None, c["direction"]) and since <= c["date"] < until]
def one(*arguments, **more):
    found = find(*arguments, **more)
    assert len(found) == 1, f"{arguments} {more}: {[c['date'] for c in found]}"
    return found[0]
def near(value, percent, margin):
    assert abs(100 * value - percent) <= margin, f"{100 * value:.1f}, expected {percent} +- {margin}"
exec(sys.stdin.read())
PYTHON
# json NAME ARGUMENT...: changes of a store, into $work/out
json() {
    local name=$1
    shift
    exits "changes of $name $*" 0 "$sg" changes -d "$work/$name.db" -f json "$@"
}
expect() { check "$1" python3 "$work/expect.py" "$work/out"; }

# IronPort -41 % in daily means and two thirds in the afternoon, SpamCop -75 %, Microsoft -40 % (circleid.com
# "Spam volumes dropped two thirds"; voices.washingtonpost.com/securityfix, November 2008; blogs.msdn.microsoft.com/tzink).
json mccolo
expect 'McColo: as deep as each vendor says' <<'PYTHON'
for site, percent in (("ironport", -41), ("spamcop", -75), ("microsoft", -40)):
    c = one("site", site)
    assert c["earliest"] <= "2008-11-12" <= c["latest"] and c["fate"] == "lasting" and c["is_part"]
    near(c["change"], percent, 3)
    assert c["change_low"] <= percent / 100 + .01 and percent / 100 - .01 <= c["change_high"]
PYTHON
expect 'the total fell, at all of them' <<'PYTHON'
c = one("total", "all")
assert c["sites"] == c["sites_seen"] == 3 and c["traps_seen"] == 6 and not c["is_part"]
assert any("McColo disconnected" in e["title"] for e in c["events"])
PYTHON
"$sg" changes -d "$work/mccolo.db" >"$work/out"
check 'the text names the sites' grep -q 'seen at 3 of 3 sites: ironport −4' "$work/out"
check 'and tells of places once' grep -q '9 more, of single' "$work/out"
json mccolo --by hour --since 2008-11-10 --until 2008-11-20 --dimension site --site ironport
expect 'McColo by the hour: two thirds in the afternoon, less over longer windows' <<'PYTHON'
c = one("site", "ironport", "fall")
assert c["date"] == "2008-11-11T22:00:00Z", c["date"]
near(c["windows"]["6_hours"]["change"], -66, 4)
near(c["windows"]["24_hours"]["change"], -54, 4)
near(c["windows"]["7_days"]["change"], -43, 4)
PYTHON

# Cutwail -90 %, silent for 60 hours, hardly visible in the total (abuseat.org/public/realhost.html).
json realhost
expect 'Real Host: in the line of Cutwail, and transient' <<'PYTHON'
c = one("botnet", "cutwail", "fall")
assert "2009-08-01" in (c["date"], c["earliest"]) or c["date"] == "2009-08-02", c["date"]
assert c["fate"] == "transient" and c["returned"] == "2009-08-04"
assert one("botnet", "cutwail", "rise")["undoes"] == c["date"]
PYTHON
expect 'not in the total, nor in any other' <<'PYTHON'
assert all(c["value"] == "cutwail" for c in changes), changes
PYTHON
json realhost --by hour --since 2009-07-25 --until 2009-08-10 --botnet cutwail
expect 'by the hour: 60 hours' <<'PYTHON'
c = one("botnet", "cutwail", "fall")
assert (c["date"], c["returned"]) == ("2009-08-01T06:00:00Z", "2009-08-03T18:00:00Z"), c
PYTHON

# Lethic silent about 10 July, Grum's servers cut off from 16 to 18 July, its bots for a week longer
# (trustwave.com "Spam down: where is Lethic"); the sensors' gap of 26 and 27 June (perilocity.com).
json july2012
expect 'July 2012: Lethic fell' <<'PYTHON'
near(one("botnet", "lethic", "fall")["change"], -96, 2)
PYTHON
expect 'Grum did not grow, though its share did' <<'PYTHON'
assert not [c for c in changes if c["direction"] == "rise"], changes
assert one("botnet", "grum")["date"] >= "2012-07-24" and one("botnet", "grum")["share_before"] > .2
PYTHON
expect 'a gap is no drop' <<'PYTHON'
assert all(c["date"] >= "2012-07" for c in changes), changes
PYTHON

# Rustock 44.1 to under 0.5 billion a day from 25 December 2010 to 9 January 2011; 52 to 33 in all in the days
# after 16 March 2011, -33.6 % in two days, -2 % over the month (MessageLabs; securitytoday.com 2011-03-29, itproportal.com 2011-01-26).
json rustock
expect 'Christmas 2010 is transient' <<'PYTHON'
c = one("botnet", "rustock", "fall", until="2011")
assert c["date"] == "2010-12-25" and c["change"] < -.98 and c["fate"] == "transient"
assert c["returned"] == "2011-01-10" and c["holiday"] == "Christmas"
near(one("total", "all", "fall", until="2010-12-26")["change"], -57, 4)
PYTHON
expect '16 March 2011 is lasting, and its size depends on the window' <<'PYTHON'
c = one("botnet", "rustock", "fall", since="2011")
assert c["date"] == "2011-03-16" and c["change"] < -.98 and c["fate"] == "lasting"
c = one("total", "all", "fall", since="2011")
assert c["date"] == "2011-03-16" and c["fate"] == "lasting"
near(c["windows"]["2_days"]["change"], -33.6, 4)
near(c["windows"]["month"]["change"], -2, 3)
PYTHON
json rustock --interval bootstrap --since 2011-03-01 --until 2011-04-01 --dimension total
expect 'the block bootstrap agrees' <<'PYTHON'
c = one("total", "all", "fall")
assert c["change_low"] < c["change"] < c["change_high"] < -.2
PYTHON

# As a tool
d=$work/rustock.db
exits 'a change gives 1 to scripts' 1 "$sg" changes -d "$d" --since 2011-03-10 --until 2011-03-20 --exit-code
exits 'none gives 0' 0 "$sg" changes -d "$d" --since 2010-11-01 --until 2010-12-01 --exit-code
check 'and says so' grep -q '^0 changes of 10 % or more' "$work/out"
exits 'none of half or more' 0 "$sg" changes -d "$d" --since 2011-03-19 --until 2011-04-20 --least 50% --exit-code
exits 'all there are' 0 "$sg" changes -d "$d" --all --least 0
"$sg" changes -d "$d" -f json >"$work/a"
"$sg" changes -d "$d" -f json >"$work/b"
check 'the same bytes each time' cmp "$work/a" "$work/b"
for f in text jsonl csv; do
    exits "-f $f" 0 "$sg" changes -d "$d" -f $f
    cp "$work/out" "$work/changes.$f"
done
check 'each form has all' python3 -c "import csv, json, sys
folder = sys.argv[1]
rows = json.load(open(folder + '/a'))['changes']
assert rows == [json.loads(line) for line in open(folder + '/changes.jsonl')]
cells = list(csv.DictReader(open(folder + '/changes.csv')))
assert [r['date'] for r in rows] == [r['date'] for r in cells] and len(rows) > 8" "$work"
check 'lines fit' python3 -c 'import sys; sys.exit(any(len(l) > 81 for l in open(sys.argv[1], encoding="utf-8")))' "$work/changes.text"
exits 'one trap' 0 "$sg" changes -d "$work/mccolo.db" --trap spamcop-1 --dimension total
check 'has its depth' grep -q ' all  −7[4-7] %' "$work/out"
exits 'hosts' 0 "$sg" changes -d "$d" --unit hosts --dimension total --dimension botnet
exits 'bytes' 0 "$sg" changes -d "$d" --unit bytes --dimension total
check 'in their unit' grep -q 'MB a day' "$work/out"
exits 'hours of ten years' 5 "$sg" changes -d "$d" --by hour --since 2000-01-01 --until 2010-01-01 --dimension total
exits 'hours of two years' 5 "$sg" changes -d "$d" --by hour --since 2009-01-01 --until 2011-01-01 --dimension total
check 'says how many there may be' grep -q 'at most 344 days' "$work/err"
exits 'a bad bucket' 2 "$sg" changes -d "$d" --by week
exits 'a bad dimension' 2 "$sg" changes -d "$d" --dimension host
exits 'a bad percentage' 2 "$sg" changes -d "$d" --least much
exits 'two ways to say which' 2 "$sg" changes -d "$d" --botnet a --dimension total
exits 'an unknown label' 0 "$sg" changes -d "$d" --botnet nosuch
exits 'an empty period' 2 "$sg" changes -d "$d" --since 2011-01-02 --until 2011-01-01
finish
