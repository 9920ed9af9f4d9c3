"""A product in Python. Its arguments are the native library and steps, taken one after another."""
import ctypes
import faulthandler
import sys
import threading

native = ctypes.CDLL(sys.argv[1])
caught = 0
for step in sys.argv[2:]:
    if step == "start":
        if native.native_start() != 0:
            sys.exit(2)
    elif step == "enable-faulthandler":
        faulthandler.enable()
    elif step == "rearm":
        native.native_rearm()
    elif step == "catch":
        for n in range(2000):
            try:
                n // 0
            except ZeroDivisionError:
                caught += 1
    elif step == "hook":
        def hook(kind, error, trace):
            native.native_unhandled(kind.__name__.encode(), str(error).encode())
            sys.__excepthook__(kind, error, trace)
        sys.excepthook = hook
    elif step == "throw":
        raise RuntimeError("nobody catches this")
    elif step.startswith("thread:"):
        thread = threading.Thread(target=getattr(native, step.removeprefix("thread:")))
        thread.start()
        thread.join()
    else:
        getattr(native, step)()
    print(f"{step}: caught {caught}", flush=True)
print("done")
