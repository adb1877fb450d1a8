"""A symbol of 64 letters with its prices, in a file of that name."""

import httpx

from tests.support.stack_process import StackProcess

LONG_NAME = "L" + "ONGNAME" * 9
PRICES = "date,close\n" + "".join(
    f"20{20 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02},{50 + n % 7}\n" for n in range(600)
)


def import_long_name(stack: StackProcess) -> None:
    files = {"file": (f"{LONG_NAME}.csv", PRICES)}
    answer = httpx.post(f"{stack.url}/api/instruments", files=files, data={"symbol": LONG_NAME}, timeout=30)
    assert answer.status_code == 201, answer.text
