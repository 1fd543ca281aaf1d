# SPDX-License-Identifier: GPL-3.0-or-later
"""make_corpus.py COUNT FOLDER [SEED]: COUNT synthetic spam messages (mean 4.8 KB, ten senders' habits, MIME trees,
base64 and quoted-printable, Russian text, two to eight URLs) as FOLDER/all.mbox and FOLDER/eml/NNNNNN.eml.

The same COUNT and SEED give the same bytes. What peers and spamgauge are measured on when no real mail is at hand."""
import base64
import os
import quopri
import random
import re
import sys

WORDS = ("account offer limited pills viagra cialis replica watch rolex casino bonus free spins invoice payment order "
         "delivery package tracking parcel customs fee confirm identity suspended verify click here unsubscribe best price "
         "online pharmacy shipping worldwide discreet meet singles tonight lonely beautiful women dating profile photo "
         "investment bitcoin wallet profit guaranteed daily return stock alert penny symbol target price strong buy diploma "
         "degree university no exam required loan credit mortgage rate refinance approved lottery winner claim million "
         "dollars beneficiary transfer bank barrister confidential business proposal urgent response attached document "
         "review signature scan copy the a of and to in for on with your our this that is are you we it will be").split()
RUSSIAN = ("Здравствуйте предлагаем скидка купить товар доставка бесплатно Москва семинар налог бухгалтер реклама "
           "рассылка недвижимость кредит онлайн заказ цена клиент компания").split()
TLDS = ["com", "net", "org", "info", "biz", "ru", "cn", "top", "xyz", "in.net", "co.uk", "com.br", "pl", "de"]
MAILERS = ["Microsoft Outlook Express 6.00.2900.{n}", "The Bat! (v{v}.{w:02d}) Professional",
           "Microsoft Office Outlook, Build 11.0.{n}", None, "PHPMailer 5.{v}.{w}"]


