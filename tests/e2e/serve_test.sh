#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# serve: real clients deliver over every way in; what got 250 is in the store once; signals; sandbox; configuration.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
. "$here/serve.sh"

cat >"$work/recipients" <<'END'
# a list
known@list.example
@domain.example tagged
END
config="
host: mx.trap.example
drain_seconds: 2
listeners:
  - {port: 0, trap: plain, site: here}
  - {port: 0, trap: tls, site: here, tls: implicit}
  - {port: 0, trap: lmtp, site: there, protocol: lmtp}
  - {port: 0, trap: picky, site: there, recipients: ['file:$work/recipients', 'abuse*@*']}
  - {port: 0, trap: proxied, site: there, proxy: yes}
"
check 'serve starts' serve_start "$config"
same 'and says where it listens' 5 "${#ports[@]}"
check 'and where the data goes' log_has "spool=$SPAMGAUGE_DATA/spool store=$SPAMGAUGE_DATA/spamgauge.db"
check 'the trap says what its sandbox is' log_has 'role=trap event=ready .*seccomp [0-9]* calls'
check 'and so does the analyser' log_has 'role=analyse event=ready .*seccomp [0-9]* calls'

# ---- real clients ----
send() { python3 "$here/smtp_send.py" "$@"; }
same 'smtplib' 20 "$(send plain "${ports[0]}" 20 plain)"
same 'smtplib, many in a session' 20 "$(send session "${ports[0]}" 20 session)"
same 'smtplib with STARTTLS' 5 "$(send starttls "${ports[0]}" 5 starttls)"
same 'smtplib with TLS' 5 "$(send tls "${ports[1]}" 5 tls)"
same 'smtplib with LMTP' 5 "$(send lmtp "${ports[2]}" 5 lmtp)"
same 'smtplib with a guessed password' 1 "$(send auth "${ports[0]}" 1 auth)"
total=56
printf 'From: <a@b.example>\r\nSubject: curl-1\r\n\r\nx\r\n' >"$work/mail"
check 'curl' curl -s --mail-from a@b.example --mail-rcpt c@d.example -T "$work/mail" "smtp://127.0.0.1:${ports[0]}"
check 'curl with STARTTLS' curl -sk --ssl-reqd --mail-from a@b.example --mail-rcpt c@d.example -T "$work/mail" "smtp://127.0.0.1:${ports[0]}"
check 'curl with TLS' curl -sk --mail-from a@b.example --mail-rcpt c@d.example -T "$work/mail" "smtps://127.0.0.1:${ports[1]}"
total=$((total + 3))
openssl_send() { # slowly: s_client does not wait for replies
    { sleep 0.5; for line in 'EHLO x' 'MAIL FROM:<a@b.example>' 'RCPT TO:<c@d.example>' DATA; do printf '%s\r\n' "$line"; sleep 0.2; done
      printf 'Subject: openssl-1\r\n\r\nx\r\n.\r\n'; sleep 0.5; printf 'QUIT\r\n'; sleep 0.5; } |
        openssl s_client -quiet -connect "127.0.0.1:${ports[1]}" >"$work/openssl" 2>/dev/null
    grep -q '^250 .*queued' "$work/openssl"
}
check 'openssl s_client' openssl_send
total=$((total + 1))
if command -v swaks >/dev/null; then
    check 'swaks' swaks --silent 2 --server 127.0.0.1 --port "${ports[0]}" --from a@b.example --to c@d.example --h-Subject swaks-1
    check 'swaks with PIPELINING' swaks --silent 2 --pipeline --server 127.0.0.1 --port "${ports[0]}" --from a@b.example --to c@d.example
    check 'swaks with a PROXY header' swaks --silent 2 --proxy-version 1 --proxy-family TCP4 --proxy-source 198.51.100.7 --proxy-source-port 4444 \
        --proxy-dest 192.0.2.1 --proxy-dest-port 25 --server 127.0.0.1 --port "${ports[4]}" --from a@b.example --to c@d.example
    total=$((total + 3))
else
    skip 'swaks' 'it is not installed'
