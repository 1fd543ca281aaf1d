# SPDX-License-Identifier: GPL-3.0-or-later
"""sd1_test.py FOLDER: SD1 computed a second time, from docs/sd1.md, out of the steps in the scenario files.

TAP output: one case a file. Shares no code with the program; it reads what the program wrote down ("= ..." lines)
and must come to the same lines, hashes and letters."""
import hashlib
import os
import re
import sys

NAMES = ("HELO EHLO LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY EXPN HELP QUIT AUTH STARTTLS XCLIENT ETRN TURN SEND SOML SAML "
         "GET POST CONNECT HEAD PUT OPTIONS HOST: USER-AGENT:").split()
FOREIGN = set(NAMES[NAMES.index("GET"):])
GREETINGS = {"HELO", "EHLO", "LHLO"}
OWN = b"mx.trap.example"


def unescape(text):
    return re.sub(rb"\\(x([0-9a-f]{2})|\\)", lambda m: bytes([int(m[2], 16)]) if m[2] else b"\\", text)


class Turn:
    def __init__(self, kind, **more):
        self.kind, self.code, self.gap = kind, 0, False
        self.verb = self.word = self.buffered = None
        self.__dict__.update(more)


def split_command(line):
    m = re.fullmatch(rb"(?s)([ \t]*)([^ \t]*)([ \t]*)(.*?)([ \t]*)", line)
    lead, word, gap, argument, tail = m.groups()
    upper = word.decode("latin1").upper() if word.isascii() else ""
    return lead, word, gap, argument, tail, upper if upper in NAMES else None


def split_path(argument, keyword):
    m = re.match(rb"(?is)(%s)([ \t]*):([ \t]*)" % keyword, argument)
    found, rest = m, argument[m.end():] if m else argument
    brackets = is_open = False
    if rest[:1] == b"<":
        rest, quoted, i, end = rest[1:], False, 0, None
        while i < len(rest):
            if rest[i:i + 1] == b"\\" and quoted:
                i += 1
            elif rest[i:i + 1] == b'"':
                quoted = not quoted
            elif rest[i:i + 1] == b">" and not quoted:
                end = i
                break
            i += 1
        if end is None:
            end = rest.find(b">")
        brackets, is_open = end >= 0, end < 0
        address, rest = (rest[:end], rest[end + 1:]) if brackets else (rest, b"")
    else:
        m2 = re.match(rb"[^ \t]*", rest)
        address, rest = m2[0], rest[m2.end():]
    route = b""
    if address[:1] == b"@" and b":" in address:
        route, address = address[:address.index(b":") + 1], address[address.index(b":") + 1:]
    parameters = [p.partition(b"=")[::2] for p in rest.split()]
    return found, brackets, is_open, route, address, parameters


def read_steps(lines):
    turns, end, dropped, first, offered = [], None, 0, 0, 0
    gap, number, ptr = False, 0, b""
    steps = []
    for line in lines:
        if line.startswith(b"offered "):
            _, offered, _, dropped, _, first = line.split()
            offered, dropped, first = int(offered), int(dropped), int(first)
        elif line.startswith(b"= "):
            steps.append(line[2:].split(b" ", 1)[1])
    for i, step in enumerate(steps):
        if dropped and i == first:
            gap = True
            if turns and turns[-1].code == 0:
                turns.pop()
        kind, _, rest = step.partition(b" ")
        if kind == b"end":
            end = rest.decode()
            continue
        if kind == b"reply":
            if not gap and turns and turns[-1].code == 0 and turns[-1].kind != "early":
                turns[-1].code = int(rest)
            continue
        if kind == b"command":
            ending, buffered, text = rest.split(b" ", 2)
            if ending not in (b"crlf", b"lf"):
                continue
            text = unescape(text)
            parts = split_command(text)
            if parts[5] == "XCLIENT" and steps[i + 1].startswith(b"reply 2"):
                turns = []
                names = [w[5:] for w in text.split() if w[:5].upper() == b"NAME=" and w[5:6] != b"["]
                ptr = names[-1] if names else b""
                continue
            turn = Turn("command", ending=ending, buffered=buffered == b"+", text=text, parts=parts, verb=parts[5])
        elif kind == b"data":
            words = rest.split()
            turn = Turn("data", buffered=words[0] == b"+", flags=set(words[2:]))
        elif kind == b"tls":
            turn = Turn("tls", ok=rest == b"1", buffered=False)
        elif kind == b"auth-line":
            turn = Turn("auth-line", buffered=rest == b"+")
        else:
            turn = Turn("early", what=rest.split()[0], buffered=False)
        turn.gap, gap = gap, False
        turns.append(turn)
    return turns, end, offered, ptr


