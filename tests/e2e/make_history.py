#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make_history.py NAME: a count table (tests/fixture/count_store_main.c) of a known event.

Sizes, dates and shares are what vendors published (each with its source in changes_test.sh); what lies between
them, and the noise of a log-sd of 0.06 from day to day, is made from a fixed seed. One message stands for about
a billion a day, or what the vendor counts in."""
import csv
import datetime
import math
import random
import sys

out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["from", "trap", "site", "botnet", "messages"])
rng = random.Random(2026)
SD, RHO = 0.06, 0.3


def days(first, last):
    day, last = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    while day <= last:
        yield day.isoformat()
        day += datetime.timedelta(1)


def noise():
    """An AR(1) process on the log scale."""
    value = rng.gauss(0, SD)
    while True:
        yield math.exp(value)
        value = RHO * value + rng.gauss(0, SD * math.sqrt(1 - RHO * RHO))


def put(when, trap, site, botnet, mean):
    count = round(mean)
    if count:
        out.writerow([when, trap, site, botnet, count])


def mccolo():
    """Three vendors before and after 11 November 2008, 21:30 UTC; IronPort by the hour about it."""
    falls = {"ironport": 0.59, "spamcop": 0.25, "microsoft": 0.60}
    size = {"ironport": 190, "spamcop": 80, "microsoft": 100}
    for site in falls:
        for trap in (1, 2):
            common = noise()
            for day in days("2008-09-15", "2009-01-10"):
                level = size[site] * next(common)
                hourly = site == "ironport" and "2008-11-05" <= day <= "2008-11-18"
                for hour in range(24) if hourly else [None]:
                    when = day if hour is None else f"{day}T{hour:02}:00:00Z"
                    after = day > "2008-11-11" or (day == "2008-11-11" and (hour or 0) >= 22)
                    now = level * (falls[site] if after else 1)
                    if day == "2008-11-11" and hour is None:
                        now = level * (22 + 2 * falls[site]) / 24
                    if site == "ironport" and (day == "2008-11-11" and after or day == "2008-11-12" and (hour or 0) < 12):
                        now = level * 0.34  # two thirds in the first hours, 41 % in the day's mean
                    # an hour holds enough messages to be a count
                    put(when, f"{site}-{trap}", site, "", now * 5 / 24 if hourly else now * 5)


def realhost():
    """Cutwail is 15 to 20 % of spam, silent for some 60 hours from 1 August 2009."""
    lines = {"cutwail": 204, "rustock": 360, "bagle": 180, "grum": 150, "": 300}
    noises = {name: noise() for name in lines}
    for day in days("2009-05-01", "2009-10-15"):
        for name, mean in lines.items():
            now = mean * next(noises[name])
            if name != "cutwail":  # what the others send varies more: the total hides the silence
                now *= math.exp(rng.gauss(0, 0.12))
            if name == "cutwail" and "2009-07-20" <= day <= "2009-08-12":
                for hour in range(24):
                    when = f"{day}T{hour:02}:00:00Z"
                    silent = "2009-08-01T06" <= when < "2009-08-03T18"
                    put(when, "cbl-1", "cbl", name, now * (0.05 if silent else 1) / 24 * math.exp(rng.gauss(0, 0.1)))
            else:
                put(day, "cbl-1", "cbl", name, now)


def july2012():
    """Lethic falls silent about 10 July; Grum goes on until its servers are gone; a gap of the sensors in June."""
    lines = {"lethic": 90, "grum": 70, "cutwail": 60, "festi": 30, "": 60}
    noises = {name: noise() for name in lines}
    for day in days("2012-04-15", "2012-08-31"):
        for name, mean in lines.items():
            now = mean * next(noises[name])
            if name == "lethic" and day >= "2012-07-10":
                now *= 0.04
            if name == "grum" and day >= "2012-07-25":  # a week after the last server
                now *= 0.05
            if day not in ("2012-06-26", "2012-06-27"):
                put(day, "trace-1", "trace", name, now * 0.6)
                put(day, "trace-2", "trace", name, now * 0.4)


def rustock():
    """The pause of Christmas 2010 and the takedown of 16 March 2011, in billions a day at MessageLabs."""
    noises = {}

    def line(day, name, mean):
        put(day, "ml-1", "messagelabs", name, 10 * mean * next(noises.setdefault(name, noise())))

    for day in days("2010-10-01", "2011-04-30"):
        rustock = 44.1 if day < "2010-12-25" else 0.3 if day < "2011-01-10" else 10
        line(day, "rustock", rustock if day < "2011-03-01" else 18 if day < "2011-03-16" else 0.1)
        line(day, "lethic", 4 if day < "2010-12-28" or day >= "2011-01-12" else 0.02)
        line(day, "xarvester", 2 if day < "2010-12-31" or day >= "2011-01-12" else 0.02)
        line(day, "bagle", 8.3 if day < "2011-03-20" else 10)
        line(day, "cutwail", 6)
        line(day, "", 16 if day < "2010-12-25" else 13)


{"mccolo": mccolo, "realhost": realhost, "july2012": july2012, "rustock": rustock}[sys.argv[1]]()
