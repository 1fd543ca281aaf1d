#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes N rules of the kinds a botnet pack has, one file each: rules_gen.py N FOLDER.

Deterministic. The mix: Message-ID and boundary expressions, X-Mailer builds, header orders, subject
and body words, URL shapes, Received forms, attachment names, fingerprints; each rule joins two or
three traits, as real ones do."""
import os
import random
import sys
import uuid

WORDS = """account offer limited pills viagra cialis replica watch rolex casino bonus invoice payment
delivery package customs confirm identity suspended verify pharmacy shipping discreet singles lonely
russian dating investment crypto bitcoin wallet profit stock penny diploma degree loan mortgage
refinance lottery winner million beneficiary barrister confidential urgent attached""".split()
FIELDS = ["X-Mailer", "X-MimeOLE", "X-Priority", "Content-Class", "Importance", "Thread-Index",
          "X-Originating-IP", "X-Sender", "List-Id", "Reply-To", "User-Agent", "X-Accept-Language"]


def letters(r, n):
    return "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(n))


def hexes(r, n):
    return "".join(r.choice("0123456789abcdef") for _ in range(n))


def traits(r):
    """One trait: the lines of a search."""
    kind = r.randint(0, 11)
    if kind == 0:
        return [r"msgid|re: '^<[0-9a-f]{12}\$[0-9a-f]{8}\$%s[0-9a-f]{4,6}@'" % hexes(r, 2)]
    if kind == 1:
        return ["header.x-mailer|startswith: 'Microsoft Outlook Express 6.00.2900.%d'" % r.randint(10, 59)]
    if kind == 2:
        return [r"boundary|re: '^----=_NextPart_000_%X[0-9A-F]{2}_01C%X[0-9A-F]{3}\.[0-9A-F]{8}$'"
                % (r.randint(16, 255), r.randint(16, 255))]
    if kind == 3:
        return [r"url|re: '^https?://[a-z0-9-]{5,14}\.(?:%s|%s)/[0-9a-f]{4,12}/\?%s=\d{4,8}'"
                % (r.choice(["ru", "cn", "top"]), r.choice(["info", "biz", "xyz"]), letters(r, 2))]
    if kind == 4:
        return [r"subject|re: '\b%s\b.{0,30}\b%s\b'" % (r.choice(WORDS), r.choice(WORDS))]
    if kind == 5:
        return [r"body.text|re: '\b%s\s+%s\s+%s\b'" % tuple(r.choice(WORDS) for _ in range(3))]
    if kind == 6:
        return [r"received.forged|re: '^from %s[a-z0-9]{2,10}\.[a-z.]{2,6} \(unknown \['" % letters(r, 2)]
    if kind == 7:
        return [r"attachment.name|re: '%s[0-9]{2,4}\.(?:gif|jpg|png)$'" % letters(r, r.randint(4, 8))]
    if kind == 8:
        return ["from.name|contains:", "  - %s %s" % (r.choice(WORDS), letters(r, 5)),
                "  - %s %s" % (r.choice(WORDS), letters(r, 4))]
    if kind == 9:
        return [r"body.html|re: '<a href=\"http://%s[a-z0-9]*\.%s/[^\"]{4,40}\">(?:%s|%s)'"
                % (letters(r, 2), r.choice(["com", "net", "ru"]), r.choice(WORDS), r.choice(WORDS))]
    if kind == 10:
        return ["fp.hd1: 'h10ap_%s_%s'" % (hexes(r, 12), hexes(r, 12))]
    names = r.sample(FIELDS, 3)
    return ["header.order|order: [From, %s, To, %s, %s]" % (names[0], names[1], names[2])]


def rule(i):
    r = random.Random(i)
    label = "%s-%d" % (letters(random.Random(i // 7), 6), i // 7)
    out = ["title: Generated rule %d" % i, "id: %s" % uuid.UUID(int=r.getrandbits(128), version=4),
           "status: %s" % r.choice(["stable", "stable", "stable", "experimental"]),
           "references: ['https://example.com/rules/%d']" % i,
           "date: 2010-%02d-%02d" % (r.randint(1, 12), r.randint(1, 28)),
           "logsource: {product: spamgauge, category: message}", "detection:"]
    n = r.choice([1, 2, 2, 3])
    for k in range(n):
        out.append("  trait%d:" % k)
        out += ["    " + line for line in traits(r)]
    extra = ""
    if r.random() < .3:
        out.append("  zone: {date.zone: '+0%d00'}" % r.randint(0, 9))
        extra = " and zone"
    elif r.random() < .2:
        out.append("  small: {size|lt: %d}" % r.randint(2000, 20000))
        extra = " and small"
    elif r.random() < .2:
        out.append("  list: {header.list-unsubscribe|exists: true}")
        extra = " and not list"
    out.append("  condition: %s of trait*%s" % (r.choice(["all", "all", "1"]), extra))
    out.append("attribution: {%s: %s, confidence: %d, valid_from: 20%02d}"
               % (r.choice(["botnet", "botnet", "mailer", "program"]), label, r.randint(55, 95),
                  r.randint(0, 12)))
    return "\n".join(out) + "\n"


def main():
    n, folder = int(sys.argv[1]), sys.argv[2]
    os.makedirs(folder, exist_ok=True)
    for i in range(n):
        with open(os.path.join(folder, "%05d.yml" % i), "w", encoding="utf-8") as f:
            f.write(rule(i))


if __name__ == "__main__":
    main()
