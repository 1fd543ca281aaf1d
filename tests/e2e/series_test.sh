#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Series out of a store with a known history (series_table.py).
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
exits 'a series without a store' 5 "$sg" series index
mkdir -p "$SPAMGAUGE_DATA"
python3 "$here/series_table.py" >"$work/table.csv"
check 'a store of known counts' "$COUNT_STORE" "$work/table.csv" "$SPAMGAUGE_DATA/spamgauge.db"

for kind in index level share hosts exposure; do
    for f in text json jsonl csv; do
        exits "series $kind -f $f" 0 "$sg" series $kind --botnet grum -f $f
        cp "$work/out" "$work/$kind.$f"
        "$sg" series $kind --botnet grum -f $f >"$work/again"
        check 'is the same again' cmp "$work/again" "$work/$kind.$f"
    done
    check "$kind: 60 days in each form, each with its reason when it has no value" python3 - "$work/$kind" <<'PY'
import csv, json, sys
path, kind = sys.argv[1], sys.argv[1].rsplit("/", 1)[1]
points = json.load(open(path + ".json"))["points"]
lines = [json.loads(line) for line in open(path + ".jsonl")]
rows = list(csv.DictReader(open(path + ".csv", newline="")))
assert all((x.pop("dimension"), x.pop("value")) == ("botnet", "grum") for x in lines + rows)
assert points == lines and len(points) == len(rows) == 60
for p, r in zip(points, rows):
    assert list(p) == list(r), (p, r)
    assert (p[kind] is None) == (p["missing"] is not None), p
    assert (r[kind] == "") == (p[kind] is None)
    if p.get("low") is not None:
        assert p["low"] <= p[kind] <= p["high"], p
PY
done

check 'births, outages and late mail do not move index and level' python3 - "$work" <<'PY'
import json, sys
for kind, want in (("index", 100), ("level", 170)):
    for i, p in enumerate(json.load(open(f"{sys.argv[1]}/{kind}.json"))["points"]):
        assert abs(p[kind] / want - 1) < 0.025, p
        assert p["low"] < want < p["high"], p
        assert (p["exposure"] < 0.95) == (i < 15 or 20 <= i < 23 or i >= 58), (i, p)
        assert p["is_incomplete"] == (i == 59), (i, p)
PY
check 'grum stays, so its share says that others fell' python3 - "$work" <<'PY'
import json, sys
d = json.load(open(f"{sys.argv[1]}/share.json"))
for i, p in enumerate(d["points"]):
    assert p["reading"] == ("steady" if i < 45 else "others_fell"), (i, p)
    assert abs(p["share"] - (2 / 7 if i < 45 else 1 / 2)) < 0.02, (i, p)
    assert abs(p["level"] - 170) < 5, (i, p)
assert any("15 of 60 days" in note and "others fell" in note for note in d["notes"])
PY
check 'the text says so too' grep -q 'others fell' "$work/share.text"
check 'and that the last day is a nowcast' grep -q '1 day is less than 90 % complete' "$work/index.text"

exits 'rustock' 0 "$sg" series share --botnet rustock -f json
check 'fell in share and level' python3 -c "import json; p = json.load(open('$work/out'))['points']
assert all((x['reading'] == 'fell') == (i >= 45) for i, x in enumerate(p)), p"
exits 'one trap' 0 "$sg" series level --trap c -f json
check 'is missing while it is down, not zero' python3 -c "import json; p = json.load(open('$work/out'))['points']
assert [i for i, x in enumerate(p) if x['missing'] == 'down'] == [20, 21, 22], p
assert all(x['level'] == 210 for x in p[:20])"
exits 'a trap before it was born' 0 "$sg" series exposure --trap b -f json
check 'is missing too' python3 -c "import json; p = json.load(open('$work/out'))['points']
assert all((x['missing'] == 'unborn') == (i < 15) for i, x in enumerate(p)), p"
exits 'the late feed' 0 "$sg" series index --site east -f json
check 'is a nowcast at its end' python3 -c "import json; p = json.load(open('$work/out'))['points']
assert abs(p[59]['completeness'] - 0.5) < 0.05 and abs(p[58]['completeness'] - 0.8) < 0.05, p[58:]
assert [x['is_incomplete'] for x in p[57:]] == [False, True, True]
# rustock, 4/7 of it, fell to a quarter
assert abs(p[59]['index'] - p[55]['index']) < 4 and p[59]['low'] < p[55]['index'] < p[59]['high']"

for step in hour week month; do
    exits "by $step" 0 "$sg" series index --step $step -f json
done
check 'two months' python3 -c "import json; d = json.load(open('$work/out'))
assert [p['from'][:7] for p in d['points']] == ['2010-09', '2010-10'] and d['step'] == 'month'"
exits 'weighted by trap, another base' 0 "$sg" series index --weight trap --base 2010-10 -f json
check 'says both' python3 -c "import json; d = json.load(open('$work/out'))
assert d['weighting'] == 'trap' and d['base']['since'] == '2010-10-01T00:00:00Z'"
exits 'robust' 0 "$sg" series index --robust --unit bytes --country RU
exits 'hosts by month' 0 "$sg" series hosts --step month
exits 'a part of the time' 0 "$sg" series level --since 2010-09-10 --until 2010-09-20 -f csv
same 'has its days' 11 "$(wc -l <"$work/out")"

exits 'no kind' 2 "$sg" series
exits 'an unknown kind' 2 "$sg" series volume
exits 'a share of everything' 2 "$sg" series share
exits 'two labels' 2 "$sg" series index --botnet grum --country RU
exits 'no such campaign' 1 "$sg" series index --campaign pills
exits 'a label and a campaign' 2 "$sg" series index --botnet grum --campaign pills
exits 'a campaign by the hour' 2 "$sg" series index --campaign pills --step hour
exits 'hosts of a campaign' 2 "$sg" series hosts --campaign pills
exits 'an older generation of a campaign' 2 "$sg" series index --campaign pills --generation 1
exits 'or of a mailer by id' 2 "$sg" series index --mailer mailer-0123abcd --generation 1
exits 'a campaign without a name' 2 "$sg" series index --campaign ''
exits 'an unknown step' 2 "$sg" series index --step year
exits 'an unknown weight' 2 "$sg" series index --weight host
exits 'a bad base' 2 "$sg" series index --base yesterday
"$sg" series index --botnet lethic >"$work/out" 2>"$work/err"
check 'a botnet that was not there is named as such' grep -q 'no message of it' "$work/err"
"$sg" series hosts --step hour >"$work/out" 2>"$work/err"
check 'hosts have no hours' grep -q 'by day and by month' "$work/err"
"$sg" series index --unit hosts >"$work/out" 2>"$work/err"
check 'nor an index' grep -q 'no index' "$work/err"
finish
