#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Simulated mail goes the way of any mail: import and spool, with the ids that its table of truth says.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
small=(-q -n 300 --families 9 --campaigns 8 --days 20 --seed 5)

exits 'simulate mail' 0 "$sg" simulate mail "${small[@]}" -o "$work/a.mbox"
exits 'again' 0 "$sg" simulate mail "${small[@]}" -o "$work/b.mbox" --truth "$work/b.csv"
check 'the same options give the same bytes' cmp "$work/a.mbox" "$work/b.mbox"
check 'and the same truth' cmp "$work/a.mbox.truth.csv" "$work/b.csv"
exits 'to standard output' 0 "$sg" simulate mail "${small[@]}" -o -
check 'is the same' cmp "$work/a.mbox" "$work/out"
exits 'another seed' 0 "$sg" simulate mail "${small[@]}" --seed 6 -o "$work/c.mbox"
check 'gives other mail' bash -c "! cmp -s '$work/a.mbox' '$work/c.mbox'"
same 'a line of truth for each message' 301 "$(wc -l <"$work/b.csv")"
exits 'no output' 2 "$sg" simulate mail -n 10
exits 'mess is 0 to 1' 2 "$sg" simulate mail -n 10 --mess 2 -o "$work/d.mbox"
exits 'mess is a number' 2 "$sg" simulate mail -n 10 --mess much -o "$work/d.mbox"
exits 'too many families' 2 "$sg" simulate mail -n 10 --families 100000 -o "$work/d.mbox"
exits 'a folder that is not there' 5 "$sg" simulate mail -n 10 -o "$work/none/d.mbox"

exits 'import reads it' 0 "$sg" import "$work/a.mbox"
check 'all of it' grep -q '300 messages, 300 added' "$work/err"
for line in 2 100 301; do
    id=$(sed -n "${line}p" "$work/b.csv" | cut -d, -f2)
    exits "message $((line - 2)) has the id of the table" 0 "$sg" message "$id"
done
exits 'import again' 0 "$sg" import "$work/b.mbox"
check 'adds nothing' grep -q '0 added' "$work/err"

exits 'simulate spool' 0 "$sg" simulate spool "${small[@]}" -o "$work/spool"
exits 'it is sound' 0 "$sg" spool verify "$work/spool"
exits 'spool analyse reads it' 0 "$sg" spool analyse -d "$work/live.db" "$work/spool"
check 'all of it, with the sessions' grep -q '300 added.*300 sessions' "$work/err"
id=$(awk -F, '$16 == "direct" {print $2; exit}' "$work/spool.truth.csv")
exits 'a message that came directly' 0 "$sg" message -d "$work/live.db" "$id"
check 'has an SMTP dialect' grep -q 'SD1:' "$work/out"
finish
