#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# rules suggest: a rule is drafted for mail of one engine, holds on fresh mail of it, matches no other, and tells no recipient;
# without a difference there is no rule.
. "$(dirname "$0")/tap.sh"
sg=$SPAMGAUGE
cat >"$work/make.py" <<'PY'
"""make KIND FIRST COUNT FILE: messages of an engine (bot), of another sender (ham), as an mbox."""
import random
import sys

kind, first, count, path = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
dice = random.Random(kind + str(first))
WORDS = "garden meeting draft budget window summer report friday lunch ticket server branch review notes paper".split()


def bot(i):
    user = "trapuser%d" % (i % 40)
    tail = "".join(dice.choice("0123456789abcdef") for _ in range(16))
    return f"""Message-ID: <{tail}@mail.example.com>
From: "Best {dice.choice(['Watch', 'Pills', 'Shop'])}" <x{i}@example.com>
To: <{user}@secret-trap.example>
Subject: Genuine replica watches for {user}
X-Priority: 3
X-Mailer: ZetaMail 2.{dice.randrange(9)} build {dice.randrange(1000, 9999)}
MIME-Version: 1.0
Content-Type: text/plain; charset="windows-1251"

Dear {user}, genuine Swiss replica watches delivered discreetly worldwide,
order number {dice.randrange(100000)} waits for you at http://shop{dice.randrange(99)}.example/{tail}/
lowest prices guaranteed and {dice.choice(['fast', 'free', 'safe'])} shipping for everybody
"""


def ham(i):
    text = " ".join(dice.choice(WORDS) for _ in range(40))
    return f"""From: Person {i} <person{i}@example.org>
To: <friend{i % 9}@example.net>
Message-ID: <{i}.{dice.randrange(10**9)}@example.org>
Subject: {dice.choice(WORDS)} {dice.choice(WORDS)}
X-Mailer: Mutt 1.5.{i % 20}
MIME-Version: 1.0
Content-Type: text/plain; charset="us-ascii"

{text}
"""


with open(path, "w") as f:
    for i in range(first, first + count):
        net = {"bot": "198.51.100", "ham": "192.0.2"}[kind]
        head = f"Received: from h{i} (h{i} [{net}.{i % 250}]) by mx.example.net with SMTP id q{i}; Fri, 1 Oct 2010 12:{i % 60:02}:00 +0000\n"
        date = f"Date: Fri, 1 Oct 2010 12:{i % 60:02}:00 +0000\n"
        f.write("From x Fri Oct  1 12:00:00 2010\n" + head + date + {"bot": bot, "ham": ham}[kind](i) + "\n")
PY
make() { python3 "$work/make.py" "$@"; }
make bot 0 100 "$work/bot.mbox"
make bot 500 60 "$work/fresh.mbox"
make ham 0 200 "$work/ham.mbox"
make ham 900 200 "$work/other.mbox"

for kind in botnet mailer program; do
    exits "$kind: a rule is drafted" 0 "$sg" rules suggest "$work/bot.mbox" --against "$work/ham.mbox" \
        --label "$kind=zeta" -o "$work/$kind.yaml"
    check "$kind: all messages, held-out ones too" grep -qE '^Together: 80 of 80 messages, 20 of 20 held out, 0 of [0-9]+' "$work/err"
    exits "$kind: the rule is sound" 0 "$sg" rules check "$work/$kind.yaml"
    check "$kind: it names what was said" grep -q "^attribution: {$kind: zeta, confidence: 60, valid_from: 2010-10-01}" "$work/$kind.yaml"
    exits "$kind: it tells no recipient" 1 grep -iE 'trapuser|secret-trap' "$work/$kind.yaml" "$work/err"
    printf 'rules: ["%s"]\n' "$work/$kind.yaml" >"$work/$kind.conf"
    hits() { "$sg" rules explain -c "$work/$kind.conf" "$1" | grep -c "^match $kind"; }
    same "$kind: fresh messages match" 60 "$(hits "$work/fresh.mbox")"
    same "$kind: others do not" 0 "$(hits "$work/other.mbox")"
