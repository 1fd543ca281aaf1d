#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Real clients against the trap's server: what they send is in the spool byte for byte, and the dialogue
# is theirs. swaks, smtp-source, curl, openssl s_client, Python's smtplib.
source "$(dirname "$0")/tap.sh"
root=$here/../..
personas=$root/rules/personas
pids=()

# server NAME OPTION...: sets $port and $pid; its spool is $work/NAME
server() {
    local name=$1
    shift
    mkdir -p "$work/$name" "$work/tls"
    "$TRAP_SERVER" -s "$work/$name" -t "$work/tls" "$@" >"$work/$name.out" 2>"$work/$name.err" &
    pid=$!
    pids+=("$pid")
    for _ in $(seq 200); do
        port=$(sed -n 's/^port //p' "$work/$name.out")
        [[ $port ]] && return
        sleep 0.05
    done
    echo "Bail out! the server does not start: $(cat "$work/$name.err")"
    exit 1
}
# stops the last server and waits for it
stop() {
    kill -TERM "$pid"
    wait "$pid"
}
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; rm -rf "$work"' EXIT
records() { "$SPAMGAUGE" spool cat -f jsonl "$work/$1"; }
# field NAME KIND FIELD: that field of each record, one a line
field() { records "$1" | grep "\"record\":\"$2\"" | sed -n "s/.*\"$3\":\"\\{0,1\\}\\([^\",]*\\).*/\\1/p"; }

# --- Python's smtplib: seven messages, every byte
server python -P "$personas/postfix.yaml"
mkdir "$work/sent"
check 'smtplib delivers, plain and with STARTTLS' python3 "$here/smtp_clients.py" "$port" "$work/sent"
stop
same 'all its messages are kept' 7 "$(records python | grep -c '"record":"message"')"
i=0
for id in $(field python message id); do
    "$SPAMGAUGE" spool cat --raw --id "$id" "$work/python" >"$work/raw"
    check "message $i is kept byte for byte" cmp "$work/sent/smtplib-$i" "$work/raw"
    i=$((i + 1))
done
same 'with both recipients' 7 "$(records python | grep -c '"recipients":\["trap[0-9]@trap.example","second@trap.example"\]')"
same 'half of them over TLS' 3 "$(field python message protocol | grep -c '^ESMTPS$')"
same 'whose client hello is kept' 3 "$(records python | grep '"record":"session"' | grep -vc '"tls_hello_bytes":0')"

# --- swaks
server swaks -P "$personas/postfix.yaml" -e
for options in '' '--pipeline' '-tls' '--protocol SMTP'; do
    # shellcheck disable=SC2086
    check "swaks $options" swaks $options --server 127.0.0.1 --port "$port" --from a@swaks.example --to u@trap.example \
        --ehlo swaks.example --body "with $options"
done
stop
same 'swaks: all are kept' 4 "$(records swaks | grep -c '"record":"message"')"
same 'swaks: protocols as they were' 'ESMTP ESMTP ESMTPS SMTP ' "$(field swaks message protocol | tr '\n' ' ')"
same 'swaks: what was pipelined is marked' 1 "$(records swaks | grep -c '"step":"command","ending":"crlf","was_buffered":true')"
same 'events: connect, message, close of each' '4 4 4' \
    "$(grep -c '"event":"connect"' "$work/swaks.out") $(grep -c '"event":"message"' "$work/swaks.out") $(grep -c '"event":"close"' "$work/swaks.out")"
same 'events tell no recipient' 0 "$(grep -c 'u@trap' "$work/swaks.out")"

# --- AUTH and a persona that offers it
server auth -P "$personas/exchange.yaml" -a
check 'swaks AUTH LOGIN' swaks --auth LOGIN --auth-user info --auth-password s3cret --server 127.0.0.1 --port "$port" \
    --from a@swaks.example --to u@trap.example
stop
same 'the user name is kept' 'info' "$(field auth session auth_user | sort -u)"
same 'the password is nowhere in the spool' 0 "$(grep -rac 's3cret\|czNjcmV0\|AGluZm8AczNjcmV0' "$work/auth" | cut -d: -f2 | paste -sd+ | bc)"

# --- LMTP
server lmtp -P "$personas/postfix.yaml" -l
check 'swaks LMTP' swaks --protocol LMTP --server 127.0.0.1 --port "$port" --from a@swaks.example --to u@trap.example,v@trap.example
stop
same 'LMTP: one message' 'LMTP' "$(field lmtp message protocol)"

# --- curl
server curl -P "$personas/exim.yaml"
printf 'Subject: curl\r\n\r\n.dot\r\nlast line\r\n' >"$work/curl.eml"
check 'curl smtp://' curl -sS --url "smtp://127.0.0.1:$port/curl.example" --mail-from a@curl.example --mail-rcpt u@trap.example -T "$work/curl.eml"
check 'curl with STARTTLS' curl -sSk --ssl-reqd --url "smtp://127.0.0.1:$port/curl.example" --mail-from a@curl.example \
    --mail-rcpt u@trap.example -T "$work/curl.eml"
stop
for id in $(field curl message id); do
    "$SPAMGAUGE" spool cat --raw --id "$id" "$work/curl" >"$work/raw"
    check 'curl: kept byte for byte' cmp "$work/curl.eml" "$work/raw"
done
server smtps -P "$personas/exim.yaml" -i
check 'curl smtps://' curl -sSk --url "smtps://127.0.0.1:$port/curl.example" --mail-from a@curl.example --mail-rcpt u@trap.example -T "$work/curl.eml"
stop
same 'smtps: kept' 'ESMTPS' "$(field smtps message protocol)"

# --- openssl s_client
server openssl -P "$personas/sendmail.yaml"
{
    sleep 0.3
    for line in 'EHLO openssl.example' 'MAIL FROM:<a@openssl.example>' 'rcpt TO:<u@trap.example>' 'DATA' \
        $'Subject: s_client\r\n\r\nhello\r\n.' 'quit'; do
        printf '%s\r\n' "$line"
        sleep 0.1
    done
} | timeout 20 openssl s_client -quiet -starttls smtp -servername mx.trap.example -connect "127.0.0.1:$port" >"$work/openssl.log" 2>&1
stop
same 's_client: its message is kept' 1 "$(records openssl | grep -c '"record":"message"')"
same 's_client: its server name is kept' 'mx.trap.example' "$(field openssl session tls_sni)"

# --- smtp-source: many at once, one and many messages a connection
server source -P "$personas/postfix.yaml"
check 'smtp-source, one message a connection' smtp-source -s 20 -m 200 -l 5120 -f a@x.example -t b@trap.example "127.0.0.1:$port"
check 'smtp-source, many' smtp-source -d -s 20 -m 200 -l 5120 -f a@x.example -t b@trap.example "127.0.0.1:$port"
stop
same 'smtp-source: all are kept' 400 "$(records source | grep -c '"record":"message"')"
same 'smtp-source: a session record each' 220 "$(records source | grep -c '"record":"session"')"
same 'smtp-source: the counters agree' 'messages 400' "$(grep -o 'messages [0-9]*' "$work/source.out")"
finish
