# SPDX-License-Identifier: GPL-3.0-or-later
"""split_mail.py IN.mbox MAILDIR FOLDER: the same mail as a Maildir (LF) and as a folder of .eml files (CRLF)."""
import os
import re
import sys

data = open(sys.argv[1], "rb").read()
maildir, folder = sys.argv[2], sys.argv[3]
for sub in ("cur", "new", "tmp"):
    os.makedirs(os.path.join(maildir, sub))
os.makedirs(folder)
for i, chunk in enumerate(re.split(rb"(?m)^From trap@[^\n]*\n", data)[1:]):
    mail = re.sub(rb"(?m)^>(>*From )", rb"\1", chunk[:-1])
    with open(os.path.join(maildir, "cur" if i % 2 else "new", f"{i:06d}.M1P1.host:2,S"), "wb") as f:
        f.write(mail)
    with open(os.path.join(folder, f"{i:06d}.eml"), "wb") as f:
        f.write(mail.replace(b"\n", b"\r\n"))
