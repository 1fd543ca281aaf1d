# SPDX-License-Identifier: GPL-3.0-or-later
"""smtp_clients.py PORT FOLDER: mail by Python's smtplib, plain and with STARTTLS; the messages as sent go to FOLDER."""
import os
import smtplib
import ssl
import sys

port, folder = int(sys.argv[1]), sys.argv[2]
context = ssl._create_unverified_context()
BODIES = ["one line", ".\r\n..\r\n...x", "a" * 5000, "caf\u00e9", "", "\r\n\r\n.\r\n", "x\r\n" * 20000]
for i, body in enumerate(BODIES):
    message = (f"Subject: smtplib {i}\r\nMessage-ID: <smtplib-{i}@client.example>\r\n\r\n{body}\r\n").encode()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="smtplib.example") as client:
        if i % 2:
            client.starttls(context=context)
        options = ["BODY=8BITMIME", "SMTPUTF8"] if i == 3 else []
        client.sendmail("sender@client.example", [f"trap{i}@trap.example", "second@trap.example"], message, options)
    with open(os.path.join(folder, f"smtplib-{i}"), "wb") as f:
        f.write(message)
