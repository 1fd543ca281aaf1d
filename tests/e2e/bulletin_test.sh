#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a report says beyond sums: three traps at two sites, a botnet that halves on 2010-10-01 while a new
# trap begins on the same day, so that the sum does not show it.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 - >"$work/table.csv" <<'PY'
import datetime
print("from,trap,site,botnet,messages,hosts")
for t in range(91):
    day = datetime.date(2010, 8, 2) + datetime.timedelta(t)
    for n, (trap, site, size, born) in enumerate([("a1", "a", 60, 0), ("a2", "a", 30, 0), ("b1", "b", 45, 0), ("c1", "c", 60, 60)]):
        for botnet, part in (("rustock", 0.6), ("lethic", 0.2), ("", 0.2)):
            if t >= born:
                fall = 0.5 if botnet == "rustock" and t >= 60 else 1.0
                print(f"{day},{trap},{site},{botnet},{round(size * part * fall) + (3 * t + n) % 3},8")
PY
mkdir -p "$SPAMGAUGE_DATA"
check 'a store' "$COUNT_STORE" "$work/table.csv" "$SPAMGAUGE_DATA/spamgauge.db"
exits 'text' 0 "$sg" report --since 2010-09-01 --until 2010-10-11
check 'has changes' grep -qE '^2010-10-01 +botnet rustock +−(4[6-9]|5[0-4]) %' "$work/out"
check 'says what fell' grep -q '^What fell' "$work/out"
check 'has hosts' grep -q '^Infected hosts' "$work/out"
check 'has the index' grep -q '^Volume index by week' "$work/out"
exits 'JSON' 0 "$sg" report --since 2010-09-01 --until 2010-10-11 -f json
cp "$work/out" "$work/report.json"
python3 - "$work/report.json" >"$work/figures" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
lines = {l["name"]: l for l in r["index"]["lines"]}
for name in ("all", "rustock", "lethic", "unknown"):
    l = lines[name]
    p = l["points"][l["newest"]]
    print(name, round(p["index"]), p["low"] < p["index"] < p["high"], l["checks"]["sites"])
PY
check 'all fell by a third' grep -qE '^all (6[7-9]|7[0-5]) True 3$' "$work/figures"
check 'rustock halved' grep -qE '^rustock (4[5-9]|5[0-7]) True 3$' "$work/figures"
check 'lethic stayed' grep -qE '^lethic (9[4-9]|10[0-6]) True' "$work/figures"
check 'hosts have an estimate' python3 -c "
import json, sys
lines = {l['name']: l for l in json.load(open(sys.argv[1]))['hosts_estimated']}
m = lines['rustock']['machines_estimated']
assert lines['rustock']['addresses_day_mean']['value'] <= lines['rustock']['addresses_period']['value']
assert m['value'] is None or m['low'] <= m['value'] <= m['high']
assert lines['all']['addresses_period']['value'] >= lines['rustock']['addresses_period']['value']
" "$work/report.json"
check 'unknown is a line' grep -q '^unknown ' "$work/figures"
check 'the halving is found' python3 -c "
import json, sys
r = json.load(open(sys.argv[1]))
found = {(c['dimension'], c['value']): c for c in r['changes']}
c = found['botnet', 'rustock']
assert c['date'].startswith('2010-10-01'), c['date']
assert c['direction'] == 'fall'
assert ('site', 'b') in found or ('total', 'all') in found
assert r['what_fell'] and r['what_fell']['ratio_high'] < 1
assert any('rustock' in f['text'] for f in r['what_fell']['findings'])
" "$work/report.json"
exits 'twice' 0 "$sg" report --since 2010-09-01 --until 2010-10-11 -f json
check 'gives the same bytes' cmp "$work/report.json" "$work/out"
exits 'sums alone' 0 "$sg" report --sums -f json
check 'have no index' sh -c "! grep -q '\"index\"' '$work/out'"
exits 'a single day' 0 "$sg" report --since 2010-09-01 --until 2010-09-02 -f json
check 'has no index' grep -q '"index": null' "$work/out"
finish