def helo_letter(a, ptr=b""):
    if not a:
        return "-"
    if a[:1] == b"[":
        return "L"
    if re.fullmatch(rb"(\d{1,3}\.){3}\d{1,3}", a):
        return "I"
    if a.lower() == OWN:
        return "T"
    if ptr and a.lower() == ptr.lower():
        return "P"
    label = a.split(b".")[0]
    if len(label) >= 8 and re.fullmatch(rb"[A-Za-z0-9]+", label):
        changes = sum(label[i:i + 1].isdigit() != label[i - 1:i].isdigit() for i in range(1, len(label)))
        if changes >= 3 or re.search(rb"(?i)[b-df-hj-np-tv-xz]{6}", label):
            return "R"
    return "M" if b"." in a else "S"


def traits(turns, end, offered, ptr):
    commands = [t for t in turns if t.kind == "command"]
    a = []
    greeting, refused = "-", False
    for t in commands:
        if t.verb == "HELO":
            greeting = "F" if refused else "H"
            break
        if t.verb in GREETINGS:
            if t.code < 500:
                greeting = "E"
                break
            greeting, refused = "E", True
    a.append(greeting)
    a.append(next((helo_letter(t.parts[3], ptr) for t in commands if t.verb in GREETINGS and t.parts[3]), "-"))
    letters = b"".join(t.parts[1] for t in commands if t.verb and t.verb not in FOREIGN).decode()
    upper, lower = re.search("[A-Z]", letters), re.search("[a-z]", letters)
    a.append("m" if upper and lower else "U" if upper else "l" if lower else "-")
    mails = [split_path(t.parts[3], b"FROM") for t in commands if t.verb == "MAIL"]
    mail = next((m for m in mails if m[0]), mails[0] if mails else None)
    if mail:
        a.append("b" if not mail[1] else "s" if mail[0] and (mail[0][2] or mail[0][3]) else "n")
        names = [(n.upper(), v.upper()) for n, v in mail[5]]
        size = any(n == b"SIZE" for n, _ in names)
        body = (b"BODY", b"8BITMIME") in names
        other = any(n != b"SIZE" and (n, v) != (b"BODY", b"8BITMIME") for n, v in names)
        a.append("O" if other else "X" if size and body else "S" if size else "B" if body else "0")
    else:
        a += "--"
    used, illegal, may, last = False, False, False, None
    for t in turns:
        if t.kind == "early":
            continue
        if t.buffered and last and not t.gap:
            ends = last.kind in ("auth-line", "tls") or (last.kind == "command" and last.verb not in
                                                          ("MAIL", "RCPT", "RSET", "BDAT", "SEND", "SOML", "SAML"))
            illegal |= not may or ends
            used = True
        if t.verb in GREETINGS and t.code < 400:
            may = t.verb != "HELO" and bool(offered & 1)
        last = t
    a.append("-" if not turns else "!" if illegal else "1" if used else "0")
    a.append("-" if not turns else "1" if any(t.kind == "early" and t.what == b"banner" for t in turns) else "0")
    tls = "0" if turns else "-"
    for i, t in enumerate(turns):
        if t.verb == "STARTTLS":
            shaken = [u for u in turns[i:] if u.kind == "tls"]
            tls = ("1" if shaken[0].ok else "f") if shaken else "f" if t.code >= 400 or end else "-"
            break
    a.append(tls)
    most = now = 0
    for t in turns:
        now = 0 if t.verb == "MAIL" else now + (t.verb == "RCPT")
        most = max(most, now)
    a.append("-" if not most else "1" if most == 1 else "2" if most <= 5 else "6" if most <= 20 else "9")
    for cls in (4, 5):
        letter = "-"
        for i, t in enumerate(turns):
            if t.code // 100 == cls and t.code != 421:
                if i + 1 == len(turns):
                    letter = "d" if end in ("close", "reset") else "-"
                else:
                    n = turns[i + 1]
                    same = n.kind == t.kind == "command" and n.text == t.text
                    letter = "q" if n.verb == "QUIT" else "r" if same else "c"
                break
        a.append(letter)
    rset, noop = any(t.verb == "RSET" for t in turns), any(t.verb == "NOOP" for t in turns)
    a.append("-" if not turns else "b" if rset and noop else "r" if rset else "n" if noop else "0")
    bodies = [t.flags for t in turns if t.kind == "data"]
    flags = set().union(*bodies) if bodies else set()
    letter = "-" if not bodies else "m" if b"cr" in flags or {b"crlf", b"lf"} <= flags else "l" if b"lf" in flags else "c"
    a.append(letter.upper() if b"dot" in flags else letter)
    a.append({"quit": "Q", "quit-no-wait": "q", "close": "D", "reset": "R"}.get(end, "-"))
    return "".join(a)


def domain_of(address):
    return address.rpartition(b"@")[2] if b"@" in address else b""


