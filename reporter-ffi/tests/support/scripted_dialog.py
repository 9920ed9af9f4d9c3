#!/usr/bin/python3
"""A dialog that does as REPORTER_TEST_DIALOG says, in place of ours: what it is told goes to the file REPORTER_TEST_TOLD, a line each, and the
question as it came to that name and `.question`. It reads and writes the messages of proto/handler/v1/dialog.proto by itself: what it says can be wrong."""

import os
import struct
import sys
import time

TOLD = os.environ["REPORTER_TEST_TOLD"]
FOLDER = os.path.dirname(TOLD)
# DialogUpdate's and DialogAction's.
UPDATES = {1: "opening", 2: "collecting", 3: "question", 4: "saved", 5: "sending", 6: "sent", 7: "not sent", 8: "nothing"}
DECIDED, SAVE, LEAVE_OUT_MEMORY, WITHDRAW, CANNOT_SHOW = 1, 2, 3, 4, 5
SEND, LATER = 1, 3
ACTIONS = 2


# What is sent as soon as it is asked about, whatever is done before and after.
SENDS = [
    "send",
    "end at sending",
    "go on without the memory",
    "save what is not sent",
    "take back what is not sent",
    "answer before the question and after it",
]


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    found, at = [], 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = number()
        if key & 7 == 0:
            found.append((key >> 3, number()))
        else:
            length = number()
            found.append((key >> 3, message[at : at + length]))
            at += length
    return found


def say(action, message):
    body = field(action, message)
    sys.stdout.buffer.write(struct.pack("<I", len(body)) + body)
    sys.stdout.buffer.flush()


def updates():
    while True:
        length = sys.stdin.buffer.read(4)
        if len(length) < 4:
            return
        message = sys.stdin.buffer.read(struct.unpack("<I", length)[0])
        for number, value in fields(message):
            name, inside = UPDATES[number], fields(value)
            words = [value if isinstance(value, int) else value.decode() for _, value in inside if isinstance(value, int) or name == "saved"]
            with open(TOLD, "a") as told:
                told.write(" ".join([name, *map(str, words)]) + "\n")
            yield name, value, inside


def decision(question, answer=SEND, nonce=None, digest=None, more=(), less=(), version=1):
    asked = dict(question)
    categories = [dict(fields(value))[1] for number, value in question if number == 8 and dict(fields(value)).get(3)]
    message = field(1, version) + field(2, nonce or asked[2]) + field(3, digest or asked[3]) + field(4, answer)
    granted = [category for category in [*categories, *more] if category not in less]
    return message + field(5, b"".join(map(varint, granted)))


def decides(*arguments, **named):
    say(DECIDED, field(1, decision(*arguments, **named)))


def saves(name, decided=None):
    """Into the folder of what is told. Without a decision: what could not be sent."""
    decided = b"" if decided is None else field(1, decided)
    say(SAVE, decided + field(2, os.path.join(FOLDER, name).encode()))


def saves_and_decides(question, answer):
    """A step for the question, and for what came of each file."""
    yield lambda: saves("no such folder/saved.report", decision(question))
    yield lambda: saves("saved.report", decision(question, less=[ACTIONS]))
    yield lambda: decides(question, answer=answer)


def saves_what_is_not_sent():
    yield lambda: saves("no such folder/unsent.report")
    yield lambda: saves("unsent.report")


def flipped(value):
    return bytes([value[0] ^ 1]) + value[1:]


def main(does):
    replayed = os.path.join(FOLDER, "replayed")
    steps = None
    for name, value, inside in updates():
        asked = dict(inside)
        if does == f"end at {name}":
            return
        if does == "answer before the question" and name == "question":
            return
        if does.startswith("answer before the question") and name == "opening":
            decides([(2, b"\1" * 16), (3, b"\2" * 32)])
        if does == "cannot show" and name == "opening":
            say(CANNOT_SHOW, b"")
        if does == "go on without the memory" and name == "collecting":
            say(LEAVE_OUT_MEMORY, b"")
        if does == "take back what is not sent" and name == "not sent":
            say(WITHDRAW, b"")
        if does == "save what is not sent" and name == "not sent":
            steps = saves_what_is_not_sent()
        if does in ("save and send", "save and put it off") and name == "question":
            steps = saves_and_decides(inside, SEND if does == "save and send" else LATER)
        if steps and name in ("question", "not sent", "saved"):
            step = next(steps, None)
            if step:
                step()
            elif does == "save what is not sent":
                return
        if name != "question":
            continue
        with open(TOLD + ".question", "wb") as question:
            question.write(value)
        if does in SENDS:
            decides(inside)
        elif does == "take it back":
            decides(inside)
            time.sleep(1)
            say(WITHDRAW, b"")
        elif does == "send twice":
            decides(inside)
            decides(inside, answer=2)
        elif does == "replay":
            if os.path.exists(replayed):
                with open(replayed, "rb") as before:
                    say(DECIDED, before.read())
            else:
                # Another time; but this is what would have sent it.
                with open(replayed, "wb") as later:
                    later.write(field(1, decision(inside)))
                decides(inside, answer=3)
        elif does == "forge the nonce":
            decides(inside, nonce=flipped(asked[2]))
        elif does == "forge the digest":
            decides(inside, digest=flipped(asked[3]))
        elif does == "grant what was not offered":
            decides(inside, more=[4, 12, 13])
        elif does == "speak another version":
            decides(inside, version=2)
        elif does == "damage the length":
            sys.stdout.buffer.write(b"\xff\xff\xff\xff and then some")
            sys.stdout.buffer.flush()
        elif does == "damage the message":
            message = bytearray(field(DECIDED, field(1, decision(inside))))
            # A kind of value that there is not, whatever the rest is.
            message[0] |= 7
            sys.stdout.buffer.write(struct.pack("<I", len(message)) + message)
            sys.stdout.buffer.flush()
        elif does == "say half of it":
            message = field(DECIDED, field(1, decision(inside)))
            sys.stdout.buffer.write(struct.pack("<I", len(message)) + message[:-10])
            sys.stdout.buffer.flush()
            return


main(os.environ["REPORTER_TEST_DIALOG"])
