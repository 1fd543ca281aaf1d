# SPDX-License-Identifier: GPL-3.0-or-later
"""make_mail.py COUNT SEED OUT.mbox: writes an mbox of synthetic spam with several senders' habits.

Addresses are of documentation networks and example domains. Every message carries the planted trap address in
several places (envelope, To, subject, Message-ID, URL token), so that outlets can be searched for it."""
import random
import sys

count, seed, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
r = random.Random(seed)
TRAP = "plantedtrap77@trap.example"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
WORDS = "cheap pills watch offer account order now best price limited delivery replica casino win secure bank".split()


def sentence(n):
    return " ".join(r.choice(WORDS) for _ in range(n))


def message(i):
    day, hour, minute = 1 + i % 28, r.randrange(24), r.randrange(60)
    date = f"{day:02d} Oct 2010 {hour:02d}:{minute:02d}:{r.randrange(60):02d} +0000"
    client = f"{r.choice(['198.51.100', '203.0.113'])}.{r.randrange(1, 255)}" if r.random() < 0.2 else \
        f"{r.randrange(11, 90)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"
    helo = r.choice(["ylmf-pc", "localhost", f"host{r.randrange(999)}.example.net", "friend"])
    sender = f"bounce-plantedtrap77=trap.example-{i}@{r.choice('abcdef')}.example.org"
    head = [
        f"Return-Path: <{sender}>",
        f"Received: from {helo} (unknown [{client}])",
        f"\tby mx1.trap.example (Postfix) with ESMTP id {r.randrange(16**9):09X}",
        f"\tfor <{TRAP}>; {date}",
        f"From: \"{r.choice(WORDS).title()}\" <{r.choice(WORDS)}{r.randrange(99)}@{r.choice('abcdef')}.example.org>",
        f"To: <{TRAP}>",
        f"Subject: plantedtrap77, {sentence(4)}",
        f"Date: {date}",
        f"Message-ID: <{r.randrange(16**12):012x}$plantedtrap77@host.example.net>",
    ]
    kind = i % 4
    url = f"http://shop{r.randrange(40)}.example.com/{r.randrange(16**6):06x}/?u=plantedtrap77"
    if kind == 0:
        body = [f"{sentence(30)}", "", url, "From the desk of the seller:", sentence(20)]
        head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii"]
    elif kind == 1:
        body = [f"<html><body><p>{sentence(40)}</p><a href=\"{url}\">{sentence(2)}</a></body></html>"]
        head += ["MIME-Version: 1.0", "Content-Type: text/html; charset=iso-8859-1"]
    else:
        b = f"----=_NextPart_000_{r.randrange(16**4):04X}_01CB{r.randrange(16**4):04X}.{r.randrange(16**8):08X}"
        head += ["MIME-Version: 1.0", f"Content-Type: multipart/alternative;\n\tboundary=\"{b}\""]
        body = [f"--{b}", "Content-Type: text/plain", "", sentence(30), url, f"--{b}",
                "Content-Type: text/html", "", f"<a href={url}>{sentence(3)}</a>", f"--{b}--"]
    if kind == 3:
        head.append("X-Mailer: Microsoft Outlook Express 6.00.2800.1441")
    return "\n".join(head + [""] + body) + "\n"


with open(path, "w", encoding="ascii", newline="\n") as f:
    for i in range(count):
        quoted = "".join(">" + line if line.lstrip(">").startswith("From ") else line
                         for line in message(i).splitlines(keepends=True))
        f.write(f"From trap@example.org Fri Oct  1 00:00:00 2010\n{quoted}\n")