def token(t):
    cls = b" %d" % (t.code // 100) if t.code else b" -"
    if t.kind == "data":
        return b"body" + cls
    if t.kind == "tls":
        return (b"tls" if t.ok else b"no-tls") + cls
    if t.kind == "auth-line":
        return b"auth-line" + cls
    if t.kind == "early":
        return (b"early-tls" if t.what == b"tls" else b"early") + cls
    argument = t.parts[3]
    if t.verb in GREETINGS:
        a = helo_letter(argument)
        shape = {"-": b"0", "L": b"L", "I": b"I"}.get(a, b"N")
    elif t.verb in ("MAIL", "RCPT"):
        p = split_path(argument, b"FROM" if t.verb == "MAIL" else b"TO")
        shape = b"?" if not p[0] else b"0" if not p[4] else b"a" if domain_of(p[4]) else b"l"
        shape += b"".join(b" " + n.upper()[:24] for n, _ in p[5])
    elif t.verb == "AUTH":
        shape = argument.split(b" ")[0].upper()[:24]
    elif t.verb == "BDAT":
        shape = b"L" if argument.partition(b" ")[2] else b"n"
    else:
        shape = b"x" if argument else b"0"
    return (t.verb.encode() if t.verb else b"?") + b" " + shape + cls


def sequence(turns):
    segments, now, torn = [], [], False

    def finish():
        if now and now not in segments:
            segments.append(list(now))
        now.clear()
    for i, t in enumerate(turns):
        if t.gap and not (t.verb == "RCPT" and i and turns[i - 1].verb == "RCPT"):
            now.clear()
            torn = True
        if t.verb in GREETINGS or t.verb in ("MAIL", "QUIT"):
            finish()
            torn = False
        if not torn and (not now or now[-1] != token(t)):
            now.append(token(t))
    finish()
    return [x for s in segments for x in s]


def word_shape(word):
    out = ""
    for b in word[:96]:
        c = chr(b)
        k = "A" if "A" <= c <= "Z" else "a" if "a" <= c <= "z" else "9" if "0" <= c <= "9" else c if 0x20 < b < 0x7f else "x"
        if not out or out[-1] != k:
            out += k
    return out.encode()


def skeleton(turns):
    lines = []
    for t in turns:
        if t.kind != "command":
            continue
        lead, word, gap, argument, tail, verb = t.parts
        if verb in ("MAIL", "RCPT"):
            m, brackets, is_open, route, address, parameters = split_path(argument, b"FROM" if verb == "MAIL" else b"TO")
            a = m[1] + m[2] + b":" + m[3] if m else b""
            a += (b"<" if brackets or is_open else b"") + (b"R" if route else b"") + (b"A" if address else b"")
            a += b">" if brackets else b""
            for n, v in parameters:
                a += b" " + n[:24]
                if v:
                    a += b"=" + (b"9" if v.isdigit() else v[:24] if n.upper() == b"BODY" else b"V")
        elif verb == "AUTH":
            a = argument.split(b" ")[0][:24]
        elif verb == "BDAT":
            rest = argument.partition(b" ")[2]
            a = b"9" + (b" " + rest[:24] if rest else b"")
        else:
            a = b"X" if argument else b""
        line = lead[:24] + (word if verb else word_shape(word)) + gap[:24] + a + tail[:24]
        line += b"$" if t.ending == b"crlf" else b"!"
        if line not in lines:
            lines.append(line)
    return lines


def hash12(lines):
    text = b"".join(line + b"\n" for line in lines)
    return hashlib.sha256(text).hexdigest()[:12] if lines else "-"


def check(name, expected):
    lines = expected.split(b"\n")
    turns, end, offered, ptr = read_steps(lines)
    b, c = sequence(turns), skeleton(turns)
    got = f"SD1:{traits(turns, end, offered, ptr)}_{hash12(b)}_{hash12(c)}"
    want = lines[0].decode()
    problems = [] if got == want else [f"{name}: {got}, the file has {want}"]
    for letter, mine in ((b"b ", b), (b"c ", c)):
        theirs = [unescape(line[2:]) for line in lines if line.startswith(letter)]
        if theirs != mine:
            problems.append(f"{name}: part {letter.decode()}{mine}, the file has {theirs}")
    return problems


def main():
    folder, total, status = sys.argv[1], 0, 0
    files = sorted(f for f in os.listdir(folder) if f.endswith(".txt"))
    for i, name in enumerate(files, 1):
        problems = []
        text = open(os.path.join(folder, name), "rb").read()
        for block in re.split(rb"(?m)^=== ", text)[1:]:
            title, _, rest = block.partition(b"\n")
            expected = re.split(rb"(?m)^---\n", rest)[1]
            problems += check(title.decode("latin1"), expected)
            total += 1
        print(("not ok" if problems else "ok") + f" {i} - {name} computed a second time")
        for p in problems:
            print("# " + p)
        status |= bool(problems)
    print(("ok" if total >= 60 else "not ok") + f" {len(files) + 1} - at least 60 vectors ({total})")
    print(f"1..{len(files) + 1}")
    sys.exit(status or total < 60)


main()
