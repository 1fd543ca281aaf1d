# SPDX-License-Identifier: GPL-3.0-or-later
"""peers.py CORPUS [RESULT.json]: CPU time per message of spamgauge's whole import against rspamd, bogofilter and spamd
on the same messages in the same run, each on one thread. CORPUS is a folder with eml/ and all.mbox (make_corpus.py).

Theirs is a wider job (scores, learning, network tests switched off here); ours names senders and keeps what it saw.
Servers listen on loopback only, run for the length of the measurement, and are stopped. CPU is user + system time
of the process that does the work."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SPAMGAUGE = os.path.join(TOP, "build", "spamgauge")
RULES = 200
TICKS = os.sysconf("SC_CLK_TCK")
RSPAMD_OFF = ("rbl spf dkim dmarc arc asn fuzzy_check url_redirector dkim_signing mx_check greylist ratelimit history_redis "
              "reputation replies clickhouse milter_headers whitelist p0f hfilter once_received").split()


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process_cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def descendants(pid):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(open(f"/proc/{entry}/stat").read().rsplit(") ", 1)[1].split()[1]) == pid:
                found.append(int(entry))
        except OSError:
            pass
    return found


def run_cpu(argv, **kwargs):
    before = children_cpu()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)
    return children_cpu() - before


def wait_port(port, seconds=60):
    for _ in range(seconds * 10):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")


def mbox_part(corpus, first, last, path):
    """Messages [first, last) of the mbox."""
    with open(os.path.join(corpus, "all.mbox"), "rb") as src, open(path, "wb") as dst:
        seen = 0
        for line in src:
            seen += line.startswith(b"From ")
            if seen > last:
                break
            if seen > first:
                dst.write(line)


def spamgauge(corpus, scratch):
    """Median of five imports into a fresh store, one thread, the trap's relays configured, shipped rules and generated ones
    up to 200."""
    rules = os.path.join(scratch, "rules")
    shipped = [os.path.join(TOP, "rules", k) for k in ("botnets", "mailers", "programs")]
    have = sum(len(files) for folder in shipped for _, _, files in os.walk(folder))
    subprocess.run([sys.executable, os.path.join(TOP, "bench", "rules_gen.py"), str(max(RULES - have, 1)), rules], check=True,
                   stdout=subprocess.DEVNULL)
    config = os.path.join(scratch, "spamgauge.yaml")
    with open(config, "w") as f:
        f.write("rules: [" + ", ".join(shipped + [rules]) + "]\n")
    env = {**os.environ, "SPAMGAUGE_DATA": scratch, "XDG_CACHE_HOME": scratch}
    mbox, database = os.path.join(corpus, "all.mbox"), os.path.join(scratch, "s.db")
    listed = subprocess.run([SPAMGAUGE, "rules", "list", "-c", config], env=env, capture_output=True, text=True).stdout
    count = int(subprocess.run(["grep", "-c", "^From trap@", mbox], capture_output=True, text=True).stdout)
    costs = []
    for _ in range(6):  # the first one compiles the rules
        for name in (database, database + "-wal", database + "-shm"):
            if os.path.exists(name):
                os.remove(name)
        costs.append(run_cpu([SPAMGAUGE, "import", "-q", "-j", "1", "--trust", "*.trap.example", "-c", config, "-d", database, mbox], env=env))
    return {"cpu_us": sorted(costs[1:])[2] / count * 1e6, "messages": count, "rules": len(listed.splitlines()),
            "bytes_a_message": os.path.getsize(database) // count}


def rspamd(corpus, scratch, count=2000):
    """The scanning worker's CPU over POSTs to /checkv2, network modules off (facts as in bench/README.md)."""
    home = os.path.join(scratch, "rspamd")
    for sub in ("local.d", "db", "run", "log"):
        os.makedirs(os.path.join(home, sub))
    files = {f"{m}.conf": "enabled = false;" for m in RSPAMD_OFF}
    files.update({
        "options.inc": f'dns {{ nameserver = ["127.0.0.1:5399:1"]; timeout = 50ms; retransmits = 0; }}\n'
                       f'disable_monitoring = true; pidfile = "{home}/run/pid"; tempdir = "{home}/run"; rrd = ""; '
                       f'hs_cache_dir = "{home}/db/";',
        "worker-normal.inc": 'bind_socket = "127.0.0.1:21333"; count = 1;',
        "worker-controller.inc": 'bind_socket = "127.0.0.1:21334"; secure_ip = "127.0.0.1";',
        "worker-proxy.inc": "enabled = false;", "worker-fuzzy.inc": "enabled = false;",
        "logging.inc": f'type = "file"; filename = "{home}/log/rspamd.log"; level = "warning";',
        "classifier-bayes.conf": 'backend = "sqlite3"; enabled = false;', "redis.conf": 'servers = "";',
    })
    for name, text in files.items():
        with open(os.path.join(home, "local.d", name), "w") as f:
            f.write(text + "\n")
    script = os.path.join(home, "post.lua")
    with open(script, "w") as f:
        f.write('local messages = {}\n'
                f'for i = 0, {count - 1} do local f = io.open(string.format("{corpus}/eml/%06d.eml", i), "rb")\n'
                ' if f then messages[#messages + 1] = f:read("*a"); f:close() end end\n'
                'local at = 0\n'
                'request = function() at = at % #messages + 1\n'
                ' return wrk.format("POST", "/checkv2", {["Host"] = "x", ["Content-Type"] = "application/octet-stream"}, '
                'messages[at]) end\n')
    server = subprocess.Popen(["rspamd", "-f", "-i", "-c", "/etc/rspamd/rspamd.conf", f"--var=LOCAL_CONFDIR={home}",
                               f"--var=DBDIR={home}/db", f"--var=RUNDIR={home}/run", f"--var=LOGDIR={home}/log"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_port(21333)
        load = ["wrk", "-t1", "-c8", "-s", script, "http://127.0.0.1:21333"]
        subprocess.run(load + ["-d2s"], check=True, stdout=subprocess.DEVNULL)
        time.sleep(12)  # its Hyperscan sets are compiled in the background at first
        workers = descendants(server.pid)
        costs = []
        for _ in range(3):
            before = {p: process_cpu(p) for p in workers}
            out = subprocess.run(load + ["-d5s"], check=True, capture_output=True, text=True).stdout
            done = next(int(line.split()[0]) for line in out.splitlines() if "requests in" in line)
            costs.append(max(process_cpu(p) - before[p] for p in workers) / done * 1e6)
        return {"cpu_us": sorted(costs)[1], "runs": costs}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def bogofilter(corpus, scratch, count=8000):
    """Classifying an mbox after training on both classes: on the folders of messages named by $BENCH_SPAM and $BENCH_HAM (then
    its word list is as large as a user's), else on 1,500 messages each of the corpus."""
    env = {**os.environ, "BOGOFILTER_DIR": os.path.join(scratch, "bogo")}
    os.makedirs(env["BOGOFILTER_DIR"])
    part = os.path.join(scratch, "part.mbox")
    for flag, variable, first in (("-s", "BENCH_SPAM", 0), ("-n", "BENCH_HAM", 1500)):
        if variable in os.environ:
            subprocess.run(["bogofilter", flag, "-B", *os.environ[variable].split(":")], env=env, check=True)
        else:
            mbox_part(corpus, first, first + 1500, part)
            subprocess.run(["bogofilter", "-M", flag, "-I", part], env=env, check=True)
    mbox_part(corpus, 3000, 3000 + count, part)
    costs = []
    for _ in range(3):
        before = children_cpu()
        out = subprocess.run(["bogofilter", "-M", "-T", "-I", part], env=env, capture_output=True, text=True).stdout
        costs.append((children_cpu() - before) / max(len(out.splitlines()), 1) * 1e6)
    return {"cpu_us": sorted(costs)[1], "runs": costs}


def spamd(corpus, scratch, count=60):
    """The scanning child's CPU, local tests only."""
    home = os.path.join(scratch, "spamd")
    os.makedirs(home)
    os.chmod(scratch, 0o755)
    shutil.chown(home, "nobody")
    server = subprocess.Popen(["spamd", "-L", "-x", "-i", "127.0.0.1", "-p", "20784", "-m", "1", "--round-robin", "-u", "nobody", "-H", home],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_port(20784)
        files = [os.path.join(corpus, "eml", f"{i:06d}.eml") for i in range(count)]

        def scan(path):
            with open(path, "rb") as f:
                out = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", "20784", "--connect-retries=1", "-x", "-c"], stdin=f,
                                     capture_output=True, text=True).stdout
            if out.startswith("0/0"):
                raise RuntimeError("spamd did not answer")

        for path in files[:5]:
            scan(path)
        workers = descendants(server.pid)
        before = sum(process_cpu(p) for p in workers)
        for path in files[5:]:
            scan(path)
        return {"cpu_us": (sum(process_cpu(p) for p in workers) - before) / (count - 5) * 1e6}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def main():
    corpus = os.path.abspath(sys.argv[1])
    results, ours = {}, None
    for name, measure in (("spamgauge", spamgauge), ("rspamd", rspamd), ("bogofilter", bogofilter), ("spamd", spamd)):
        if name != "spamgauge" and not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin"):
            print(f"{name:12} not installed: scripts/setup bench")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            results[name] = measure(corpus, scratch)
        cost = results[name]["cpu_us"]
        ours = ours or cost
        print(f"{name:12} {cost:10.1f} us CPU a message   {cost / ours:8.1f} x ours", flush=True)
    print(f"spamgauge: {1e6 / ours:.0f} messages per CPU-second, {results['spamgauge']['rules']} rules, "
          f"{results['spamgauge']['bytes_a_message']} bytes of store a message")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w") as f:
            json.dump(results, f, indent=1)


if __name__ == "__main__":
    main()