fi
if swaks --support 2>/dev/null | grep -q '^TLS supported'; then
    check 'swaks with STARTTLS' swaks --silent 2 -tls --server 127.0.0.1 --port "${ports[0]}" --from a@b.example --to c@d.example
    total=$((total + 1))
else
    skip 'swaks with STARTTLS' 'its Perl has no Net::SSLeay'
fi
if command -v smtp-source >/dev/null || [[ -x /usr/sbin/smtp-source ]]; then
    PATH=$PATH:/usr/sbin
    check 'smtp-source, one message a connection' smtp-source -s 10 -m 200 -l 5120 -f a@x.example -t b@y.example "127.0.0.1:${ports[0]}"
    check 'smtp-source, many a connection' smtp-source -d -s 10 -m 200 -l 1024 -f a@x.example -t b@y.example "127.0.0.1:${ports[0]}"
    total=$((total + 400))
else
    skip 'smtp-source' 'Postfix is not installed'
fi

# ---- recipients ----
rcpt() { # the code that RCPT gets
    printf 'EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nQUIT\r\n' "$1" |
        python3 -c 'import socket,sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30); f = s.makefile("rwb")
def reply():
    while True:
        line = f.readline().decode()
        if line[3:4] != "-": return line
reply()
for line in sys.stdin.buffer.read().splitlines(True):
    f.write(line); f.flush(); r = reply()
    if line.startswith(b"RCPT"): print(r[:3])' "${ports[3]}"
}
same 'a listed recipient is taken' 250 "$(rcpt known@list.example)"
same 'a domain' 250 "$(rcpt any@domain.example)"
same 'a glob' 250 "$(rcpt abuse7@x.example)"
same 'no one else' 550 "$(rcpt unknown@list.example)"

# ---- in the store, once ----
check 'all is analysed' analysed "$total"
same 'nothing twice' "$total" "$(stored)"
sql() { sqlite3 "file:$SPAMGAUGE_DATA/spamgauge.db?mode=ro" "$1"; }
for what in plain-19 session-0 starttls-4 tls-4 lmtp-4 openssl-1; do
    same "$what is there once" 1 "$(sql "SELECT count(*) FROM message WHERE subject = '$what'")"
done
same 'by the name of its trap' 5 "$(sql "SELECT count(*) FROM message JOIN trap ON trap.id = trap WHERE name = 'lmtp'")"
same 'and with TLS where it had it' 1 "$(sql "SELECT count(*) FROM message JOIN text ON text.id = tls WHERE subject = 'tls-4' AND value LIKE 'TLSv1%'")"
same 'and a session for each connection' "$(sql "SELECT sum(messages) FROM session")" "$total"
only_asked() { (($(sql "SELECT count(*) FROM session JOIN trap ON trap.id = trap WHERE name = 'picky' AND session.messages = 0") == 4)); }
check 'also of those that only asked' wait_for 10 only_asked
if command -v swaks >/dev/null; then
    same 'a PROXY header gives the client' 1 "$(sql "SELECT count(*) FROM message WHERE client = x'c6336407'")"
fi
"$sg" message --limit 100000 -f jsonl -q >"$work/messages"
exits 'the report of a running trap' 0 "$sg" report
check 'counts them' grep -q "^$total messages" "$work/out"
check 'no outlet has a trap address' bash -c "! cat '$work/out' '$work/messages' '$log' | grep -qi plantedtrap77"
check 'or a password' bash -c "! grep -ra hunter2-secret '$SPAMGAUGE_DATA' '$log'"

