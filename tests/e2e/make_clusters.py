# SPDX-License-Identifier: GPL-3.0-or-later
"""make_clusters.py OUT.mbox: an mbox of three mailers and three campaigns, seeded.

"old" sends since July, "new" appears on 15 October from many hosts and doubles each day, "second" carries the campaign of
"old" as well. Each message carries the planted trap address where senders put it."""
import random
import sys

r = random.Random(4)
TRAP = "plantedtrap77@trap.example"
LOCAL = TRAP.split("@")[0]
MONTHS = {7: "Jul", 8: "Aug", 9: "Sep", 10: "Oct"}

PILLS = """Dear {me},

our pharmacy has the best prices on the whole internet and ships to every country of the world without any prescription.
Only today all of our customers get a discount of ${amount} when they order more than one package.

http://www.{host}.example.com/{token}/?id={number}

Our doctors answer your questions day and night, and every package comes in a plain envelope to your door.
{token2}
"""
WATCHES = """Hello {me},

the finest watches that money can buy for a tenth of what they cost in the shops, with a letter of origin and two years
of guarantee for each of them. Choose yours before the holidays come, thousands have done so and were happy with it.

http://{host}.example.net/{token}.html

The offer number {number} ends on Sunday night so do not wait any longer.
"""
JOBS = """Good day {me},

a growing company looks for reliable people who work from home some hours a week and want to earn ${amount} each month.
No experience is needed, we teach you everything that you have to know. Your task will be to receive payments of our
clients and to send them on to our partners, for which you keep a part of each.

Write to us today with your name and telephone number, the places are few: manager{number}@example.org
"""


def token(n):
    return "".join(r.choice("bcdfghjkmnpqrstvwxz0123456789") for _ in range(n))


def old(head, date):
    head += [f"Message-ID: <000{r.randrange(10):d}01c{r.randrange(16**5):05x}${r.randrange(16**8):08x}${r.randrange(16**8):08x}@pc{r.randrange(99)}>",
             f'From: "Dr. Smith" <a{r.randrange(999)}@example.org>', f"To: <{TRAP}>", "Subject: {subject}", f"Date: {date}",
             "MIME-Version: 1.0", 'Content-Type: text/plain;\n\tcharset="iso-8859-1"', "Content-Transfer-Encoding: 7bit",
             "X-Priority: 3", "X-Mailer: Microsoft Outlook Express 6.00.2900.2180"]


def new(head, date):
    head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", f"Date: {date}", "Subject: {subject}",
             f"From: jobs{r.randrange(99)}@example.net", f"To: {TRAP}", f"X-Job-Id: {r.randrange(16**8):08x}",
             f"Message-ID: <{r.randrange(10**9)}.{r.randrange(10**4)}.qx@{token(6)}.example.net>"]


def second(head, date):
    head += [f"Date: {date}", f"From: b{r.randrange(99)} <b{r.randrange(99)}@example.com>",
             f"Message-ID: <{r.randrange(10**14)}.{r.randrange(16**5):05X}@localhost.localdomain>",
             f"To: {LOCAL} <{TRAP}>", "Subject: {subject}", "Content-Type: text/plain; charset=us-ascii", "User-Agent: Bulker/2"]


def message(mailer, body, subject, month, day, client):
    date = f"{day:02d} {MONTHS[month]} 2010 {r.randrange(24):02d}:{r.randrange(60):02d}:{r.randrange(60):02d} +0000"
    head = [f"Return-Path: <bounce-{LOCAL}=trap.example@example.org>",
            f"Received: from pc{client[1]} (unknown [{client[0]}.{client[0]}.{client[1]}.{client[2]}])\n"
            f"\tby mx1.trap.example (Postfix) with ESMTP id {r.randrange(16**9):09X}\n\tfor <{TRAP}>; {date}"]
    mailer(head, date)
    text = body.format(me=LOCAL, amount=r.randrange(5, 5000), host=token(7), token=token(9), token2=token(12),
                       number=r.randrange(10**6))
    subject = subject.format(me=LOCAL, n=r.randrange(1000))
    return "\n".join(head).replace("{subject}", subject) + "\n\n" + text


def client(network, pool):
    n = r.randrange(pool)
    return network, n // 250 + 1, n % 250 + 1


out = []
for month, last in ((7, 31), (8, 31), (9, 30), (10, 21)):
    for day in range(1, last + 1):
        for _ in range(4):
            out.append(message(old, PILLS, "{me}, order {n}", month, day, client(60, 400)))
        for _ in range(3):
            out.append(message(second, PILLS if r.random() < 0.3 else WATCHES, "Your watch {n}", month, day, client(77, 50)))
        if month == 10 and day >= 15:
            for _ in range(2 ** (day - 14)):
                out.append(message(new, JOBS, "Work for {me}", month, day, client(88, 200)))
with open(sys.argv[1], "w", encoding="ascii", newline="\n") as f:
    for m in out:
        f.write("From trap@example.org Fri Oct  1 00:00:00 2010\n" + m + "\n")
