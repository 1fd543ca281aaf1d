#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line as people meet it: help, manuals, wrong input, exit statuses, formats.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
verbs=$("$sg" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p')
check 'there are verbs' test "$(wc -l <<<"$verbs")" -ge 12
while read -r verb; do
    # shellcheck disable=SC2086
    exits "$verb --help" 0 "$sg" $verb --help
    check "$verb --help fits 80 columns" awk 'length > 80 {bad = 1} END {exit bad}' "$work/out"
    # shellcheck disable=SC2086
    exits "$verb refuses an unknown option" 2 "$sg" $verb --no-such-option
    # shellcheck disable=SC2086
    "$sg" --manual $verb >"$work/page.1"
    check "the manual of $verb is sound mdoc" mandoc -Tlint -Wwarning "$work/page.1"
done <<<"$verbs"
same 'each has an installed manual' "$(sort <<<"$verbs")" \
    "$(sed -n "/^verbs = \[/,/^\]/s/^  '\(.*\)',\$/\1/p" "$here/../../docs/meson.build" | sort)"
"$sg" --manual >"$work/page.1"
check 'spamgauge(1) is sound mdoc' mandoc -Tlint -Wwarning "$work/page.1"
exits 'no verb' 2 "$sg"
exits 'an unknown verb' 2 "$sg" frobnicate
check 'is named' grep -q frobnicate "$work/err"
exits 'half a verb' 2 "$sg" rules
check 'gets its family' grep -q 'rules explain' "$work/err"
exits 'version' 0 "$sg" --version
exits 'import without a path' 2 "$sg" import
exits 'report without a store' 5 "$sg" report
check 'says how to make one' grep -q 'import makes it' "$work/err"
exits 'a bad time' 2 "$sg" report --since yesterday
exits 'an empty period' 2 "$sg" report --since 2010-10-02 --until 2010-10-01
exits 'a bad format' 2 "$sg" report -f xml
exits 'a bad number' 2 "$sg" import -j 0 /dev/null
exits 'a bad relay' 2 "$sg" import --trust '192.0.2.0/99' /dev/null

mkdir -p "$XDG_CONFIG_HOME/spamgauge"
printf 'trap: mx1\nretain_dys: 3\n' >"$XDG_CONFIG_HOME/spamgauge/spamgauge.yaml"
exits 'a bad configuration' 3 "$sg" check
check 'has its place' grep -q 'spamgauge.yaml:2:1: ' "$work/err"
"$sg" check --help-config >"$XDG_CONFIG_HOME/spamgauge/spamgauge.yaml"
exits 'the commented defaults are a configuration' 0 "$sg" check
printf 'trap: mx1\nsite: here\n' >"$XDG_CONFIG_HOME/spamgauge/spamgauge.yaml"
python3 "$here/make_mail.py" 200 5 "$work/a.mbox"
exits 'import by that configuration' 0 "$sg" import -q "$work/a.mbox"
"$sg" db info >"$work/out"
check 'uses its trap' grep -q 'mx1 (site here): 200 messages' "$work/out"

for f in text json jsonl csv; do
    exits "report -f $f" 0 "$sg" report -f $f
    cp "$work/out" "$work/report.$f"
done
check 'the JSON is JSON' python3 -m json.tool "$work/report.json"
check 'each JSONL line is JSON' python3 -c "import json,sys
for line in open(sys.argv[1]): json.loads(line)" "$work/report.jsonl"
check 'the CSV is rectangular' python3 -c "import csv,sys
rows = list(csv.reader(open(sys.argv[1])))
assert len(rows) > 10 and len({len(r) for r in rows}) == 1" "$work/report.csv"
exits 'a report of a part' 0 "$sg" report --since 2010-10-05 --until 2010-10-07 -f json
same 'holds its days only' 2 "$(python3 -c "import json;print(len(json.load(open('$work/out'))['days']))")"
exits 'the same again' 0 "$sg" report -f json
check 'gives the same bytes' cmp "$work/out" "$work/report.json"
exits 'report into a file' 0 "$sg" report -o "$work/report.txt"
check 'which is the report' cmp "$work/report.txt" "$work/report.text"
exits 'report into nowhere' 5 "$sg" report -o "$work/no/such/folder/x"
exits 'a closed pipe is no failure' 0 bash -c "set -o pipefail; '$sg' message --limit 200 | head -n 1"

"$sg" message --limit 1 >"$work/out" 2>"$work/err"
check 'the list has a header' grep -q '^id  *received  *trap' "$work/out"
check 'says that there are more' grep -q 'there are more; --limit' "$work/err"
id=$(awk 'NR == 2 {print $1}' "$work/out")
"$sg" message --limit 1 -q >"$work/out" 2>"$work/err"
check 'unless told to be quiet' test ! -s "$work/err"
"$sg" message --limit 200 >"$work/out" 2>"$work/err"
check 'or there are none' test ! -s "$work/err"
for f in json jsonl csv; do
    exits "message -f $f" 0 "$sg" message --limit 200 -f $f
    cp "$work/out" "$work/messages.$f"
done
check 'each form lists all, whole ids first' python3 -c "import csv, json, sys
folder = sys.argv[1]
rows = json.load(open(folder + '/messages.json'))['messages']
lines = [json.loads(line) for line in open(folder + '/messages.jsonl')]
cells = list(csv.DictReader(open(folder + '/messages.csv')))
assert rows == lines and len(rows) == 200
assert [r['id'] for r in rows] == [r['id'] for r in cells] and len(rows[0]['id']) == 32
assert rows[0]['id'].startswith(sys.argv[2])" "$work" "$id"
exits 'a message by its id' 0 "$sg" message "$id"
exits 'by the start of its id' 0 "$sg" message "${id:0:12}"
exits 'as JSON' 0 "$sg" message -f json "$id"
check 'which is JSON' python3 -c "import json,sys; assert json.load(open(sys.argv[1]))['site'] == 'here'" "$work/out"
exits 'a message that is not there' 1 "$sg" message 00000000000000000000000000000000
exits 'an id that is none' 2 "$sg" message nonsense

mkdir "$work/events"
printf 'annotations:\n  - {date: 2010-10-06, kind: takedown, title: "Example host cut off", botnets: [b], source: "https://www.example.com/6"}\n' >"$work/events/a.yaml"
printf 'annotations:\n  - {date: 2010-10, kind: gap, title: "A slow disk", source: here}\n  - {date: 2009, kind: law, title: Other, source: x}\n' >"$work/events/b.yaml"
printf 'annotations: [%s]\n' "$work/events" >"$work/events.yaml"
exits 'a report with events of its own' 0 "$sg" report -c "$work/events.yaml"
check 'shows them' grep -q '^2010-10-06  takedown: Example host cut off' "$work/out"
check 'with their sources' grep -q 'https://www.example.com/6' "$work/out"
check 'and none of another time' bash -c "! grep -q Other '$work/out'"
exits 'as JSON' 0 "$sg" report -c "$work/events.yaml" -f json
same 'they are a list' 'gap takedown' "$(python3 -c "import json;print(*[a['kind'] for a in json.load(open('$work/out'))['annotations']])")"
exits 'in a chart' 0 "$sg" chart volume -c "$work/events.yaml" -f svg -o - --script
check 'they have lines and a list' grep -q "Example host cut off" "$work/out"
exits 'not when unwanted' 0 "$sg" chart volume -c "$work/events.yaml" -f svg -o - --script --no-events
check 'none is left' bash -c "! grep -q dashtype '$work/out'"
printf 'annotations:\n  - {date: 2010-10-07, kind: takedwn, title: Bad, source: x}\n' >"$work/events/c.yaml"
exits 'a bad entry is left out' 0 "$sg" report -c "$work/events.yaml"
check 'and named' grep -q 'c.yaml:2:.*did you mean takedown' "$work/err"
printf 'annotations: [%s]\n' "$work/no/such" >"$work/events.yaml"
exits 'annotations that are not there' 3 "$sg" report -c "$work/events.yaml"

mkdir -p "$work/prefix/bin" "$work/prefix/share/spamgauge"
cp "$sg" "$work/prefix/bin/spamgauge"
cp -r "$here/../../rules" "$work/prefix/share/spamgauge/rules"
exits 'an installed program' 0 "$work/prefix/bin/spamgauge" report
check 'finds its annotations' grep -q 'closure: Spamit' "$work/out"

if command -v gnuplot >/dev/null; then
    exits 'a chart' 0 "$sg" chart volume -o "$work/volume.svg"
    check 'is a picture' grep -q '<svg' "$work/volume.svg"
    exits 'shares as PNG' 0 "$sg" chart share -o "$work/share.png"
    same 'is a PNG' "$(printf '\211PNG')" "$(head -c 4 "$work/share.png")"
else
    skip 'charts' 'gnuplot is not installed'
fi
exits 'a chart of a kind there is none' 2 "$sg" chart pie -o "$work/x.svg"
exits 'a chart to nowhere' 2 "$sg" chart volume
exits 'db verify' 0 "$sg" db verify
exits 'db migrate with nothing to do' 0 "$sg" db migrate
exits 'db migrate makes no store' 5 "$sg" db migrate -d "$work/none.db"
check 'not even a file' test ! -e "$work/none.db"
exits 'db vacuum' 0 "$sg" db vacuum
exits 'db retain keeps what is young' 0 "$sg" db retain --days 1
same 'all rows' 200 "$("$sg" message --limit 1000 -f jsonl | wc -l)"
sqlite3 "$SPAMGAUGE_DATA/spamgauge.db" 'UPDATE rollup_day SET messages = messages + 1 WHERE rowid IN (SELECT 1)' 2>/dev/null ||
    sqlite3 "$SPAMGAUGE_DATA/spamgauge.db" 'UPDATE rollup_day SET messages = messages + 1 WHERE dim = 0'
exits 'db verify finds damage' 1 "$sg" db verify
finish