# ---- roles ----
trap_pid=$(role_pid trap) analyse_pid=$(role_pid analyse)
if ((EUID == 0)); then
    for pid in $trap_pid $analyse_pid; do
        same "role $pid is not root" 0 "$(awk '/^Uid:/ {print ($2 == 0) + ($3 == 0) + ($4 == 0)}' "/proc/$pid/status")"
    done
    uid_of() { awk '/^Uid:/ {print $2}' "/proc/$1/status"; }
    gid_of() { awk '/^Gid:/ {print $2}' "/proc/$1/status"; }
    check 'each role is a user of its own' test "$(uid_of "$trap_pid")" != "$(uid_of "$analyse_pid")"
    same 'with one group' "$(gid_of "$trap_pid")" "$(gid_of "$analyse_pid")"
    same 'the spool is the trap'"'"'s' "$(uid_of "$trap_pid")" "$(stat -c %u "$SPAMGAUGE_DATA/spool")"
    same 'the store is not' "$(uid_of "$analyse_pid") 600" "$(stat -c '%u %a' "$SPAMGAUGE_DATA/spamgauge.db")"
    as() { # PID COMMAND...: as that role's user, without its sandbox; its exit status
        setpriv --reuid "$(uid_of "$1")" --regid "$(gid_of "$1")" --clear-groups "${@:2}" >/dev/null 2>&1
        echo $?
    }
    segment=$(ls "$SPAMGAUGE_DATA"/spool/*.seg | tail -n 1)
    same 'the trap could not read the store' 1 "$(as "$trap_pid" cat "$SPAMGAUGE_DATA/spamgauge.db")"
    same 'the analyser reads segments' 0 "$(as "$analyse_pid" cat "$segment")"
    same 'and could not write one' 2 "$(as "$analyse_pid" dash -c "echo >>'$segment'")"
    same 'nor make one' 1 "$(as "$analyse_pid" touch "$SPAMGAUGE_DATA/spool/0000000000000009.seg")"
    other=$(awk '/^CapBnd:|^CapEff:/ {print $2}' "/proc/$trap_pid/status" | sort -u)
    same 'the trap has no capability left' 0000000000000000 "$other"
else
    skip 'users' 'not root'
fi
same 'no new privileges' 1 "$(awk '/^NoNewPrivs:/ {print $2}' "/proc/$trap_pid/status")"
same 'system calls are filtered' 2 "$(awk '/^Seccomp:/ {print $2}' "/proc/$trap_pid/status")"
kill -9 "$trap_pid"
check 'a killed trap comes back' wait_for 20 log_has "role=trap event=ready pid=\(.*\)" &&
    wait_for 20 test "$(role_pid trap)" != "$trap_pid"
wait_for 20 bash -c "[[ \$(grep -c 'role=trap event=ready' '$log') -ge 2 ]]"
same 'and takes mail' 1 "$(send plain "${ports[0]}" 1 again)"
same 'the analyser has not noticed' "$analyse_pid" "$(role_pid analyse)"
kill -STOP "$(role_pid analyse)"
same 'a hanging analyser is no trap that hangs' 1 "$(send plain "${ports[0]}" 1 hang)"
kill -CONT "$(role_pid analyse)"
total=$((total + 2))
check 'all is analysed after that' analysed "$total"

# ---- SIGHUP ----
echo 'late@list.example' >>"$work/recipients"
same 'not yet known' 550 "$(rcpt late@list.example)"
reloads() { (($(grep -c 'role=trap event=ready' "$log") >= $1)); }
before=$(grep -c 'role=trap event=ready' "$log")
kill -HUP "$parent"
check 'SIGHUP reads anew' wait_for 20 reloads $((before + 1))
same 'known now' 250 "$(rcpt late@list.example)"
printf 'listeners:\n  - {prt: 25}\n' >"$work/serve.yaml"
kill -HUP "$parent"
check 'an unsound configuration is refused' wait_for 20 log_has 'event=reload-refused'
check 'with its place' log_has 'serve.yaml:2:'
same 'and the old one stays' 250 "$(rcpt late@list.example)"

# ---- SIGTERM ----
python3 - "${ports[0]}" "$work/slow.ready" >"$work/slow" <<'END' &
import smtplib, sys, time
c = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=30)
c.ehlo(); c.mail("a@b.example"); c.rcpt("c@d.example"); c.docmd("DATA")
open(sys.argv[2], "w").close()
time.sleep(1)
c.send("Subject: slow-1\r\n\r\nx\r\n.\r\n")
print(c.getreply()[0])
END
slow=$!
wait_for 20 test -e "$work/slow.ready"
check 'SIGTERM ends it cleanly' serve_stop
wait "$slow"
same 'a message on its way is still taken' 250 "$(cat "$work/slow")"
total=$((total + 1))
same 'and analysed' "$total" "$(stored)"
# from the start to the crash, from there to SIGHUP, to the end; one of less than a second is not kept
up=$(sql "SELECT count(*) FROM trap_coverage WHERE until > since")
check 'when each trap was up is known' test "$up" -ge 10 -a "$up" -le 15
same 'one of them ended by a crash' 5 "$(sql "SELECT count(*) FROM trap_coverage WHERE note LIKE '%crash%'")"
same 'none is open' 0 "$(sql "SELECT count(*) FROM trap_coverage WHERE until IS NULL")"
same 'connections are counted by the hour, once' "$(sql "SELECT count(*) FROM session")" "$(sql "SELECT sum(connections) FROM trap_hour")"
exits 'trap list' 0 "$sg" trap list
check 'has them' grep -q '^plain .*here .*up' "$work/out"
check 'no process is left' bash -c "! kill -0 $trap_pid $analyse_pid 2>/dev/null"
exits 'the store is sound' 0 "$sg" db verify
check 'nothing was refused to a role' bash -c "! grep 'sandbox: ' '$log'"

# ---- systemd ----
if command -v systemd-socket-activate >/dev/null; then
    printf 'listeners:\n  - {address: "systemd:smtp", trap: activated}\n' >"$work/serve.yaml"
    port=$((20000 + RANDOM % 20000))
    systemd-socket-activate -l "127.0.0.1:$port" --fdname=smtp -E SPAMGAUGE_DATA -E HOME -E ASAN_OPTIONS -E XDG_CACHE_HOME \
        "$sg" serve -c "$work/serve.yaml" 2>"$log" &
    parent=$!
    wait_for 20 log_has 'Listening'
    same 'socket activation' 1 "$(send plain "$port" 1 activated)"
    check 'is said' log_has "address=127.0.0.1:$port trap=activated.* by=service-manager"
    check 'ends cleanly' serve_stop
    total=$((total + 1))
    same 'and what came is kept' "$total" "$(stored)"
else
    skip 'socket activation' 'systemd-socket-activate is not installed'
fi
python3 - "$work/notify" >"$work/notified" <<'END' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777)
s.settimeout(60)
while True:
    text = s.recv(4096).decode()
    print(text, flush=True)
    if "STOPPING=1" in text: break
END
listener=$!
wait_for 10 test -S "$work/notify"
export NOTIFY_SOCKET=$work/notify WATCHDOG_USEC=1000000
serve_start 'listeners: [{port: 0}]'
wait_for 20 grep -q WATCHDOG=1 "$work/notified"
unset NOTIFY_SOCKET WATCHDOG_USEC
check 'serve without a message' serve_stop
wait "$listener"
for what in READY=1 STATUS= WATCHDOG=1 STOPPING=1; do
    check "the service manager hears $what" grep -q "$what" "$work/notified"
done

# ---- configuration ----
bad() { # NAME PLACE TEXT
    printf '%s\n' "$3" >"$work/bad.yaml"
    exits "$1 is refused" 3 "$sg" serve -c "$work/bad.yaml"
    check 'with its place' grep -q "bad.yaml:$2" "$work/err"
    exits 'by check too' 3 "$sg" check -c "$work/bad.yaml"
}
bad 'an address that is none' 2:14 $'listeners:\n  - address: localhost'
bad 'a persona that is not there' 3:14 $'listeners:\n  - port: 0\n    persona: exchnage'
bad 'a protocol that is none' 2:15 $'listeners:\n  - protocol: smtps'
bad 'a network that is none' 2:25 $'listeners:\n  - xclient: [10.0.0.0, ten]'
bad 'a port past the last' 2:11 $'listeners:\n  - port: 65536'
bad 'no session at all' 1:11 'sessions: 0'
exits 'a port that is taken' 5 bash -c "python3 -c 'import socket,subprocess,sys
s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen()
open(sys.argv[2], \"w\").write(\"listeners: [{port: %d}]\" % s.getsockname()[1])
sys.exit(subprocess.run([sys.argv[1], \"serve\", \"-c\", sys.argv[2]]).returncode)' '$sg' '$work/taken.yaml'"
check 'is named' grep -q 'in use' "$work/err"
finish
