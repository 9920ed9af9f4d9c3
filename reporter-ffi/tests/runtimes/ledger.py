"""A ledger in Python: an extension module has its books, and libreporter is loaded by ctypes, without a line of C in between.

Its arguments are the path of libreporter.so and steps, taken one after another. Where to find handler and spool is in the environment.
"""
import ctypes
import faulthandler
import os
import sys
import threading

import books

MENU, SHORTCUT = 1, 3

reporter = ctypes.CDLL(sys.argv[1])
# What ctypes does not know takes a pointer for an int and cuts it in half.
reporter.reporter_options_new.restype = ctypes.c_void_p
reporter.reporter_task_begin.restype = ctypes.c_uint64
reporter.reporter_task_end.argtypes = [ctypes.c_uint64]
reporter.reporter_last_error.restype = ctypes.c_char_p
reporter.reporter_is_active.restype = ctypes.c_bool
for name in ["handler", "spool", "eml_directory", "mail_from"]:
    getattr(reporter, f"reporter_options_set_{name}").argtypes = [ctypes.c_void_p, ctypes.c_char_p]
reporter.reporter_options_add_mail_to.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
reporter.reporter_start.argtypes = [ctypes.c_void_p]


def need(status):
    if status != 0:
        sys.exit(f"status {status}: {reporter.reporter_last_error().decode()}")


def start():
    folder = os.fsencode(os.environ["REPORTER_TEST_FOLDER"])
    options = reporter.reporter_options_new(b"Example Software", b"Ledger", b"1.0.0")
    need(reporter.reporter_options_set_handler(options, folder + b"/reporter-handler"))
    need(reporter.reporter_options_set_spool(options, folder + b"/spool"))
    need(reporter.reporter_options_set_eml_directory(options, folder + b"/mails"))
    need(reporter.reporter_options_set_mail_from(options, b"errors@ledger.example"))
    need(reporter.reporter_options_add_mail_to(options, b"support@ledger.example"))
    need(reporter.reporter_start(options))
    if not reporter.reporter_is_active():
        sys.exit("nothing is reported")


def work():
    need(reporter.reporter_command("file.open".encode(), "Open…".encode(), MENU))
    need(reporter.reporter_dialog_opened(b"book.choose"))
    need(reporter.reporter_dialog_closed(b"book.choose", b"ok"))
    need(reporter.reporter_annotate(b"book", "Haushalt 账本".encode()))
    need(reporter.reporter_task_end(reporter.reporter_task_begin(b"read the book")))
    need(reporter.reporter_command(b"book.month", b"Month", SHORTCUT))


def show_month(number):
    print(f"month {number}: {books.month(number)} cents", flush=True)


def in_thread():
    thread = threading.Thread(target=show_month, args=[999_999_999], name="reader")
    thread.start()
    thread.join()


STEPS = {
    "faulthandler": faulthandler.enable,
    "start": start,
    "rearm": lambda: need(reporter.reporter_rearm()),
    "work": work,
    "good": lambda: show_month(2),
    "crash": lambda: show_month(999_999_999),
    "crash-in-thread": in_thread,
    "stop": lambda: need(reporter.reporter_shutdown(10000)),
}
for step in sys.argv[2:]:
    STEPS[step]()
print("done")
