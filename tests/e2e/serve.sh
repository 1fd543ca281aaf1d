#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A live `spamgauge serve` for the end-to-end scripts: source it after tap.sh.
#   serve_start CONFIG-TEXT   starts it (once at a time); $ports are those of its listeners, in order
#   serve_stop                SIGTERM; its exit status
#   analysed N                waits until the store has N messages
# $log is its log. Roles become another user when the tests run as root, hence the mode of $work.
chmod 755 "$work"
log=$work/serve.log
# a role in its sandbox cannot fork and ptrace itself, which is how leaks are searched for
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
parent=0 ports=()
trap 'serve_kill; rm -rf "$work"' EXIT

serve_kill() {
    ((parent)) && kill -9 "$parent" 2>/dev/null
    parent=0
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
    local tries=$(($1 * 20))
    shift
    while ((tries-- > 0)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

log_has() { grep -q "$1" "$log"; }

serve_start() {
    printf '%s\n' "$1" >"$work/serve.yaml"
    : >"$log"
    "$sg" serve -c "$work/serve.yaml" 2>"$log" &
    parent=$!
    serve_ready
}

serve_ready() {
    wait_for 60 log_has 'event=ready spool' || {
        sed 's/^/# /' "$log"
        return 1
    }
    mapfile -t ports < <(sed -n 's/.*event=listening address=[^ ]*:\([0-9]*\) .*/\1/p' "$log")
}

serve_stop() {
    kill -TERM "$parent"
    wait "$parent"
    local status=$?
    parent=0
    return $status
}

# the process of a role
role_pid() { sed -n "s/.*role=$1 event=started pid=\([0-9]*\).*/\1/p" "$log" | tail -n 1; }

stored() { "$sg" message --limit 100000 -f jsonl -q 2>/dev/null | wc -l; }
has_stored() { (($(stored) >= $1)); }
analysed() { wait_for "${2:-60}" has_stored "$1"; }
