#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Real mail beside the checkout (../shared/data), where there is any: it all imports, twice, without a crash.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
data=${SPAMGAUGE_REAL_MAIL:-$here/../../../shared/data}
shopt -s nullglob
archives=("$data"/*.tar.zst)
if ((${#archives[@]} == 0)); then
    skip 'real mail' 'no ../shared/data here'
    finish
    exit
fi
for archive in "${archives[@]}"; do
    name=$(basename "$archive")
    exits "$name imports" 0 "$sg" import --trap "$name" "$archive"
    first=$(grep -o '[0-9]* added' "$work/err")
    check "$name holds mail" test "${first% *}" -gt 100
    exits "$name imports again" 0 "$sg" import --trap "$name" "$archive"
    check "$name adds nothing the second time" grep -q ', 0 added' "$work/err"
done
exits 'the store verifies' 0 "$sg" db verify
exits 'the report prints' 0 "$sg" report --top 50
exits 'the rules meet it' 0 "$sg" report -f json
finish
