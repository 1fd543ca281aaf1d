#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Charts of series through the command line: a store with a known drop at the end of September 2010, a
# trap that is out for a week, two sites; pictures of the index and the level; wrong words.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
python3 - >"$work/table.csv" <<'E2'
import datetime
print("from,trap,site,botnet,messages,hosts")
for t in range(84):
    day = datetime.date(2010, 8, 1) + datetime.timedelta(t)
    for n, (trap, site, size) in enumerate([("a1", "a", 40), ("a2", "a", 20), ("b1", "b", 30)]):
        if trap == "a1" and 20 <= t < 27:
            continue
        for botnet, part in (("rustock", 0.6), ("", 0.4)):
            fall = 0.5 if botnet and t >= 61 else 1.0
            print(f"{day},{trap},{site},{botnet},{int(size * part * fall) + (t + n) % 3},10")
E2
mkdir -p "$SPAMGAUGE_DATA"
check 'a store' "$COUNT_STORE" "$work/table.csv" "$SPAMGAUGE_DATA/spamgauge.db"
for kind in index level; do
    exits "$kind as SVG" 0 "$sg" chart $kind --no-events -o "$work/$kind.svg"
    check "$kind is SVG" grep -q '</svg>' "$work/$kind.svg"
done
exits 'a base, a label, weeks' 0 "$sg" chart index --botnet rustock --step week --base 2010-08 --no-events -o "$work/r.png"
check 'is PNG' sh -c "head -c 4 '$work/r.png' | grep -q PNG"
"$sg" chart index --step day --base 2010-08-01..2010-08-19 --no-events -f svg -o "$work/x.svg" --script >"$work/script"
check 'says the base' grep -q '2010-08-01 to 2010-08-19 = 100' "$work/script"
check 'says traps and sites' grep -q '3 traps at 2 sites' "$work/script"
# $L0 holds steps: x value value. Index of the days before and after the drop.
mean() { awk -v a="$1" -v b="$2" '/^\$L0 /{on=1;next} /^EOD/{on=0} on && NF==3 && $1>=a && $1<b {s+=$2;n++} END {printf "%d", s/n+0.5}' "$work/script"; }
before=$(mean 0 19) out=$(mean 20 27) after=$(mean 62 84)
check "the base is 100 ($before)" test "$before" -ge 98 -a "$before" -le 102
check "the trap that is out moves nothing ($out)" test "$out" -ge 95 -a "$out" -le 105
check "the drop is seen ($after)" test "$after" -ge 66 -a "$after" -le 74
exits 'several lines' 0 "$sg" chart index --botnet rustock --botnet unknown --no-events -o "$work/two.svg"
exits 'two kinds of labels' 2 "$sg" chart index --botnet rustock --program spamit -o "$work/no.svg"
exits 'nothing of it' 1 "$sg" chart index --botnet nobody -o "$work/no.svg"
check 'says what' grep -q 'nobody: there is no message of it' "$work/err"
exits 'hosts have no index' 2 "$sg" chart index --unit hosts -o "$work/no.svg"
exits 'a bad base' 2 "$sg" chart index --base soon -o "$work/no.svg"
exits 'a bad weight' 2 "$sg" chart index --weight none -o "$work/no.svg"
exits 'a base without mail' 1 "$sg" chart index --base 2009-01 -o "$work/no.svg"
exits 'no such campaign' 1 "$sg" chart index --campaign nobody -o "$work/no.svg"
exits 'a campaign by the hour' 2 "$sg" chart index --campaign nobody --step hour -o "$work/no.svg"
exits 'a generation of a campaign' 2 "$sg" chart index --campaign nobody --generation 1 -o "$work/no.svg"
exits 'a campaign for volume' 2 "$sg" chart volume --campaign nobody -o "$work/no.svg"
exits 'a generation for share' 2 "$sg" chart share --generation 1 -o "$work/no.svg"
exits 'no such generation' 1 "$sg" chart level --botnet rustock --generation 7 -o "$work/no.svg"
check 'is named as such' grep -q 'no generation 7' "$work/err"
exits 'a label for volume' 2 "$sg" chart volume --botnet rustock -o "$work/no.svg"
check 'no picture of what failed' test ! -e "$work/no.svg"
finish
