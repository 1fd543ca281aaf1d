#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The dispute of October 2010 end to end: one vendor saw spam fall by 40 % and said Rustock, another
# saw 27 % less from 45 % fewer hosts and said Pushdo (Cutwail). Both were right about what they saw.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 "$here/make_october.py" >"$work/october.csv"
check 'the fixture is a store' "$COUNT_STORE" "$work/october.csv" "$work/october.db"
window=(--since 2010-10-03 --until 2010-10-31 -d "$work/october.db")

# value EXPRESSION: of the JSON document d in $work/out
value() { python3 -c "import json, sys
d = json.load(open('$work/out'))
def part(dimension, name): return next(p for p in d['parts'] if p['dimension'] == dimension and p['name'] == name)
def figure(name): return next(f for f in d['figures'] if f['name'] == name)
print($1)"; }

# said PATTERN: in the text in $work/out, wherever its lines break
said() { tr -s '\n ' ' ' <"$work/out" | grep -q "$1"; }

exits 'explain' 0 "$sg" explain "${window[@]}" -f json
cp "$work/out" "$work/explain.json"
same 'all four traps are compared' '4 2 0' "$(value "d['traps'], d['sites'], d['traps_left_out']" | tr -d '(),')"
same 'the window before is as long' '2010-09-05T00:00:00Z 2010-10-03T00:00:00Z' \
    "$(value "d['before']['since'] + ' ' + d['before']['until']")"
same 'the fall is certain' True "$(value "d['is_certain']")"
same 'Rustock fell by 40 %' 0.60 "$(value "'%.2f' % part('botnet', 'rustock')['ratio']['value']")"
same 'Cutwail by 27 %' 0.73 "$(value "'%.2f' % part('botnet', 'cutwail')['ratio']['value']")"
same 'from 45 % fewer hosts' 0.55 \
    "$(value "'%.2f' % (part('botnet', 'cutwail')['hosts_after'] / part('botnet', 'cutwail')['hosts_before'])")"
same 'hosts took more than the fall, what each sends gave some back' 'True True' \
    "$(value "part('botnet', 'cutwail')['by_hosts'] < part('botnet', 'cutwail')['change']['value'], part('botnet', 'cutwail')['by_rate'] > 0" | tr -d '(),')"
same 'the parts of a dimension add up' 1.000 \
    "$(value "'%.3f' % sum(p['part']['value'] for p in d['parts'] if p['dimension'] == 'botnet')")"
same 'the factors add up to the change' True \
    "$(value "abs(sum(f['shapley']['value'] for f in d['factors'].values()) - d['total']['change']['value']) < 1e-3 and abs(sum(f['lmdi']['value'] for f in d['factors'].values()) - d['total']['change']['value']) < 1e-3")"
same 'what changed is the botnet' True \
    "$(value "d['factors']['botnet']['shapley']['value'] / d['total']['change']['value'] > 0.95")"
same 'Lethic rose only because others fell' True "$(value "part('botnet', 'lethic')['is_share_only']")"
same "Rustock's share did not rise" False "$(value "part('botnet', 'rustock')['is_share_only']")"
# Cutwail's share of all mail rises, at each site it does not: Simpson.
same "the mix is told from Cutwail's share" True "$(value "part('botnet', 'cutwail')['is_mix']")"
exits 'the same again' 0 "$sg" explain "${window[@]}" -f json
check 'gives the same bytes' cmp "$work/out" "$work/explain.json"

exits 'one vendor' 0 "$sg" explain "${window[@]}" --site m86
check 'says Rustock' said 'botnet rustock: −40.. % (95 %: [−+0-9. to]*), which is 100 %'
exits 'the other' 0 "$sg" explain "${window[@]}" --site mcafee
check 'says Cutwail' said 'botnet cutwail: −2[67].. % (95 %: [−+0-9. to]*), which is 7[0-9] %'
check 'and that each host sends more' said \
    'botnet cutwail: hosts a day −45.0 %, messages −2[67].. %, so messages a host +3[23].. %'

exits 'a quiet time' 0 "$sg" explain -d "$work/october.db" --since 2010-09-19 --until 2010-10-03 -f json
same 'is not certain' False "$(value "d['is_certain']")"
same 'and gets no split' 'True None' "$(value "all(p['part']['value'] is None for p in d['parts']), d['factors']" | tr -d '(),')"
exits 'as text' 0 "$sg" explain -d "$work/october.db" --since 2010-09-19 --until 2010-10-03
check 'says so' grep -q 'may be chance' "$work/out"
check 'without a part' bash -c "! grep -q 'Shapley' '$work/out'"
for f in csv jsonl; do
    exits "explain -f $f" 0 "$sg" explain "${window[@]}" -f $f
    cp "$work/out" "$work/explain.$f"
done
check 'each row is a part' python3 -c "import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1])))
lines = [json.loads(line) for line in open(sys.argv[2])]
parts = json.load(open(sys.argv[3]))['parts']
assert lines == parts and [r['name'] for r in rows] == [p['name'] for p in parts]
assert {r['dimension'] for r in rows} == {'botnet', 'program', 'country', 'trap'}" \
    "$work/explain.csv" "$work/explain.jsonl" "$work/explain.json"

exits 'no window' 2 "$sg" explain -d "$work/october.db"
exits 'windows that overlap' 2 "$sg" explain "${window[@]}" --before 2010-09-01..2010-10-03
exits 'a window that is none' 2 "$sg" explain "${window[@]}" --before 2010-09-01..
exits 'nothing there' 1 "$sg" explain -d "$work/october.db" --since 2011-02-01 --until 2011-03-01

compare=(--compare 2010-09-05..2010-10-02)
exits 'hosts compared' 0 "$sg" hosts "${window[@]}" "${compare[@]}" --botnet cutwail -f json
cp "$work/out" "$work/change.json"
same '-45 % hosts with -27 % volume is +32.7 % per host' '0.55 0.73 1.33' \
    "$(value "'%.2f %.2f %.2f' % (d['seen']['hosts_ratio'], d['messages_day_after'] / d['messages_day_before'], d['seen']['rate_ratio'])")"
same 'the split adds up' True \
    "$(value "abs(d['seen']['by_hosts'] + d['seen']['by_rate'] - d['messages_day_after'] + d['messages_day_before']) < 1e-3")"
exits 'as text' 0 "$sg" hosts "${window[@]}" "${compare[@]}" --botnet cutwail
check 'in words' said 'hosts a day −45.0 %, volume −2[67].. %, so volume per host +3[23].. %'
exits 'hosts' 0 "$sg" hosts "${window[@]}" -f json
cp "$work/out" "$work/hosts.json"
same 'counts what report counts' "$("$sg" report "${window[@]}" -f json | python3 -c "import json, sys
print(json.load(sys.stdin)['total']['hosts'])")" "$(value "int(figure('addresses_period')['value'])")"
exits 'hosts of a program' 0 "$sg" hosts "${window[@]}" --program glavmed -f json
program=$(value "figure('addresses_period')['value']")
exits 'which one botnet advertises' 0 "$sg" hosts "${window[@]}" --botnet rustock -f json
same 'are those of the botnet' "$(value "figure('addresses_period')['value']")" "$program"
for f in text csv jsonl; do
    exits "hosts -f $f" 0 "$sg" hosts "${window[@]}" -f $f
done
exits 'hosts of nobody' 0 "$sg" hosts "${window[@]}" --botnet nobody
check 'says so' grep -q 'No host was seen' "$work/out"

if python3 -c 'import jsonschema' 2>/dev/null; then
    for pair in explain:explain hosts:hosts change:hosts; do
        check "${pair%:*}.json keeps to its schema" python3 -c "import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))" \
            "$work/${pair%:*}.json" "$here/../../share/${pair#*:}.schema.json"
    done
else
    skip 'schemata' 'python3-jsonschema is not installed'
fi
finish
