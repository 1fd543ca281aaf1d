# SPDX-License-Identifier: GPL-3.0-or-later
"""fault_test.py PROGRAM INJECT.so: a live serve whose disk, memory and descriptors fail under load. TAP.

Whatever fails: nothing that got 250 is lost or there twice, and mail is taken again without a restart by hand once the
fault is gone."""
import contextlib
import json
import os
import subprocess
import sys
import time

import live

program, inject = sys.argv[1], os.path.abspath(sys.argv[2])
IS_SANITIZED = b"__asan_init" in open(program, "rb").read()
tap = live.Tap()


class Faults:
    """Files in the spool folder that inject.c looks for."""

    def __init__(self, serve):
        self.serve = serve

    def set(self, name, number, percent=None):
        if percent:
            self.write(name + ".percent", percent)
        self.write(name, number)

    def write(self, name, number):
        path = os.path.join(self.serve.spool, "fault." + name)
        with open(path + "~", "w", encoding="ascii") as f:
            f.write(f"{number}\n")
        os.chmod(path + "~", 0o644)
        os.rename(path + "~", path)

    def clear(self):
        for name in os.listdir(self.serve.spool):
            if name.startswith("fault."):
                os.unlink(os.path.join(self.serve.spool, name))


LATE = 8  # seconds: a busy machine notices a fault, and its end, so much later


def coverage(serve):
    with contextlib.closing(live.database(serve)) as db:
        return db.execute("SELECT state, since, until, part, note FROM trap_coverage WHERE source = 0 ORDER BY since").fetchall()


def degraded(name, serve, begun, over, note):
    """The trap's coverage says from when to when mail was refused, and why."""
    rows = coverage(serve)
    bad = [row for row in rows if row[0] == 1]
    good = len(bad) == 1 and begun - 2 <= bad[0][1] <= begun + LATE and over - 2 <= bad[0][2] <= over + LATE and note in bad[0][4]
    tap.check(f"{name}: coverage says degraded from {begun:.0f} until {over:.0f}", good, rows)
    tap.check(f"{name}: and up before and after without a hole",
              [row[0] for row in rows] == [0, 1, 0] and all(a[2] == b[1] for a, b in zip(rows, rows[1:])), rows)
    gaps = serve.run("trap", "gaps", "-f", "json")
    told = [g for g in json.loads(gaps.stdout)["gaps"] if g["source"] == "server"] if gaps.returncode == 0 else []
    tap.check(f"{name}: trap gaps tells it", len(told) == 1 and told[0]["verdict"] == "partial" and note in told[0]["note"],
              gaps.stdout + gaps.stderr)


def under_load(name, during, more=None, seconds=2.0, codes=None, preload=True, size=2000, note=None):
    """Runs `during(serve, faults)` while mail comes in, then waits until mail is taken again. `note`: of the
    degraded time that coverage must tell."""
    environment = {"LD_PRELOAD": inject} if preload else {}
    serve = live.Serve(program, more, environment)
    serve.environment["FAULTS"] = serve.spool
    faults = Faults(serve)
    try:
        serve.start()
        load = live.Load(serve.port, threads=4, size=size).start()
        live.wait(lambda: load.acknowledged_count() > 20, 60, "the load runs")
        if note:
            time.sleep(2)  # to be up for a while before
        begun = time.time()
        during(serve, faults)
        time.sleep(seconds)
        faults.clear()
        over = time.time()
        before = load.acknowledged_count()
        try:
            live.wait(lambda: load.acknowledged_count() > before + 20, 60, "mail is taken again")
            is_back = True
        except TimeoutError:
            is_back = False
        tap.check(f"{name}: mail is taken again by itself", is_back, serve.log())
        load.stop()
        if codes:
            tap.check(f"{name}: clients hear {codes}", codes & load.codes.keys(), load.codes)
        tap.check(f"{name}: no other replies than these", load.codes.keys() <= {250, 451, 452, 421}, load.codes)
        wanted = set(load.acknowledged)
        try:
            live.wait(lambda: wanted <= serve.subjects().keys(), 90, "backlog")
        except TimeoutError:
            pass
        if note:
            try:  # after ten quiet seconds it is over
                live.wait(lambda: [row[0] for row in coverage(serve)] == [0, 1, 0], 60, "the trap is up again")
            except TimeoutError:
                pass
        tap.check(f"{name}: it ends cleanly", serve.stop() == 0, serve.log())
        if note:
            degraded(name, serve, begun, over, note)
        live.balance(tap, serve, load, name)
    finally:
        serve.close()


def disk_full(_serve, faults):
    faults.set("write", 28)  # ENOSPC


def disk_broken(_serve, faults):
    faults.set("sync", 5)  # EIO


def disk_flaky(_serve, faults):
    faults.set("sync", 5, 30)
    faults.set("write", 5, 10)


def descriptors(_serve, faults):
    faults.set("accept", 24)  # EMFILE


def memory_accept(_serve, faults):
    faults.set("accept", 12)  # ENOMEM


def memory(_serve, faults):
    faults.set("memory", 12)


def store_locked(serve, _faults):
    db = live.database(serve)
    db.execute("BEGIN EXCLUSIVE")
    time.sleep(8)  # longer than a writer waits for its turn
    db.execute("ROLLBACK")
    db.close()


def stopped(serve, _faults):
    """A role that hangs is killed by the parent's watchdog."""
    pid = serve.role("trap")
    mark = serve.log_size()
    os.kill(pid, 19)
    serve.wait_log("role=trap event=silent", mark, 60)
    serve.wait_log("role=trap event=ready", mark, 60)


def quota(serve, _faults):
    """The spool's quota is small, and nothing is analysed for a while: the analyser hangs."""
    pid = serve.role("analyse")
    os.kill(pid, 19)
    time.sleep(4)
    os.kill(pid, 18)


under_load("disk full", disk_full, codes={451, 452}, note="no room", seconds=5)
under_load("fsync fails", disk_broken, codes={451, 452}, note="could not be written", seconds=5)
under_load("a flaky disk", disk_flaky)
under_load("no descriptors left", descriptors)
under_load("no memory for a socket", memory_accept)
if IS_SANITIZED:
    tap.skip("no memory", "the sanitizer has an allocator of its own")
else:
    under_load("no memory", memory)
under_load("the store is locked", store_locked, preload=False)
under_load("a role that hangs", stopped, {"watchdog_seconds": 5}, preload=False)
if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                                        capture_output=True).returncode == 0:
    subprocess.run(["umount", "/mnt"], check=False)

    def tmpfs_full(serve, _faults):
        """A real full disk: what is left of a small file system is filled by somebody else."""
        path = os.path.join(serve.spool, "..", "other")
        try:
            with open(path, "wb", buffering=0) as f:
                while True:
                    f.write(bytes(65536))
        except OSError:
            pass
        time.sleep(2)
        os.unlink(path)

    folder = "/tmp/spamgauge-faults.tmpfs"
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m,mode=755", "none", folder], check=True)
    try:
        original = live.Serve.__init__

        def on_tmpfs(self, program_, more=None, environment=None, folder_=folder):
            original(self, program_, more, environment, os.path.join(folder_, "serve"))

        os.makedirs(os.path.join(folder, "serve"))
        live.Serve.__init__ = on_tmpfs
        under_load("a full file system", tmpfs_full, {"spool_free_bytes": "1m"}, preload=False, codes={451, 452})
        live.Serve.__init__ = original
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        os.rmdir(folder)
else:
    tap.skip("a full file system", "no mount here")
tap.finish()
