#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A trap's spool: listed, verified, read into the store once, shown; no trap address leaves.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
spool=$work/spool
messages=$("$MAKE_SPOOL" "$spool" 120 1)
same 'a trap wrote' 180 "$messages"

exits 'ls' 0 "$sg" spool ls "$spool"
check 'ls has a total' grep -q ' 300 records, 180 messages, ' "$work/out"
check 'ls says that nothing is analysed' grep -q 'nothing is analysed yet' "$work/out"
exits 'ls as CSV' 0 "$sg" spool ls -f csv "$spool"
check 'ls as CSV has a row a segment' test "$(wc -l <"$work/out")" -gt 3
exits 'ls as JSON' 0 "$sg" spool ls -f json "$spool"
check 'ls as JSON is JSON' python3 -m json.tool "$work/out" /dev/null
exits 'verify' 0 "$sg" spool verify "$spool"
check 'verify counts' grep -q '300 records (180 messages, 120 sessions), no problem found' "$work/out"
exits 'a folder that is not there' 1 "$sg" spool ls "$work/nothing"

exits 'analyse' 0 "$sg" spool analyse "$spool"
check 'analyse adds all' grep -q '180 messages, 180 added, 0 known already; 120 sessions added' "$work/err"
exits 'analyse again' 0 "$sg" spool analyse "$spool"
check 'analyse has nothing to do' grep -q ' 0 messages, 0 added' "$work/err"
check 'ls says so' bash -c "'$sg' spool ls '$spool' | tail -1 | grep -q 'analysed up to segment'"
exits 'the store verifies' 0 "$sg" db verify
check 'db info counts sessions' bash -c "'$sg' db info | grep -q '^sessions  120$'"
more=$("$MAKE_SPOOL" "$spool" 40 2)
exits 'analyse goes on' 0 "$sg" spool analyse -j 2 "$spool"
check 'analyse reads what is new' grep -q " $more messages, $more added, 0 known already; 40 sessions added" "$work/err"
exits 'an older spool into a new store' 0 "$sg" spool analyse -d "$work/other.db" "$spool"
check 'all of it' grep -q ' 240 messages, 240 added' "$work/err"
exits 'reindex reads it again from its start' 0 "$sg" reindex --from spool -d "$work/other.db" "$spool"
check 'and finds all as it was' grep -q 'all: 0 updated, 240 unchanged, 0 not in the store, 0 added' "$work/err"
same 'and leaves no mark when it is through' 0 "$(sqlite3 "$work/other.db" 'SELECT count(*) FROM reindex_mark')"
# as if stopped at the end: it goes on there
sqlite3 "$work/other.db" "INSERT INTO reindex_mark SELECT 'reindex spool ' || spool, (segment << 32) + place FROM spool_mark"
exits 'a reindex that was stopped at the end' 0 "$sg" reindex --from spool -d "$work/other.db" "$spool"
check 'goes on there' grep -q 'all: 0 updated, 0 unchanged, 0 not in the store, 0 added' "$work/err"
exits 'the next one' 0 "$sg" reindex --from spool -d "$work/other.db" "$spool"
check 'reads all again' grep -q 'all: 0 updated, 240 unchanged' "$work/err"
printf '' | "$sg" import -q -d "$work/empty.db" -
exits 'reindex of an empty store' 0 "$sg" reindex --from spool -d "$work/empty.db" "$spool"
check 'counts what it does not know' grep -q 'all: 0 updated, 0 unchanged, 240 not in the store, 0 added' "$work/err"
exits 'reindex --add' 0 "$sg" reindex --add --from spool -d "$work/empty.db" "$spool"
check 'adds it' grep -q 'all: 0 updated, 0 unchanged, 0 not in the store, 240 added' "$work/err"
exits 'that store verifies' 0 "$sg" db verify -d "$work/empty.db"

exits 'sessions' 0 "$sg" sessions --limit 200
check 'sessions lists them all' test "$(wc -l <"$work/out")" -eq 161
id=$("$sg" sessions -f jsonl --trap mx1 --limit 1 -q | python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["id"])')
exits 'session' 0 "$sg" session "$id"
check 'session shows the dialogue' grep -q 'rcpt to: <<rcpt>> \[line end: lf\]' "$work/out"
check 'session shows SD1' grep -q '^SD1  *SD1:' "$work/out"
check 'session shows why'  grep -q "^m  *of Ulm: the verbs' letters" "$work/out"
check 'session shows a false end of data' grep -q 'a false end of data' "$work/out"
check 'session hides a password' bash -c "! grep -q dHJhcHNlY3JldA '$work/out'"
check 'session escapes' bash -c "! grep -q \$'\\x1b' '$work/out'"
exits 'session by a prefix' 0 "$sg" session "${id:0:26}"
exits 'session as JSON' 0 "$sg" session -f json "$id"
check 'session as JSON is JSON' python3 -m json.tool "$work/out" /dev/null
exits 'no such session' 1 "$sg" session 0123456789abcdef
exits 'sessions of one client' 0 "$sg" sessions --client 85.0.0.7 -f jsonl
same 'sessions of one client: those' 2 "$(wc -l <"$work/out")"
exits 'sessions of a period' 0 "$sg" sessions -f jsonl --since 2010-11-17T13:20:00Z --until 2010-11-17T13:30:00Z --limit 99
same 'sessions of a period: those' 20 "$(wc -l <"$work/out")"

