# SPDX-License-Identifier: GPL-3.0-or-later
"""smtp_send.py HOW PORT COUNT PREFIX: delivers messages by Python's smtplib; subjects are "PREFIX-N".

HOW: plain, starttls, tls, lmtp, auth, session (all in one connection). Prints how many were accepted."""
import smtplib
import ssl
import sys

how, port, count, prefix = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
anyone = ssl.create_default_context()
anyone.check_hostname = False
anyone.verify_mode = ssl.CERT_NONE


def connect():
    if how == "tls":
        return smtplib.SMTP_SSL("127.0.0.1", port, timeout=60, context=anyone)
    if how == "lmtp":
        return smtplib.LMTP("127.0.0.1", port)
    client = smtplib.SMTP("127.0.0.1", port, timeout=60)
    if how == "starttls":
        client.starttls(context=anyone)
    if how == "auth":
        client.ehlo()
        try:
            client.login("guess@example.org", "hunter2-secret")
        except smtplib.SMTPException:
            pass  # refused, as told; it is recorded all the same
    return client


accepted = 0
client = None
for n in range(count):
    client = client or connect()
    refused = client.sendmail(f"from{n}@sender.example", ["plantedtrap77@trap.example"], f"""\
From: <from{n}@sender.example>\r
To: <plantedtrap77@trap.example>\r
Subject: {prefix}-{n}\r
Message-ID: <{prefix}.{n}@sender.example>\r
\r
Buy http://shop.example.com/{n} now.\r
""")
    accepted += not refused
    if how != "session":
        client.quit()
        client = None
if client:
    client.quit()
print(accepted)
