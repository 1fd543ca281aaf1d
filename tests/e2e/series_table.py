#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A count table of 60 days for series_test.sh: three prompt traps and a late feed. Trap b begins on
day 15, c is out on days 20 to 22. Rustock falls to a quarter on day 45; grum stays."""
import datetime

FIRST = datetime.date(2010, 9, 1)
DAYS = 60
TRAPS = (("a", "north", 400), ("b", "north", 200), ("c", "south", 600), ("late", "east", 500))
LAGS = ((0, 0.5), (1, 0.3), (2, 0.2))

rows = []
for i in range(DAYS):
    day = FIRST + datetime.timedelta(i)
    for trap, site, size in TRAPS:
        if (trap == "b" and i < 15) or (trap == "c" and 20 <= i < 23):
            continue
        for botnet, part in (("grum", 0.1), ("rustock", 0.2 if i < 45 else 0.05), ("", 0.05)):
            for lag, share in LAGS if trap == "late" else ((0, 1),):
                if i + lag < DAYS:
                    arrived = day + datetime.timedelta(lag)
                    rows.append((arrived, day, trap, site, botnet, round(size * part * share), lag))
print("from,trap,site,botnet,country,messages,hosts,host_first,arrived")
for arrived, day, trap, site, botnet, messages, lag in sorted(rows):
    print(f"{day},{trap},{site},{botnet},RU,{messages},10,{100 * lag},{arrived}")
