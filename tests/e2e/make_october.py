#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dispute of October 2010 as a count table: two vendors' traps, eight weeks. On 3 October Rustock
falls by 40 %; Cutwail (Pushdo) sends 27 % less from 45 % fewer hosts. One site sees mostly the one,
the other mostly the other, so each is right about what it sees. Lethic and the unknown rest go on as before.

make_october.py >TABLE.csv"""
import csv
import datetime
import sys

SITES = {"m86": ("m86-1", "m86-2"), "mcafee": ("mcafee-1", "mcafee-2")}
# name, program, messages a trap and day at each site, messages of a host, fall, fall of hosts
BOTNETS = (
    ("rustock", "glavmed", {"m86": 300, "mcafee": 75}, 5, 0.40, 0.40),
    ("cutwail", "", {"m86": 0, "mcafee": 300}, 5, 0.27, 0.45),
    ("lethic", "evapharmacy", {"m86": 18, "mcafee": 18}, 2, 0, 0),
    ("", "", {"m86": 24, "mcafee": 24}, 1, 0, 0),
)
COUNTRIES = ("US", "BR", "IN")
FIRST, FALL, DAYS = datetime.date(2010, 9, 5), datetime.date(2010, 10, 3), 56

out = csv.writer(sys.stdout)
out.writerow("from trap site botnet program country messages hosts host_first".split())
for d in range(DAYS):
    day = FIRST + datetime.timedelta(days=d)
    is_after = day >= FALL
    for site, traps in SITES.items():
        for t, trap in enumerate(traps):
            for b, (botnet, program, size, each, fall, host_fall) in enumerate(BOTNETS):
                for c, country in enumerate(COUNTRIES):
                    usual = size[site] / len(COUNTRIES)
                    # days differ by a few per cent, without chance
                    wobble = 1 + 0.01 * ((d * 7 + t * 3 + b * 5 + c * 2) % 11 - 5)
                    messages = round(usual * wobble * (1 - fall if is_after else 1))
                    hosts = round(usual / each * (1 - host_fall if is_after else 1))
                    if messages:
                        # the same hosts each day: what is seen is what there is
                        out.writerow([day, trap, site, botnet, program, country, messages, hosts, 0])
