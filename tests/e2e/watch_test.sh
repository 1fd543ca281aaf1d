#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Alarms as operators meet them: `changes now` and its status, `changes watch` with a program and an
# address, told once over restarts, ended by a signal.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
exits 'an alarm without a store' 5 "$sg" changes now
mkdir -p "$SPAMGAUGE_DATA"

# Five months of two botnets at three traps; one falls by 70 % on 3 October 2010.
python3 - >"$work/table.csv" <<'EOF'
import datetime, random
random.seed(7)
day = datetime.date(2010, 5, 3)
print("from,trap,site,botnet,messages,hosts")
while day < datetime.date(2010, 10, 8):
    for trap, site, size in (("mx1", "here", 1.0), ("mx2", "there", 0.6), ("mx3", "there", 0.4)):
        for name, level in (("rustock", 120), ("cutwail", 90)):
            n = level * size * random.lognormvariate(0, .06) * (.8 if day.weekday() > 4 else 1)
            if name == "rustock" and day >= datetime.date(2010, 10, 3):
                n *= .3
            print(f"{day},{trap},{site},{name},{round(n)},20")
    day += datetime.timedelta(1)
EOF
check 'a store of known counts' "$COUNT_STORE" "$work/table.csv" "$SPAMGAUGE_DATA/spamgauge.db"

exits 'the day before there is nothing' 0 "$sg" changes now --until 2010-10-03 --days 7 --exit-code
check 'and it says how much was looked at' grep -q '0 alarms from 2010-09-26 up to 2010-10-03' "$work/out"
exits 'days after there is an alarm' 1 "$sg" changes now --days 5 --exit-code
check 'which names what fell' grep -Eq 'drop  botnet rustock: messages since 2010-10-0[23]' "$work/out"
check 'and nothing that did not' bash -c "! grep -q cutwail '$work/out'"
for f in json jsonl csv; do
    exits "changes now -f $f" 0 "$sg" changes now --days 5 -f $f
    cp "$work/out" "$work/now.$f"
    "$sg" changes now --days 5 -f $f >"$work/again"
    check 'is the same again' cmp "$work/again" "$work/now.$f"
done
check 'with its date, size and evidence' python3 - "$work" <<'EOF'
import csv, json, sys
whole = json.load(open(sys.argv[1] + "/now.json"))
lines = [json.loads(line) for line in open(sys.argv[1] + "/now.jsonl")]
rows = list(csv.DictReader(open(sys.argv[1] + "/now.csv", newline="")))
assert whole["alarms"] == lines and len(rows) == len(lines)
a = next(x for x in lines if x["value"] == "rustock")
assert a["alarm"] == "drop" and a["dimension"] == "botnet" and a["kind"] == "day"
assert a["date_from"] <= "2010-10-03" <= a["date_to"] and a["date"] in ("2010-10-02", "2010-10-03")
assert a["ratio_low"] < .3 < a["ratio_high"] and abs(a["ratio"] - .3) < .05, a
e = a["evidence"]
assert e["cusum"] > e["cusum_threshold"] and e["q"] <= .05 and e["change_probability"] >= .9
EOF

exits 'a bad part' 2 "$sg" changes now --shift 100%
exits 'another' 2 "$sg" changes now --fdr x
exits 'an address of another kind' 2 "$sg" changes watch --once --webhook file:///etc/passwd
exits 'a form without an end' 2 "$sg" changes watch --once -f csv

# Once: printed and run, then not again.
cat >"$work/hook" <<'EOF'
#!/bin/sh
cat >>"$HOOK_LOG.json"
echo "$SPAMGAUGE_ALARM $SPAMGAUGE_ALARM_DIMENSION $SPAMGAUGE_ALARM_VALUE $SPAMGAUGE_ALARM_DATE" >>"$HOOK_LOG"
echo noise on standard output
EOF
chmod +x "$work/hook"
export HOOK_LOG=$work/hook.log
exits 'a first round tells' 1 "$sg" changes watch --once --exit-code -f jsonl --exec "$work/hook"
cp "$work/out" "$work/first"
check 'each alarm is a line of JSON, and only that' python3 -c "import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
hook = [json.loads(line) for line in open(sys.argv[2])]
assert lines == hook and any(a['value'] == 'rustock' for a in lines)" "$work/first" "$work/hook.log.json"
check 'the program got the environment' grep -q '^drop botnet rustock 2010-10-0' "$work/hook.log"
exits 'a second round has nothing new' 0 "$sg" changes watch --once --exit-code -f jsonl --exec "$work/hook"
check 'and says nothing' test ! -s "$work/out"
same 'nor runs anything' "$(wc -l <"$work/first")" "$(wc -l <"$work/hook.log")"
printf 'broken\n\n\0zero zero\n' >"$work/broken"
exits 'a broken state is an empty one' 0 "$sg" changes watch --once --state "$work/broken"
check 'and tells again' grep -q rustock "$work/out"

