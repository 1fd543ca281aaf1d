# SPDX-License-Identifier: GPL-3.0-or-later
"""figures.py CORPUS: what spamgauge itself costs, from the outside: rules, threads, memory, the cached rule database, the
size of the store and the time of a report. CORPUS as for peers.py. Medians of five runs."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SPAMGAUGE = os.path.join(TOP, "build", "spamgauge")
RUNS = 5


def run(argv, env):
    """CPU seconds, wall seconds, peak KiB of one process."""
    started = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(argv)}: status {status}")
    return used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss


class Bench:
    def __init__(self, corpus, scratch):
        self.mbox = os.path.join(corpus, "all.mbox")
        self.scratch = scratch
        self.database = os.path.join(scratch, "s.db")
        self.env = {**os.environ, "SPAMGAUGE_DATA": scratch, "XDG_CACHE_HOME": scratch}
        self.count = int(subprocess.run(["grep", "-c", "^From trap@", self.mbox], capture_output=True, text=True).stdout)

    def rules(self, n):
        folder = os.path.join(self.scratch, f"rules{n}")
        subprocess.run([sys.executable, os.path.join(TOP, "bench", "rules_gen.py"), str(n), folder], check=True, stdout=subprocess.DEVNULL)
        config = os.path.join(self.scratch, f"{n}.yaml")
        with open(config, "w") as f:
            f.write(f"rules: [{folder}]\n")
        return config

    def load(self, config):
        """CPU of starting up and importing nothing: the rules come from the cache after the first time."""
        empty = os.path.join(self.scratch, "empty")
        open(empty, "w").close()
        argv = [SPAMGAUGE, "import", "-q", "-c", config, "-d", os.path.join(self.scratch, "e.db"), empty]
        first = run(argv, self.env)
        return first, [run(argv, self.env) for _ in range(RUNS)]

    def imports(self, config, jobs, *options):
        results = []
        for _ in range(RUNS):
            for name in (self.database, self.database + "-wal", self.database + "-shm"):
                if os.path.exists(name):
                    os.remove(name)
            results.append(run([SPAMGAUGE, "import", "-q", "-j", str(jobs), "-c", config, "-d", self.database, *options, self.mbox], self.env))
        return results


def median(results, i):
    return statistics.median(r[i] for r in results)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        b = Bench(os.path.abspath(sys.argv[1]), scratch)
        costs = {}
        for n in (10, 200, 2000):
            config = b.rules(n)
            first, again = b.load(config)
            print(f"{n:5} rules: start {first[0] * 1e3:7.0f} ms CPU compiled, {median(again, 0) * 1e3:5.0f} ms from the cache", flush=True)
            costs[n] = median(b.imports(config, 1), 0) / b.count * 1e6
            print(f"{n:5} rules: import {costs[n]:6.1f} us CPU a message, {1e6 / costs[n]:.0f} a core-second", flush=True)
        print(f"2,000 rules cost {costs[2000] / costs[10]:.2f} x what 10 cost")
        one, two = b.imports(b.rules(200), 1), b.imports(b.rules(200), 2)
        print(f"one thread {median(one, 1):.2f} s, two threads {median(two, 1):.2f} s: {median(one, 1) / median(two, 1):.2f} x; "
              f"peak {median(one, 2) / 1024:.0f} and {median(two, 2) / 1024:.0f} MiB")
        given = b.imports(b.rules(200), 1, "--trust", "mx1.trap.example", "--trust", "*.trap.example")
        print(f"with --trust given (no second reading): {median(given, 0) / b.count * 1e6:.1f} us CPU a message")
        print(f"store: {os.path.getsize(b.database) / b.count:.0f} bytes a message")
        reports = [run([SPAMGAUGE, "report", "-d", b.database], b.env) for _ in range(RUNS)]
        print(f"report over {b.count} messages: {median(reports, 1) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
