#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Labels again out of the rows, features again out of the mail: the store is what it would be if made so at once.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 "$here/make_mail.py" 2000 5 "$work/a.mbox"
python3 "$here/make_mail.py" 300 6 "$work/b.mbox"

# rule NUMBER KIND NAME DETECTION
rule() {
    cat >"$rules/$1.yml" <<YML
title: rule $1
id: 00000000-0000-4000-8000-00000000000$1
status: stable
references: [https://example.com/]
logsource: {product: spamgauge, category: message}
detection:
  s: {$4}
  condition: s
attribution: {$2: $3, confidence: 95}
YML
}
rules=$work/old && mkdir "$rules"
rule 1 botnet alpha "smtp.helo: ylmf-pc"
rule 2 program pills "body.text|contains: 'From the desk'"
rule 3 mailer gone "mailer|contains: 'Outlook Express'"
rules=$work/new && mkdir "$rules"
rule 1 botnet beta "smtp.helo: ylmf-pc"
rule 2 program pills "body.text|contains: 'From the desk'"
rule 4 botnet gamma "smtp.helo: friend"
rule 5 program other "body.text|contains: delivery"
labels() { for kind in botnet mailer program; do "$sg" report -d "$1" -f json | python3 -c "
import json, sys
d = json.load(sys.stdin)
print('$kind', sorted((r['name'], r['messages']) for r in d.get('$kind' + 's', d.get('labels', [])) if isinstance(r, dict) and 'name' in r))"; done; }
# what every message is labelled, as the rows say
rows() { "$sg" message -d "$1" --limit 100000 -f json | python3 -c "
import json, sys
d = json.load(sys.stdin)
rows = d if isinstance(d, list) else next(v for v in d.values() if isinstance(v, list))
for r in sorted(rows, key=lambda r: r['id']):
    print(r['id'], r.get('botnet'), r.get('mailer_label'), r.get('program'))"; }

printf 'rules: [%s]\n' "$work/old" >"$work/old.yaml"
printf 'rules: [%s]\n' "$work/new" >"$work/new.yaml"
# Clusters lend their names to what came before they had one: the first time that is a change, then no more.
settle() { "$sg" relabel -q -c "$1" -d "$2" >"$work/settled" 2>&1 || cat "$work/settled"; }
"$sg" import -q -c "$work/old.yaml" -d "$work/s.db" "$work/a.mbox"
settle "$work/old.yaml" "$work/s.db"
rows "$work/s.db" >"$work/before"
exits 'a store with its own rules is left as it is' 0 "$sg" relabel -c "$work/old.yaml" -d "$work/s.db"
check 'no new generation' grep -q 'No new generation: 2,000 messages looked at, 0 got' "$work/out"
exits 'a dry run' 0 "$sg" relabel -n -d "$work/s.db" --rules "$work/new"
cp "$work/out" "$work/dry"
check 'tells what would move' grep -q 'botnet labels that moved' "$work/dry"
rows "$work/s.db" >"$work/still"
check 'and moves nothing' cmp "$work/before" "$work/still"

# killed at odd moments: old or new, never between
"$sg" report -d "$work/s.db" -f csv >"$work/before.csv"
for delay in 0.01 0.03 0.06 0.1; do
    cp "$work/s.db" "$work/k.db"
    "$sg" relabel -q -d "$work/k.db" --rules "$work/new" >"$work/k.out" 2>&1 &
    pid=$!
    sleep $delay
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    "$sg" db verify -q -d "$work/k.db" >"$work/verify" 2>&1 || echo "verify after $delay" >>"$work/kills"
    "$sg" report -d "$work/k.db" -f csv >"$work/k.csv"
    cmp -s "$work/k.csv" "$work/before.csv" || "$sg" relabel -d "$work/k.db" --compare -f csv | grep -q beta || echo "between at $delay" >>"$work/kills"
    rm -f "$work"/k.db*
done
check 'a kill leaves the old generation or the new one' test ! -e "$work/kills"

for form in level 'level --unit bytes' share 'index --step week'; do
    # shellcheck disable=SC2086 # words of options
    "$sg" series $form --botnet alpha -d "$work/s.db" -f csv
done >"$work/series.before"
picture() { "$sg" chart level --botnet alpha --no-changes --no-events -d "$work/s.db" -o "$work/p.svg" --script "$@"; }
picture >"$work/picture.before"
check 'there is a series before' grep -q '^2010-10' "$work/series.before"
exits 'labelled again' 0 "$sg" relabel -d "$work/s.db" --rules "$work/new" --note 'better rules'
check 'a new generation' grep -Eq 'Generation [23]: 2,000 messages looked at' "$work/out"
check 'rules that cannot be asked are said' grep -q '2 of 4 rules look only at what rows keep' "$work/out"
exits 'the store verifies' 0 "$sg" db verify -d "$work/s.db"
rows "$work/s.db" >"$work/after"
# a store made with the new rules differs only by what asks the body: rule 5 is new and cannot be asked
rm -f "$work/new/5.yml"
"$sg" import -q -c "$work/new.yaml" -d "$work/fresh.db" "$work/a.mbox"
rows "$work/fresh.db" >"$work/fresh"
check 'the rows are those of a store made with these rules' cmp "$work/after" "$work/fresh"

# the generation before the newest one has the very series of before
newest=$("$sg" relabel -d "$work/s.db" --compare -f json | python3 -c 'import json, sys; print(json.load(sys.stdin)["generation"])')
for form in level 'level --unit bytes' share 'index --step week'; do
    # shellcheck disable=SC2086
    "$sg" series $form --botnet alpha --generation "$newest" -d "$work/s.db" -f csv
done >"$work/series.after"
check 'series of the older generation are those of before' cmp "$work/series.before" "$work/series.after"
picture --generation "$newest" >"$work/picture.after"
check 'so is the picture' cmp "$work/picture.before" <(sed "s/labels of generation $newest; //" "$work/picture.after")
check 'which says which labels' grep -q "labels of generation $newest; " "$work/picture.after"
exits 'its label is not there today' 1 "$sg" series level --botnet alpha -d "$work/s.db"
exits 'as text' 0 "$sg" series level --botnet alpha --generation "$newest" -d "$work/s.db"
check 'says which labels' grep -q "Labels are those of generation $newest" "$work/out"
exits 'a series of no generation' 1 "$sg" series level --botnet alpha --generation 9 -d "$work/s.db"
exits 'a generation of everything' 2 "$sg" series level --generation 1 -d "$work/s.db"
exits 'a generation by the hour' 2 "$sg" series level --botnet alpha --generation 1 --step hour -d "$work/s.db"
exits 'a generation of hosts' 2 "$sg" series hosts --botnet alpha --generation 1 -d "$work/s.db"
exits 'compare' 0 "$sg" relabel -d "$work/s.db" --compare -f json
cat >"$work/compare.py" <<'PY'
import json, sys
d = json.load(sys.stdin)
moved = {(m["dimension"], m["from"], m["to"]): m["messages"] for m in d["moves"]}
lines = {(l["dimension"], l["label"]): l for l in d["labels"]}
alpha, beta = lines["botnet", "alpha"], lines["botnet", "beta"]
assert alpha["before"] == beta["now"] == moved["botnet", "alpha", "beta"] > 100, (alpha, beta)
assert alpha["now"] == beta["before"] == 0
assert lines["program", "pills"]["difference"] == 0
assert lines["mailer", "gone"]["now"] == 0 and moved["mailer", "gone", "unknown"] > 100
for kind in ("botnet", "mailer", "program"):
    assert sum(l["before"] for l in d["labels"] if l["dimension"] == kind) == 2000, kind
    assert sum(l["now"] for l in d["labels"] if l["dimension"] == kind) == 2000, kind
PY
check 'both sides add up, and what moved is said' python3 "$work/compare.py" <"$work/out"
exits 'by month, as text' 0 "$sg" relabel -d "$work/s.db" --compare --by month
check 'has its months' grep -q '^2010-10  beta ' "$work/out"
check 'and the note' grep -q 'better rules' "$work/out"
# later arrivals are in both generations
"$sg" import -q -c "$work/new.yaml" -d "$work/s.db" "$work/b.mbox"
"$sg" relabel -d "$work/s.db" --compare -f json >"$work/later.json"
check 'what arrives later counts in both' python3 -c "
import json
d = json.load(open('$work/later.json'))
assert sum(l['before'] for l in d['labels'] if l['dimension'] == 'botnet') == 2300
assert next(l for l in d['labels'] if l['label'] == 'alpha')['now'] == 0"
exits 'a generation that is not there' 1 "$sg" relabel -d "$work/s.db" --compare --generation 9
exits 'options that do not fit' 2 "$sg" relabel -d "$work/s.db" --by day
exits 'a step that is none' 2 "$sg" relabel -d "$work/s.db" --compare --by week
exits 'the store verifies again' 0 "$sg" db verify -d "$work/s.db"
# ---- reindex: the mail itself again ----
rule 5 program other "body.text|contains: delivery"
"$sg" import -q -c "$work/old.yaml" -d "$work/r.db" "$work/a.mbox"
settle "$work/old.yaml" "$work/r.db"
exits 'nothing has changed' 0 "$sg" reindex -c "$work/old.yaml" -d "$work/r.db"
check 'all rows are as they were' grep -q 'all: 0 updated, 2000 unchanged, 0 not in the store, 0 added' "$work/err"
cp "$work/r.db" "$work/whole.db"
exits 'with other rules' 0 "$sg" reindex -j 1 -c "$work/new.yaml" -d "$work/whole.db"
check 'rows are updated' grep -Eq 'all: [1-9][0-9]+ updated' "$work/err"
check 'and the labels before can be seen' grep -q 'relabel --compare --generation [12]' "$work/err"
exits 'the store verifies after a reindex' 0 "$sg" db verify -d "$work/whole.db"
rm -f "$work"/fresh.db*
"$sg" import -q -c "$work/new.yaml" -d "$work/fresh.db" "$work/a.mbox"
rows "$work/fresh.db" >"$work/fresh"
rows "$work/whole.db" >"$work/whole"
check 'rules that ask the body are asked' cmp "$work/fresh" "$work/whole"
settle "$work/new.yaml" "$work/fresh.db"
settle "$work/new.yaml" "$work/whole.db"
"$sg" report -d "$work/fresh.db" -f csv >"$work/fresh.csv"
"$sg" report -d "$work/whole.db" -f csv >"$work/whole.csv"
check 'the report is that of a new import' cmp "$work/fresh.csv" "$work/whole.csv"
# killed and taken up, again and again
for delay in 0.05 0.1 0.15 0.2; do
    "$sg" reindex -q -j 1 -c "$work/new.yaml" -d "$work/r.db" 2>/dev/null &
    pid=$!
    sleep $delay
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    "$sg" db verify -q -d "$work/r.db" >"$work/verify" 2>&1 || echo "verify after $delay" >>"$work/kills"
done
check 'a kill leaves whole rows and their counts' test ! -e "$work/kills"
exits 'the last run ends' 0 "$sg" reindex -c "$work/new.yaml" -d "$work/r.db"
rows "$work/r.db" >"$work/whole"
check 'the rows are those of one whole run' cmp "$work/fresh" "$work/whole"
exits 'the store verifies after the kills' 0 "$sg" db verify -d "$work/r.db"
exits 'one input by name' 0 "$sg" reindex -c "$work/new.yaml" -d "$work/r.db" "$work/a.mbox"
exits 'an input that never was' 1 "$sg" reindex -c "$work/new.yaml" -d "$work/r.db" "$work/b.mbox"
# other relays: other receipt times, so other messages
"$sg" reindex -c "$work/new.yaml" -d "$work/r.db" --trust none "$work/a.mbox" 2>"$work/err"
check 'they are not mixed up' grep -Eq ' (0|[1-9][0-9]*) not in the store' "$work/err"
exits 'and the store verifies' 0 "$sg" db verify -d "$work/r.db"
cat "$work/b.mbox" >>"$work/a.mbox"
exits 'a file that has changed' 4 "$sg" reindex -c "$work/new.yaml" -d "$work/r.db"
check 'is named' grep -q 'a.mbox: has changed since it was imported' "$work/err"
mv "$work/a.mbox" "$work/moved.mbox"
exits 'a file that is gone' 4 "$sg" reindex -c "$work/new.yaml" -d "$work/r.db"
check 'is named too' grep -q 'a.mbox: is gone' "$work/err"
exits 'no such place' 2 "$sg" reindex -d "$work/r.db" --from somewhere

if grep -q plantedtrap77 "$work/out" "$work/dry" "$work/later.json"; then not_ok 'no trap address'; else ok 'no trap address'; fi

finish
