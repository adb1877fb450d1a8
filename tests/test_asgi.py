"""How the event loop shares the interpreter with threads that compute, once the application is loaded."""

import subprocess
import sys

SCRIPT = """
import sys, threading, time

def shortest_wait():
    done, stop = 0, False

    def compute():
        nonlocal done
        while not stop:
            done += 1

    thread = threading.Thread(target=compute)
    thread.start()
    waits = []
    while len(waits) < 50:
        before, began = done, time.perf_counter()
        time.sleep(0.0001)  # releases the interpreter, as a send does
        if done > before:  # the thread had it meanwhile
            waits.append(time.perf_counter() - began)
    stop = True
    thread.join()
    return min(waits)

by_default = shortest_wait()
import backtester.asgi
print(shortest_wait() / by_default)
"""


def test_a_thread_that_computes_yields_the_interpreter_sooner_than_by_default():
    """The default interval is a lower limit of the wait however fast the machine is, so the two can be compared."""
    ratio = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert float(ratio) < 0.5
