# SPDX-License-Identifier: GPL-3.0-or-later
"""kill_test.py PROGRAM [MOMENTS [SEED]]: kill -9 of a random process of a live serve at random moments under load. TAP.

Every message that got 250 has to be in the store once, none twice. The parent is killed too, and started again here
as a service manager would. scripts/kill-test runs 200 moments."""
import os
import random
import signal
import sys
import time

import live

program = sys.argv[1]
moments = int(sys.argv[2]) if len(sys.argv) > 2 else 12
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
r = random.Random(seed)
tap = live.Tap()
serve = live.Serve(program)
killed = {"trap": 0, "analyse": 0, "parent": 0}
try:
    serve.start()
    load = live.Load(serve.port).start()
    for moment in range(moments):
        time.sleep(r.uniform(0.02, 1.0))
        # each kind at least once, however few moments there are
        victim = ["trap", "analyse", "parent"][moment] if moment < 3 else \
            r.choices(["trap", "analyse", "parent"], [5, 4, 1])[0]
        if victim == "parent":
            roles = [pid for pid in (serve.role("trap"), serve.role("analyse")) if pid]
            serve.process.kill()
            serve.process.wait()
            live.wait(lambda: not any(live.alive(pid) for pid in roles), 30, "roles end with their parent")
            serve.start()
        else:
            live.wait(lambda: serve.role(victim), 30, f"{victim} is there")
            try:
                os.kill(serve.role(victim) or 0, signal.SIGKILL) if serve.role(victim) else None
            except ProcessLookupError:
                continue  # it has just ended with an earlier parent
        killed[victim] += 1
    before = load.acknowledged_count()
    live.wait(lambda: load.acknowledged_count() > before + 20, 60, "mail is taken again by itself")
    tap.check("mail is taken again by itself after the last kill", True)
    load.stop()
    # a kill may leave a message in the spool that nobody was told about; that is no loss
    tap.check("it ends cleanly", serve.stop() == 0, serve.log())
    serve.start()  # what a stop's time did not suffice for
    wanted = set(load.acknowledged)
    try:
        live.wait(lambda: wanted <= serve.subjects().keys(), 60, "backlog")
    except TimeoutError:
        pass
    serve.stop()
    live.balance(tap, serve, load, f"{moments} kills {killed}")
    verify = serve.run("db", "verify")
    tap.check("the store is sound", verify.returncode == 0, verify.stdout + verify.stderr)
    spool = serve.run("spool", "verify")
    tap.check("the spool is sound", spool.returncode == 0, spool.stdout + spool.stderr)
    tap.check("each kind was killed", min(killed.values()) > 0 or moments < 3, killed)
finally:
    serve.close()
tap.finish()