done
exits 'a mailer is not known by content' 1 grep -E 'body|subject|url|from\.name' "$work/mailer.yaml"
exits 'a program is not known by headers' 1 grep -E '^    (header|msgid|mailer|hd1|date|boundary|mime)' "$work/program.yaml"
"$sg" rules suggest "$work/bot.mbox" --against "$work/ham.mbox" --label botnet=zeta >"$work/again" 2>"$work/err"
check 'the same messages give the same draft' diff "$work/botnet.yaml" "$work/again"

# the store is the background, and the messages themselves in it are none
"$sg" import -q --trap bots "$work/bot.mbox" >"$work/out" 2>&1
"$sg" import -q --trap people "$work/ham.mbox" >"$work/out" 2>&1
exits 'against the store' 0 "$sg" rules suggest "$work/bot.mbox" --label mailer=zeta -o "$work/store.yaml"
check 'its rows but the messages themselves' grep -q ' 200 rows of the store' "$work/err"
exits 'sound too' 0 "$sg" rules check "$work/store.yaml"

# messages, mailers and campaigns of the store
mailer=$("$sg" mailers -f json | python3 -c 'import json, sys; print(*[m["id"] for m in json.load(sys.stdin)["mailers"] if m["messages"] == 100])')
campaign=$("$sg" campaigns -f json | python3 -c 'import json, sys; print(*[m["id"] for m in json.load(sys.stdin)["campaigns"] if m["messages"] == 100])')
for id in "$mailer" "$campaign"; do
    exits "of $id" 0 "$sg" rules suggest "$id" -o "$work/id.yaml"
    check 'all its messages, against the others' grep -qE '^Together: 80 of 80 messages, 20 of 20 held out, 0 of [0-9]+' "$work/err"
    check 'which are rows, too' grep -q ' 200 rows of the store' "$work/err"
    exits 'sound' 0 "$sg" rules check "$work/id.yaml"
    exits 'it tells no recipient' 1 grep -iE 'trapuser|secret-trap' "$work/id.yaml" "$work/err"
    printf 'rules: ["%s"]\n' "$work/id.yaml" >"$work/id.conf"
    same 'fresh messages match' 60 "$("$sg" rules explain -c "$work/id.conf" "$work/fresh.mbox" | grep -cE "^match (mailer|program) to-be-named")"
    same 'others do not' 0 "$("$sg" rules explain -c "$work/id.conf" "$work/other.mbox" | grep -c '^match')"
done
mapfile -t rows < <("$sg" message --trap bots --limit 300 -f jsonl | cut -d'"' -f4)
same 'the messages of the engine' 100 "${#rows[@]}"
exits 'of messages' 0 "$sg" rules suggest "${rows[@]:0:30}" --against "$work/ham.mbox" --label mailer=zeta -o "$work/rows.yaml"
check 'held out one in five' grep -q '^Together: 24 of 24 messages, 6 of 6 held out, 0 of' "$work/err"
check 'and its row has no text' grep -q '^Rows of the store lack' "$work/err"
exits 'no such mailer' 1 "$sg" rules suggest mailer-00000001
exits 'no such message' 1 "$sg" rules suggest abcdabcdabcd
exits 'not of both' 2 "$sg" rules suggest "$mailer" "$campaign"
exits 'neither a file nor an id' 1 "$sg" rules suggest nothing.mbox
exits 'and no store' 5 "$sg" rules suggest -d "$work/none.db" "$mailer"

exits 'nothing separates mail from the like' 1 "$sg" rules suggest "$work/ham.mbox" --against "$work/other.mbox"
check 'and it is said' grep -q '^Nothing separates' "$work/err"
same 'no rule then' '' "$(cat "$work/out")"
exits 'no messages' 2 "$sg" rules suggest
exits 'standard input' 2 "$sg" rules suggest -
exits 'a label that is none' 2 "$sg" rules suggest "$work/bot.mbox" --label 'worm=x'
exits 'an unreadable label' 2 "$sg" rules suggest "$work/bot.mbox" --label 'botnet=X y'
finish
