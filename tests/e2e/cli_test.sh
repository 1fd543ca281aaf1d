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

id=$("$sg" message --limit 1 | awk '{print $1}')
exits 'a message by its id' 0 "$sg" message "$id"
exits 'by the start of its id' 0 "$sg" message "${id:0:12}"
exits 'as JSON' 0 "$sg" message -f json "$id"
check 'which is JSON' python3 -m json.tool "$work/out"
exits 'a message that is not there' 1 "$sg" message 00000000000000000000000000000000
exits 'an id that is none' 2 "$sg" message nonsense

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
exits 'db vacuum' 0 "$sg" db vacuum
exits 'db retain keeps what is young' 0 "$sg" db retain --days 1
same 'all rows' 200 "$("$sg" message --limit 1000 | wc -l)"
sqlite3 "$SPAMGAUGE_DATA/spamgauge.db" 'UPDATE rollup_day SET messages = messages + 1 WHERE rowid IN (SELECT 1)' 2>/dev/null ||
    sqlite3 "$SPAMGAUGE_DATA/spamgauge.db" 'UPDATE rollup_day SET messages = messages + 1 WHERE dim = 0'
exits 'db verify finds damage' 1 "$sg" db verify
finish
