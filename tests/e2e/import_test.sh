#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Import: the same mail in every form has the same ids; repeats add nothing; kills lose nothing; traps stay secret.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 "$here/make_mail.py" 3000 1 "$work/a.mbox"
python3 "$here/split_mail.py" "$work/a.mbox" "$work/maildir" "$work/folder"
tar -C "$work" -cf "$work/folder.tar" folder
zstd -q "$work/folder.tar"
gzip -k "$work/a.mbox"
xz -k "$work/a.mbox"
(cd "$work" && zip -qr folder.zip folder)

ids() { "$sg" message -d "$1" --limit 100000 -f csv | sed 1d | cut -d, -f1 | sort; }
added() { sed -n 's/.* \([0-9]*\) added, \([0-9]*\) known already.*/\1 \2/p' "$work/err" | tail -n 1; }

exits 'an mbox is imported' 0 "$sg" import -j 1 -d "$work/mbox.db" "$work/a.mbox"
same 'all messages are added' '3000 0' "$(added)"
ids "$work/mbox.db" >"$work/mbox.ids"
same 'each has its own id' 3000 "$(sort -u "$work/mbox.ids" | wc -l)"
for form in maildir folder folder.tar folder.tar.zst folder.zip a.mbox.gz a.mbox.xz; do
    "$sg" import -q -d "$work/form.db" "$work/$form"
    ids "$work/form.db" >"$work/form.ids"
    check "$form gives the same ids" cmp "$work/mbox.ids" "$work/form.ids"
    rm -f "$work"/form.db*
done
"$sg" import -q -d "$work/form.db" - <"$work/a.mbox"
ids "$work/form.db" >"$work/form.ids"
check 'standard input gives the same ids' cmp "$work/mbox.ids" "$work/form.ids"

"$sg" report -d "$work/mbox.db" -f json >"$work/before.json"
exits 'a second import succeeds' 0 "$sg" import -d "$work/mbox.db" "$work/a.mbox"
same 'a second import adds nothing' '0 3000' "$(added)"
exits 'another form of the same mail adds nothing' 0 "$sg" import -d "$work/mbox.db" "$work/folder.zip"
same 'every message is known' '0 3000' "$(added)"
"$sg" report -d "$work/mbox.db" -f json >"$work/after.json"
check 'and changes no figure' cmp "$work/before.json" "$work/after.json"
"$sg" import -q -j 2 -d "$work/two.db" "$work/a.mbox"
"$sg" report -d "$work/two.db" -f json >"$work/two.json"
check 'two threads give the same report' cmp "$work/before.json" "$work/two.json"
exits 'the store verifies' 0 "$sg" db verify -d "$work/mbox.db"

# chunking: a slow pipe that hands over odd pieces
python3 - "$work/a.mbox" <<'PY' | "$sg" import -q -d "$work/chunk.db" -
import os, sys
data, at, step = open(sys.argv[1], "rb").read(), 0, 1
while at < len(data):
    os.write(1, data[at:at + step])
    at += step
    step = step * 7 % 9973 + 1
PY
"$sg" report -d "$work/chunk.db" -f json | sed 's/"trust":.*//' >"$work/chunk.json"
sed 's/"trust":.*//' "$work/before.json" >"$work/whole.json"
ids "$work/chunk.db" >"$work/chunk.ids"
check 'odd chunks give the same messages' cmp "$work/mbox.ids" "$work/chunk.ids"

# kill -9 at odd moments, again and again: nothing lost, nothing twice
python3 "$here/make_mail.py" 20000 2 "$work/big.mbox"
kills=0
for delay in 0.03 0.11 0.2 0.33 0.5 0.62 0.8 1.1; do
    "$sg" import -q -d "$work/kill.db" "$work/big.mbox" &
    pid=$!
    sleep $delay
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    wait $pid 2>/dev/null
done
exits 'the last run ends' 0 "$sg" import -d "$work/kill.db" "$work/big.mbox"
same 'every message is there once' 20000 "$(ids "$work/kill.db" | sort -u | wc -l)"
"$sg" import -q -d "$work/whole.db" "$work/big.mbox"
"$sg" report -d "$work/whole.db" -f csv >"$work/whole.csv"
"$sg" report -d "$work/kill.db" -f csv >"$work/kill.csv"
check 'the figures are those of one whole run' cmp "$work/whole.csv" "$work/kill.csv"
exits 'the store verifies after the kills' 0 "$sg" db verify -d "$work/kill.db"
check 'some runs were killed' test "$kills" -ge 3

