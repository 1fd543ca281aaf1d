#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Names that attack whoever looks at them: labels, traps and sites with terminal escapes, a turned
# direction, quotes, commands for a shell and for gnuplot, formulas, three thousand letters. Through
# every verb that shows them, in every form.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 - "$work" >"$work/table.csv" <<'E2'
import csv, datetime, sys
work = sys.argv[1]
evil = "a\x1b[31mRED\x07`touch %s/ran1`$(touch %s/ran2)'\"<b>&\r\x08;|\x7f\u202eevil" % (work, work)
open(work + "/evil", "w", newline="").write(evil)
table = csv.writer(sys.stdout)
table.writerow("from trap site botnet program mailer country messages hosts".split())
for day in range(60):
    for trap, site in ((evil, "s1\x1b]0;x\x07"), ("L" * 3000, "@s2"), ("=1+2", "s3")):
        if trap == "=1+2" and 20 <= day < 26:
            continue
        for label in (evil, "quiet", "M" * 3000):
            n = 40 + (day * 7 + len(trap)) % 13 + (30 if label == evil and day < 40 else 0)
            table.writerow([datetime.date(2010, 9, 1) + datetime.timedelta(day), trap, site, label, "p" + label,
                            "m" + label, "U\x1b", n, 12])
E2
mkdir -p "$SPAMGAUGE_DATA"
check 'a store' "$COUNT_STORE" "$work/table.csv" "$SPAMGAUGE_DATA/spamgauge.db"
IFS= read -r -d '' evil <"$work/evil"
window=(--since 2010-10-05 --until 2010-10-20)

# show FORMAT VERB...: what it says goes to $work/shown.FORMAT, what it complains of to $work/said
show() {
    local format=$1
    shift
    "$sg" "$@" -f "$format" >"$work/one" 2>>"$work/said"
    local got=$?
    if ((got > 1)); then echo "$* -f $format: exit $got" >>"$work/failed"; fi
    if [[ $format == json ]]; then python3 -m json.tool "$work/one" >/dev/null || echo "$*" >>"$work/no_json"; fi
    cat "$work/one" >>"$work/shown.$format"
}
verbs=(report hosts 'series index' 'series level' 'series hosts' 'series exposure' 'trap list' 'trap gaps' message sessions canary 'changes now --days 60' changes
    'db info')
check 'a trap gets an evil note' "$sg" trap edit "$evil" --note "$evil" --down 2010-09-03
for f in text json csv; do
    for v in "${verbs[@]}"; do
        # shellcheck disable=SC2086 # two words are two words
        show $f $v
    done
    show $f explain "${window[@]}"
    show $f explain "${window[@]}" --trap "$evil"
    show $f hosts "${window[@]}" --compare 2010-09 --botnet "$evil"
    show $f series share --botnet "$evil"
    show $f series index --trap "$evil" --mailer "m$evil"
    show $f report --site $'s1\e]0;x\a' --top 100
    show $f message --trap "$evil"
done
check 'no verb fails' test ! -e "$work/failed"
check 'JSON is JSON' test ! -e "$work/no_json"
check 'JSON has the name as it is' python3 -c "import json, sys
evil = open(sys.argv[1], newline='').read()
rest, found = open(sys.argv[2]).read(), 0
def count(d):
    return (d == evil if isinstance(d, str) else sum(map(count, d.values() if isinstance(d, dict) else d))
            if isinstance(d, (dict, list)) else 0)
while rest.strip():
    d, end = json.JSONDecoder().raw_decode(rest.lstrip())
    rest, found = rest.lstrip()[end:], found + count(d)
assert found > 20, found" "$work/evil" "$work/shown.json"
# Line feeds end lines; a CSV's also have a carriage return.
clean() { ! LC_ALL=C grep -aqP "$1" "$2"; }
check 'text steers no terminal' clean '[\x00-\x09\x0b-\x1f\x7f]' "$work/shown.text"
check 'nor turns a line around' clean '\xe2\x80\xae' "$work/shown.text"
check 'the name is seen' grep -q 'a\\x1b\[31mRED' "$work/shown.text"
check 'a long name is cut' test "$(grep -c 'LLLLLLLL' "$work/shown.text")" -gt 3
check 'CSV steers no terminal' clean '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]' "$work/shown.csv"
check 'and is no formula' clean '(^|,)"?[=@]' "$work/shown.csv"

for option in --trap --site; do "$sg" report $option "$evil" -o "/nonexistent/$evil" 2>>"$work/said"; done
for words in "x$evil" "trap edit" "trap gaps" "session" "report --since" "report -f" "series index --base" "sessions --client" \
    "series share --botnet" "chart index -o x.svg --botnet" "report -d" "trap hours" "spool ls" "hosts --compare" "rules check"; do
    # shellcheck disable=SC2086
    "$sg" $words "x$evil" >/dev/null 2>>"$work/said"
done
check 'complaints say something' test "$(wc -l <"$work/said")" -gt 15
check 'complaints steer no terminal' clean '[\x00-\x09\x0b-\x1f\x7f]' "$work/said"

for kind in volume share index level; do
    botnet=()
    if [[ $kind == index || $kind == level ]]; then botnet=(--botnet "$evil"); fi
    exits "chart $kind" 0 "$sg" chart $kind "${botnet[@]}" --trap "$evil" --no-events -f svg -o -
    check 'is well-formed' python3 -c "import sys, xml.dom.minidom as x; x.parse(sys.argv[1])" "$work/out"
    check 'is clean' clean '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae' "$work/out"
    "$sg" chart $kind "${botnet[@]}" --no-events -f svg -o - --script >"$work/script"
    check 'so is its script' clean '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae' "$work/script"
done
check 'no name was run' bash -c "! ls '$work' | grep ran"
finish