# A program that fails or hangs is tried again, and does not stop the watch.
exits 'a program that fails' 0 "$sg" changes watch --once --state "$work/s2" --exec /bin/false
check 'is said' grep -q '/bin/false: exit status 1; it will be tried again' "$work/err"
exits 'one that is not there' 0 "$sg" changes watch --once --state "$work/s2" --exec "$work/none"
check 'too' grep -q 'exit status 127' "$work/err"
printf '#!/bin/sh\nsleep 61.75 & wait\n' >"$work/slow"
chmod +x "$work/slow"
start=$SECONDS
exits 'one that hangs' 0 "$sg" changes watch --once --state "$work/s2" --hook-timeout 1 --exec "$work/slow"
check 'is stopped' test $((SECONDS - start)) -lt 40
check 'with its children' bash -c "! pgrep -f '^sleep 61[.]75\$'"
check 'and said' grep -q 'stopped after 1 seconds' "$work/err"
rm -f "$HOOK_LOG" "$HOOK_LOG.json"
exits 'later it is well' 0 "$sg" changes watch --once --state "$work/s2" --exec "$work/hook"
check 'and is told what was missed' grep -q rustock "$HOOK_LOG"

# The address: a real server on loopback that fails once, then takes it.
cat >"$work/server.py" <<'EOF'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    failures = int(sys.argv[2])
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code = 503 if Handler.failures > 0 else 204
        Handler.failures -= 1
        if self.path == "/moved":
            code = 302
        open(sys.argv[1], "a").write(f"{code} {self.path} {self.headers['Content-Type']} {body.decode()}")
        self.send_response(code)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
    def log_message(self, *a): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
EOF
python3 "$work/server.py" "$work/posts" 1 >"$work/port" &
server=$!
for _ in $(seq 100); do [[ -s $work/port ]] && break; sleep .1; done
url=http://127.0.0.1:$(cat "$work/port")
exits 'a webhook' 0 "$sg" changes watch --once --state "$work/s3" --webhook "$url/hook"
same 'is tried again after 503' '503' "$(head -n 1 "$work/posts" | cut -d ' ' -f 1)"
check 'and gets every alarm as JSON' python3 - "$work" <<'EOF'
import json, sys
posts = [line.split(" ", 3) for line in open(sys.argv[1] + "/posts")]
got = [json.loads(p[3]) for p in posts if p[0] == "204"]
assert all(p[1] == "/hook" and p[2] == "application/json" for p in posts)
assert got == [json.loads(line) for line in open(sys.argv[1] + "/first")]
EOF
: >"$work/posts"
exits 'once' 0 "$sg" changes watch --once --state "$work/s3" --webhook "$url/hook"
check 'and not again' test ! -s "$work/posts"
exits 'a redirect' 0 "$sg" changes watch --once --state "$work/s4" --webhook "$url/moved"
check 'is not followed' bash -c "! grep -q elsewhere '$work/posts'"
check 'and is a failure' grep -q 'the answer was 302' "$work/err"
kill "$server"

# Running: sees what comes, ends by a signal.
"$sg" changes watch --every 1 --state "$work/s5" >"$work/watch.out" 2>"$work/watch.err" &
watch=$!
for _ in $(seq 200); do grep -q rustock "$work/watch.out" && break; sleep .1; done
check 'a watch prints' grep -q 'drop  botnet rustock' "$work/watch.out"
lines=$(wc -l <"$work/watch.out")
sleep 2.5
same 'once' "$lines" "$(wc -l <"$work/watch.out")"
kill -TERM "$watch"
wait "$watch"
same 'SIGTERM ends it with status 0' 0 $?
check 'and no word' test ! -s "$work/watch.err"
finish