# two at the same time into one store, one of them killed and started again
python3 "$here/make_mail.py" 3000 3 "$work/b.mbox"
python3 "$here/make_mail.py" 3000 4 "$work/c.mbox"
"$sg" import -q -d "$work/one.db" "$work/b.mbox" "$work/c.mbox"
{
    "$sg" import -q -d "$work/both.db" "$work/b.mbox" &
    pid=$!
    sleep 0.2
    kill -9 $pid
    wait $pid
    "$sg" import -q -d "$work/both.db" "$work/b.mbox"
} 2>/dev/null &
"$sg" import -q -d "$work/both.db" "$work/c.mbox"
wait
# labels aside: which cluster has a name at a message depends on what came before it
counted() { "$sg" report -d "$1" -f csv | grep -Ev '^(botnet|botnet_day|mailer|program),'; }
counted "$work/one.db" >"$work/one.csv"
counted "$work/both.db" >"$work/both.csv"
check 'two imports at once give the figures of one' cmp "$work/one.csv" "$work/both.csv"
# campaigns aside: a wording is what is near the first that came (docs/clusters.md), in any order of imports
for store in one both; do
    "$sg" mailers -d "$work/$store.db" --limit 100000 -f csv | cut -d, -f7-15 | sort >"$work/mailers.$store"
done
check 'and the same mailers' cmp "$work/mailers.one" "$work/mailers.both"
exits 'their store verifies' 0 "$sg" db verify -d "$work/both.db"

# interrupted politely
"$sg" import -q -j 1 -d "$work/int.db" "$work/big.mbox" 2>"$work/err" &
pid=$!
sleep 0.15
kill -INT $pid 2>/dev/null
wait $pid
status=$?
check 'SIGINT gives 130 (or it was done)' test $status -eq 130 -o $status -eq 0
"$sg" import -q -d "$work/int.db" "$work/big.mbox"
same 'and the next run completes it' 20000 "$(ids "$work/int.db" | wc -l)"

# SIGHUP reads the rules again while mail goes on coming in
mkdir "$work/rules"
cp "$here"/../../rules/botnets/cutwail-helo.yaml "$work/rules/"
printf 'rules: [%s]\n' "$work/rules" >"$work/hup.yaml"
mkfifo "$work/pipe"
"$sg" import -q -c "$work/hup.yaml" -d "$work/hup.db" --trust none - <"$work/pipe" &
pid=$!
{
    head -c 1000000 "$work/a.mbox"
    sleep 1
    cp "$here"/../../rules/botnets/storm-msgid.yaml "$work/rules/"
    kill -HUP $pid
    tail -c +1000001 "$work/a.mbox" | head -c 200000 # the reader asks between batches
    sleep 2
    tail -c +1200001 "$work/a.mbox"
} >"$work/pipe"
wait $pid
same 'SIGHUP: the import ends well' 0 $?
same 'every message is there' 3000 "$(ids "$work/hup.db" | wc -l)"
same 'under two versions of the rules' 2 "$(sqlite3 "$work/hup.db" 'SELECT count(DISTINCT pack) FROM message')"

# what is no mail is counted and named
mkdir "$work/mixed"
cp "$work/folder/000000.eml" "$work/mixed/"
printf 'mv 00001.abc 00002.def\nmv 00003.abc 00004.def\n' >"$work/mixed/cmds"
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1' >"$work/mixed/picture.eml"
: >"$work/mixed/empty"
exits 'a folder with other things in it' 0 "$sg" import -d "$work/mixed.db" "$work/mixed"
same 'its one message is added' '1 0' "$(added)"
check 'the others are named' grep -q 'left out' "$work/err"
check 'cmds among them' grep -q cmds "$work/err"
exits 'a missing path is an error, the rest goes on' 4 "$sg" import -d "$work/mixed.db" "$work/nowhere" "$work/mixed"
check 'it is named' grep -q "$work/nowhere" "$work/err"
head -c 100000 "$work/a.mbox.gz" >"$work/cut.mbox.gz"
"$sg" import -d "$work/cut.db" "$work/cut.mbox.gz" >"$work/out" 2>"$work/err"
check 'a cut archive gives what it holds' test "$(ids "$work/cut.db" | wc -l)" -gt 100
check 'and says that it is damaged' grep -q 'left out' "$work/err"

# the planted trap address must leave by no door
id=$(head -n 1 "$work/mbox.ids")
{
    for f in text json jsonl csv; do
        "$sg" report -d "$work/mbox.db" -f $f --top 100
        "$sg" message -d "$work/mbox.db" -f $f "$id"
        "$sg" message -d "$work/mbox.db" -f $f --limit 100
        for verb in hosts 'series level' 'series hosts' 'trap list' 'trap gaps' sessions canary changes 'changes now'; do
            # shellcheck disable=SC2086 # two words are two words
            "$sg" $verb -d "$work/mbox.db" -f $f
        done
        "$sg" explain -d "$work/mbox.db" -f $f --since 2010-10-04 --until 2010-10-08
    done
    "$sg" db info -d "$work/mbox.db" -f json
    "$sg" chart volume -d "$work/mbox.db" -f svg -o - --script
    "$sg" chart share -d "$work/mbox.db" -f svg -o - --script
} >"$work/outlets" 2>&1
check 'the outlets say something' test "$(wc -c <"$work/outlets")" -gt 10000
check 'no outlet names the trap' bash -c "! grep -iq 'plantedtrap77' '$work/outlets'"
check 'nor does the store' bash -c "! grep -aiq 'plantedtrap77' '$work/mbox.db' '$work/mbox.db-wal' 2>/dev/null"
same 'the key is its owner'"'"'s alone' 600 "$(stat -c %a "$SPAMGAUGE_DATA/recipient.key")"
finish
