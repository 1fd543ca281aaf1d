#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# How the traps watched: a gap is found, recorded, taken back; connections of a feed; edits of a trap.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
# The gap of SpamRankings.net of 26 and 27 June 2012, beside a trap that went on.
{
    echo 'from,trap,site,botnet,messages'
    for day in $(seq 0 59); do
        date=$(date -u -d "2012-05-25 + $day days" +%F)
        for label in cutwail:90 festi:60 grum:36 lethic:40 kelihos:24 :60; do
            n=$((${label#*:} * (90 + day * 7 % 20) / 100))
            [[ $date == 2012-06-2[67] ]] || echo "$date,cbl,,${label%:*},$n"
            echo "$date,mx1,south,${label%:*},$((n / 2))"
        done
    done
} >"$work/history.csv"
mkdir -p "$SPAMGAUGE_DATA"
check 'a store with a known history' "$COUNT_STORE" "$work/history.csv" "$SPAMGAUGE_DATA/spamgauge.db"

for f in text json jsonl csv; do
    exits "trap list -f $f" 0 "$sg" trap list -f $f
    cp "$work/out" "$work/list.$f"
    exits "trap gaps -f $f" 0 "$sg" trap gaps -f $f
    cp "$work/out" "$work/gaps.$f"
done
check 'lines fit' awk 'length > 80 {bad = 1} END {exit bad}' "$work/list.text" "$work/gaps.text"
gap() { python3 - "$1" <<'PY'
import json, subprocess, os, sys
gaps = json.loads(subprocess.run([os.environ['SPAMGAUGE'], 'trap', 'gaps', '-f', 'json'],
                                 check=True, capture_output=True).stdout)['gaps']
print(';'.join(' '.join(str(g[k]) for k in sys.argv[1].split()) for g in gaps))
PY
}
same 'the software gap is an outage' 'cbl 2012-06-26T00:00:00Z 2012-06-28T00:00:00Z outage silence' \
    "$(gap 'trap since until verdict source')"
same 'all labels were silent, and only there' '0 6 6 6 1' \
    "$(gap 'observed labels labels_silent labels_silent_only_here others_count')"
same 'the list says the same' '0.9667 1;1.0 0' "$(python3 -c "import json
print(';'.join(str(t['coverage']) + ' ' + str(t['gaps']) for t in json.load(open('$work/list.json'))['traps']))")"

command=$(sed -n 's/^ *\(trap edit cbl .*\)/\1/p' "$work/gaps.text")
# shellcheck disable=SC2086
exits 'the command that records it' 0 "$sg" $command --note 'own software'
same 'it is recorded' 'cbl 2012-06-26T00:00:00Z 2012-06-28T00:00:00Z outage person own software' \
    "$(gap 'trap since until verdict source note')"
exits 'no, it was up' 0 "$sg" trap edit cbl --up 2012-06-26..2012-06-27
same 'nothing is left' '' "$(gap trap)"
exits 'half of a day was lost' 0 "$sg" trap edit cbl --degraded 2012-07-01T00:00:00Z..2012-07-01T12:00:00Z --part 0.5
same 'as it is recorded' 'partial person 0.5' "$(gap 'verdict source part')"
exits 'and is still down' 0 "$sg" trap edit cbl --down 2012-07-20..
check 'which the list shows' grep -q '^cbl  *-  *down ' <("$sg" trap list)

printf 'trap,hour,connections,accepted,refused\nmx1,2012-06-10T04:00:00Z,50,0,50\nmx1,2012-06-10T05:00:00Z,50,30,5\n' >"$work/hours.csv"
exits 'connection counts' 0 "$sg" trap hours "$work/hours.csv"
same 'tell an outage' 'mx1 2012-06-10T04:00:00Z 2012-06-10T05:00:00Z outage connections 50' \
    "$("$sg" trap gaps mx1 -f json | python3 -c 'import json,sys
for g in json.load(sys.stdin)["gaps"]: print(g["trap"], g["since"], g["until"], g["verdict"], g["source"], g["refused"])')"
bad() { # NAME PLACE LINES
    printf '%b' "$3" >"$work/bad.csv"
    exits "$1" 3 "$sg" trap hours "$work/bad.csv"
    check 'has its place' grep -q "bad.csv:$2: " "$work/err"
}
bad 'a count that is none' 2:26 'hour,trap,connections,accepted\n2012-06-10T04:00:00Z,mx1,1x,1\n'
bad 'a time that is no hour' 2:5 'trap,hour,connections,accepted\nmx1,2012-06-10T04:30:00Z,1,1\n'
bad 'a trap that is not there' 3:1 'trap,hour,connections,accepted\nmx1,2012-06-10T04:00:00Z,2,1\nmx9,2012-06-10T04:00:00Z,2,1\n'
bad 'more accepted than came' 2:28 'trap,hour,connections,accepted\nmx1,2012-06-10T04:00:00Z,2,3\n'
bad 'a column that is not known' 1:6 'hour,port\n'
bad 'a column too few' 1:1 'hour,accepted\n'
bad 'a field too few' 2:1 'trap,hour,connections,accepted\nmx1,2012-06-10T04:00:00Z,2\n'
bad 'an open quote' 2:1 'trap,hour,connections,accepted\n"mx1,2012\n'
exits 'a file that is not there' 5 "$sg" trap hours "$work/none.csv"

exits 'a new name and site' 0 "$sg" trap edit cbl --rename spamrankings --site lists --note 'data of the CBL'
check 'are listed' grep -q '^spamrankings *lists' <("$sg" trap list)
check 'with the note' grep -q 'data of the CBL' <("$sg" trap list)
exits 'the same history under the old name' 0 "$COUNT_STORE" "$work/history.csv" "$SPAMGAUGE_DATA/spamgauge.db"
same 'adds nothing' '0 messages' "$(cat "$work/out")"
exits 'a name that another trap has' 5 "$sg" trap edit spamrankings --rename mx1
exits 'a trap that is not there' 1 "$sg" trap edit nobody --site x
exits 'gaps of a trap that is not there' 1 "$sg" trap gaps nobody
exits 'nothing to change' 2 "$sg" trap edit mx1
exits 'a bad period' 2 "$sg" trap edit mx1 --down 2012-06-27..2012-06-26
exits 'a bad part' 2 "$sg" trap edit mx1 --degraded 2012-06-27 --part 2
exits 'retired' 0 "$sg" trap edit mx1 --retired 2012-07-01
check 'is dead' grep -q '^mx1 .* dead ' <("$sg" trap list)
exits 'and taken back' 0 "$sg" trap edit mx1 --retired -
check 'is up' grep -q '^mx1 .* up ' <("$sg" trap list)
exits 'db verify' 0 "$sg" db verify
finish