message=$("$sg" message -f jsonl --limit 1 -q | python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["id"])')
exits 'message' 0 "$sg" message "$message"
check 'message shows its session' grep -q '^session  *[0-9a-f]\{32\}' "$work/out"
check 'message has the SD1 of its session' bash -c "'$sg' message -f json $message | grep -q '\"sd1\": \"SD1:'"
check 'message shows the dialogue' grep -q 'EHLO bot' "$work/out"
exits 'message as JSON' 0 "$sg" message -f json "$message"
check 'message as JSON has the session' python3 -c "import json; assert json.load(open('$work/out'))['session']['steps']"

exits 'cat' 0 "$sg" spool cat "$spool" -o "$work/all.mbox"
exits 'cat: its mbox imports' 0 "$sg" import -d "$work/import.db" "$work/all.mbox"
check 'cat: with every message' grep -q '240 messages, 240 added' "$work/err"
exits 'cat --raw' 0 "$sg" spool cat --raw --id "$message" "$spool"
check 'cat --raw is as it came' grep -q '^From here on' "$work/out"
exits 'cat -f jsonl' 0 "$sg" spool cat -f jsonl "$spool"
same 'cat -f jsonl: a line a record' 400 "$(wc -l <"$work/out")"
exits 'cat --id of nothing' 1 "$sg" spool cat --id ffffffffffff "$spool"
exits 'cat as a table' 2 "$sg" spool cat -f csv "$spool"

# Canaries: noted, not counted; one with a token of another key is mail.
exits 'no canary yet' 0 "$sg" canary
check 'no canary yet: it says never' grep -q '^never .* mx1$' "$work/out"
exits 'canary for a trap' 0 "$sg" canary mx1 --to x@example.org -o "$work/canary.eml"
exits 'canary wants an address' 2 "$sg" canary mx1
"$MAKE_SPOOL" "$spool" 0 3 "$work/canary.eml" >/dev/null
exits 'analyse meets a canary' 0 "$sg" spool analyse "$spool"
check 'a canary is told' grep -q ' 1 canaries, noted' "$work/err"
check 'a canary is not counted' grep -q ' 0 messages, 0 added' "$work/err"
exits 'canary came' 0 "$sg" canary -f csv
check 'canary came: it says ok' grep -q '^mx1,ok,' "$work/out"
sleep 2
exits 'canary is missing' 1 "$sg" canary --every 1
exits 'trap list within the hour' 0 "$sg" trap list
check 'it misses none' bash -c "! grep -q canary '$work/out'"
printf 'canary_seconds: 1\n' >"$work/canary.yaml"
exits 'trap list, canaries each second' 0 "$sg" trap list -c "$work/canary.yaml"
check 'it misses one' grep -q '^    canary missing: the last one came 20' "$work/out"
exits 'trap list for a program' 0 "$sg" trap list -c "$work/canary.yaml" -f json
same 'one is missing there' 1 "$(grep -c '"canary_missing": *true' "$work/out")"
exits 'canary takes that for its default' 1 "$sg" canary -c "$work/canary.yaml"
sed 's/^X-Spamgauge-Canary: \(.*\)..\r$/X-Spamgauge-Canary: \100\r/' "$work/canary.eml" >"$work/forged.eml"
check 'a forged canary differs' bash -c "! cmp -s '$work/canary.eml' '$work/forged.eml'"
"$MAKE_SPOOL" "$spool" 0 4 "$work/forged.eml" >/dev/null
exits 'analyse meets a forged one' 0 "$sg" spool analyse "$spool"
check 'a forged canary is mail' grep -q ' 1 messages, 1 added' "$work/err"

# No trap address leaves: every outlet but cat, which says so, and the store itself.
{
    for f in text json jsonl csv; do
        "$sg" sessions -f $f --limit 500 -q
        "$sg" session -f $f "$id"
        "$sg" message -f $f "$message"
        "$sg" message -f $f --limit 500 -q
        "$sg" spool ls -f $f "$spool"
        for verb in hosts 'series level' 'series hosts' 'trap list' 'trap gaps' canary 'changes now'; do
            # shellcheck disable=SC2086 # two words are two words
            "$sg" $verb -f $f -q
        done
    done
    "$sg" spool verify "$spool"
    "$sg" report
    "$sg" spool cat --help
    cat "$SPAMGAUGE_DATA"/spamgauge.db*
} >"$work/outlets" 2>&1
check 'outlets have content' test "$(wc -c <"$work/outlets")" -gt 100000
check 'no trap address leaves' bash -c "! grep -a -i -q trapsecret '$work/outlets'"

# Damage: one byte in the middle of a segment.
spool=$work/damaged
"$MAKE_SPOOL" "$spool" 20 5 >/dev/null
segment=$(ls -S "$spool"/*.seg | head -1)
size=$(stat -c %s "$segment")
printf 'X' | dd of="$segment" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
exits 'analyse goes on behind damage' 4 "$sg" spool analyse -d "$work/damaged.db" "$spool"
check 'analyse says so' grep -q '1 places of the spool are damaged' "$work/err"
exits 'verify finds damage' 1 "$sg" spool verify "$spool"
check 'verify says where' grep -q '^segment [0-9]*, offset [0-9]*: damaged ([0-9]* bytes)' "$work/out"
truncate -s $((size - 5)) "$segment"
exits 'verify finds a torn end' 1 "$sg" spool verify "$spool"
check 'verify says torn' grep -q 'torn at its end' "$work/out"
finish