class Message:
    """One message; every choice comes from its own number, so a corpus can be cut anywhere."""

    def __init__(self, number, seed):
        self.r = random.Random(f"{seed}/{number}")
        self.sender = min(int(self.r.expovariate(0.35)), 9)
        self.russian = self.sender in (2, 6)

    def letters(self, low, high, alphabet="abcdefghijklmnopqrstuvwxyz0123456789"):
        return "".join(self.r.choice(alphabet) for _ in range(self.r.randint(low, high)))

    def hexdigits(self, n, upper=True):
        s = self.letters(n, n, "0123456789abcdef")
        return s.upper() if upper else s

    def domain(self):
        return self.letters(5, 14) + "." + self.r.choice(TLDS)

    def address(self):
        return ".".join(str(self.r.randint(1 if i in (0, 3) else 0, 223 if i == 0 else 254)) for i in range(4))

    def sentence(self, n):
        return " ".join(self.r.choice(RUSSIAN if self.russian else WORDS) for _ in range(n)).capitalize() + "."

    def urls(self):
        return [f"http://{self.domain()}/{self.hexdigits(self.r.randint(4, 12), False)}/"
                f"?{self.r.choice('abcxyz')}={self.r.randint(1000, 99999999)}" for _ in range(self.r.randint(2, 8))]

    def part(self, kind, data, charset, encoding):
        if encoding == "base64":
            body = base64.encodebytes(data).decode()
        elif encoding == "quoted-printable":
            body = quopri.encodestring(data).decode("latin1")
        else:
            body = data.decode("latin1")
        return f"Content-Type: {kind}; charset=\"{charset}\"\nContent-Transfer-Encoding: {encoding}\n\n{body}"

    def bodies(self):
        r, urls = self.r, self.urls()
        charset = "koi8-r" if self.sender == 6 else "utf-8" if self.russian else "us-ascii"
        n = r.choice([60, 120, 180, 250, 320]) // (2 if self.russian else 1)
        text = "\n\n".join(self.sentence(n // 4) for _ in range(4)) + "\n\n" + "\n".join(urls)
        html = f"<html><head><style>.a{{color:#{self.hexdigits(6)}}}</style></head><body bgcolor=\"#ffffff\">"
        for u in urls:
            html += (f"<p class=a><font size={r.randint(1, 5)} color=\"#{self.hexdigits(6)}\">{self.sentence(n // 5)}"
                     f"</font></p>\n<a href=\"{u}\">{r.choice(WORDS)} {r.choice(WORDS)}</a><br>\n")
        html += f"<img src=\"http://{self.domain()}/{self.hexdigits(6, False)}.gif\" width=1 height=1></body></html>"
        plain_encoding = "base64" if self.russian else r.choice(["7bit", "quoted-printable"])
        html_encoding = "base64" if self.russian else r.choice(["7bit", "quoted-printable", "base64"])
        return (self.part("text/plain", text.encode(charset, "replace"), charset, plain_encoding),
                self.part("text/html", html.encode(charset, "replace"), charset, html_encoding))

    def headers(self):
        r, k = self.r, self.sender
        trap = f"trap{r.randint(1, 400)}@trap{r.randint(1, 30)}.example"
        date = (f"{r.choice(['Mon', 'Tue', 'Wed'])}, {r.randint(1, 28):02d} Mar 2026 {r.randint(0, 23):02d}:"
                f"{r.randint(0, 59):02d}:{r.randint(0, 59):02d} +0{r.randint(0, 9)}00")
        who = self.domain()
        message_id = [f"<{self.hexdigits(12, False)}${self.hexdigits(8, False)}${self.hexdigits(8, False)}@{who}>",
                      f"<{self.hexdigits(8)}.{r.randint(10**6, 10**7)}@{who}>",
                      f"<{r.randint(2026030100, 2026033199)}{r.randint(10**5, 10**6)}.{self.hexdigits(10)}@{who}>",
                      f"<{self.hexdigits(32, False)}@{self.domain()}>"][k % 4]
        subject = self.sentence(r.randint(3, 8))[:-1]
        if self.russian:
            charset = "utf-8" if k == 2 else "koi8-r"
            subject = f"=?{charset}?B?" + base64.b64encode(subject.encode(charset)).decode() + "?="
        name = self.domain() if r.random() < 0.4 else "unknown"
        lines = [f"Received: from {self.domain()} ({name} [{self.address()}])\n\tby mx{r.randint(1, 4)}.trap.example (Postfix) "
                 f"with {'ESMTP' if k % 2 else 'SMTP'} id {self.hexdigits(10)}\n\tfor <{trap}>; {date}"]
        if r.random() < 0.5:
            lines.append(f"Received: from [{self.address()}] by {self.domain()} with SMTP; {date}")
        own = [f"From: \"{r.choice(WORDS).capitalize()} {r.choice(WORDS).capitalize()}\" <{self.letters(4, 9)}@{who}>",
               f"To: <{trap}>", f"Subject: {subject}", f"Date: {date}", f"Message-ID: {message_id}"]
        mailer = MAILERS[k % 5]
        if mailer:
            own.append("X-Mailer: " + mailer.format(n=r.randint(1000, 5999), v=r.randint(0, 4), w=r.randint(0, 99)))
        if k in (0, 5):
            own += ["X-Priority: 3", "X-MSMail-Priority: Normal",
                    f"X-MimeOLE: Produced By Microsoft MimeOLE V6.00.2900.{r.randint(1000, 5999)}"]
        if k == 3:
            r.shuffle(own)
        return lines + own + ["MIME-Version: 1.0"]

    def bytes(self):
        r, head = self.r, self.headers()
        plain, html = self.bodies()
        kind = r.random()
        if kind < 0.5:
            return ("\n".join(head) + "\n" + (plain if kind < 0.3 else html) + "\n").encode("latin1", "replace")
        b = [f"----=_NextPart_000_{self.hexdigits(4)}_01C{self.hexdigits(5)}.{self.hexdigits(8)}", f"--{r.randint(10**14, 10**15)}",
             f"=_{self.hexdigits(32, False)}", f"------------0{r.randint(10**22, 10**23)}"][self.sender % 4]
        parts = [plain, html]
        if kind > 0.85:
            data = base64.encodebytes(r.randbytes(r.randint(2000, 9000))).decode()
            name = f"invoice_{r.randint(1000, 9999)}.zip"
            parts.append(f"Content-Type: application/zip; name=\"{name}\"\nContent-Transfer-Encoding: base64\n"
                         f"Content-Disposition: attachment; filename=\"{name}\"\n\n{data}")
        head.append(f"Content-Type: multipart/{'mixed' if kind > 0.85 else 'alternative'};\n\tboundary=\"{b}\"")
        body = "".join(f"--{b}\n{p}\n" for p in parts)
        return ("\n".join(head) + f"\n\nThis is a multi-part message in MIME format.\n\n{body}--{b}--\n").encode("latin1", "replace")


def main():
    count, folder = int(sys.argv[1]), sys.argv[2]
    seed = sys.argv[3] if len(sys.argv) > 3 else "1"
    os.makedirs(os.path.join(folder, "eml"), exist_ok=True)
    total = 0
    with open(os.path.join(folder, "all.mbox"), "wb") as mbox:
        for i in range(count):
            data = Message(i, seed).bytes()
            total += len(data)
            with open(os.path.join(folder, "eml", f"{i:06d}.eml"), "wb") as f:
                f.write(data)
            mbox.write(b"From trap@example.org Mon Mar  2 00:00:00 2026\n" + re.sub(rb"(?m)^(>*From )", rb">\1", data) + b"\n")
    print(f"{count} messages, mean {total / count:.0f} bytes")


if __name__ == "__main__":
    main()
