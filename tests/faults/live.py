# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fault tests share: a live serve in a folder of its own, a load of SMTP sessions that remembers what got 250,
and the count of it in the store afterwards."""
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time


class Serve:
    """One folder, one configuration, and the processes on it."""

    def __init__(self, program, more=None, environment=None, folder=None):
        self.program = program
        self.folder = folder or tempfile.mkdtemp(prefix="spamgauge-faults.")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.spool = os.path.join(self.data, "spool")
        self.log_path = os.path.join(self.folder, "log")
        self.port = free_port()
        self.config = os.path.join(self.folder, "spamgauge.yaml")
        with open(self.config, "w", encoding="ascii") as f:
            keys = {"listeners": f"[{{port: {self.port}}}]", "restart_seconds": 1, "drain_seconds": 3,
                    "sessions_per_client": 1000, "spool_client_bytes": 0, **(more or {})}
            f.write("".join(f"{key}: {value}\n" for key, value in keys.items()))
        self.environment = dict(os.environ, SPAMGAUGE_DATA=self.data, HOME=self.folder,
                                XDG_CACHE_HOME=os.path.join(self.folder, "cache"), **(environment or {}))
        asan = os.environ.get("ASAN_OPTIONS", "")
        # leaks are searched for by fork and ptrace, which a role cannot do
        self.environment["ASAN_OPTIONS"] = (asan + ":" if asan else "") + "detect_leaks=0:verify_asan_link_order=0"
        self.process = None

    def start(self, timeout=60):
        with open(self.log_path, "ab") as log:
            mark = log.tell()
            self.process = subprocess.Popen([self.program, "serve", "-c", self.config], stderr=log,
                                            env=self.environment)
        self.wait_log("event=ready spool", mark, timeout)

    def log(self, since=0):
        with open(self.log_path, "rb") as f:
            f.seek(since)
            return f.read().decode("utf-8", "replace")

    def log_size(self):
        return os.path.getsize(self.log_path)

    def wait_log(self, text, since=0, timeout=60):
        wait(lambda: text in self.log(since) or self.process.poll() is not None, timeout, f"log: {text}")
        assert text in self.log(since), self.log(since)

    def role(self, name):
        """The process id of a role, or None while there is none."""
        found = re.findall(rf"role={name} event=started pid=(\d+)", self.log())
        if not found:
            return None
        pid = int(found[-1])
        return pid if alive(pid) else None

    def stop(self, timeout=120):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], env=self.environment, capture_output=True, text=True,
                              check=False)

    def subjects(self):
        """Subject -> how often it is in the store."""
        counts = {}
        with contextlib.closing(database(self)) as db:
            for (subject,) in db.execute("SELECT subject FROM message"):
                counts[subject] = counts.get(subject, 0) + 1
        return counts

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(condition, timeout, what):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Load:
    """Threads that deliver; `acknowledged` are the subjects that got 250, `codes` all replies after the dot."""

    def __init__(self, port, threads=8, size=2000, pause=0.0):
        self.port, self.size, self.pause = port, size, pause
        self.acknowledged, self.codes = [], {}
        self.lock, self.stopping, self.count = threading.Lock(), threading.Event(), 0
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(threads)]

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(90)
        return self

    def acknowledged_count(self):
        with self.lock:
            return len(self.acknowledged)

    def work(self, number):
        r = random.Random(number)
        while not self.stopping.is_set():
            try:
                self.session(r)
            except (OSError, EOFError, ValueError):
                time.sleep(0.02)  # the server is away: again

    def session(self, r):
        with socket.create_connection(("127.0.0.1", self.port), 30) as s:
            f = s.makefile("rwb")
            expect(f, 220)
            command(f, "EHLO load.example", 250)
            for _ in range(r.randrange(1, 20)):
                if self.stopping.is_set():
                    break
                self.message(f, r)
                time.sleep(self.pause)
            command(f, "QUIT", 221)

    def message(self, f, r):
        with self.lock:
            self.count += 1
            subject = f"load-{os.getpid()}-{self.count}"
        code = command(f, f"MAIL FROM:<x{self.count}@load.example>")
        if code != 250:
            self.note(code)
            command(f, "RSET", 250)
            time.sleep(0.05)
            return
        command(f, "RCPT TO:<trap@trap.example>", 250)
        command(f, "DATA", 354)
        body = "".join(r.choice("abcdefghij klmnop") for _ in range(60))
        text = f"From: <x@load.example>\r\nSubject: {subject}\r\n\r\n" + (body + "\r\n") * (self.size // 62 + 1)
        f.write(text.encode() + b".\r\n")
        f.flush()
        code = reply(f)
        self.note(code)
        if code == 250:
            with self.lock:
                self.acknowledged.append(subject)
        elif code == 421:
            raise EOFError

    def note(self, code):
        with self.lock:
            self.codes[code] = self.codes.get(code, 0) + 1


def reply(f):
    while True:
        line = f.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        if line[3:4] != b"-":
            return int(line[:3])


def expect(f, code):
    got = reply(f)
    if got != code:
        raise ValueError(f"{got} instead of {code}")


def command(f, line, code=None):
    f.write(line.encode() + b"\r\n")
    f.flush()
    got = reply(f)
    if code and got != code:
        raise ValueError(f"{line}: {got}")
    return got


class Tap:
    def __init__(self):
        self.count = self.bad = 0

    def check(self, name, is_good, detail=""):
        self.count += 1
        self.bad += not is_good
        print(("ok" if is_good else "not ok") + f" {self.count} - {name}", flush=True)
        if not is_good:
            for line in str(detail).splitlines()[-60:]:
                print("# " + line)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def finish(self):
        print(f"1..{self.count}")
        sys.exit(self.bad > 0)


def balance(tap, serve, load, name):
    """After all has ended: every acknowledged message is in the store once, none is there twice."""
    counts = serve.subjects()
    missing = [s for s in load.acknowledged if s not in counts]
    twice = [s for s, n in counts.items() if n > 1]
    tap.check(f"{name}: all {len(load.acknowledged)} acknowledged messages are in the store", not missing,
              f"{len(missing)} missing, such as {missing[:5]}\n" + serve.log())
    tap.check(f"{name}: none of {len(counts)} is there twice", not twice, f"{len(twice)} twice: {twice[:5]}")
    return counts


def database(serve):
    return sqlite3.connect(os.path.join(serve.data, "spamgauge.db"), timeout=10, isolation_level=None)
