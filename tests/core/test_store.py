"""What was computed once is kept by key, the newest asked for, within a budget of bytes."""

import os
import subprocess
import sys
import threading

from xaiwidgets.core.store import RESULTS, Store


def held(store, keys):
    """Those of the keys that are kept; looking makes them new."""
    return [key for key in keys if store.get(key) is not None]


def test_a_value_is_handed_out_as_it_is():
    store, value = Store(100), object()
    store.put("a", value, 10)
    assert store.get("a") is value
    assert store.get("b") is None


def test_those_not_asked_for_the_longest_are_let_go():
    store = Store(30)
    for key in "abc":
        store.put(key, key.upper(), 10)
    store.get("a")
    store.put("d", "D", 10)
    assert held(store, "abcd") == ["a", "c", "d"]
    store.put("e", "E", 20)
    assert held(store, "acde") == ["d", "e"]
    assert store.size == 30


def test_a_value_that_fills_the_budget_is_kept_and_a_larger_one_is_not():
    store = Store(30)
    store.put("small", 1, 10)
    store.put("large", 2, 31)
    assert held(store, ["small", "large"]) == ["small"]
    store.put("whole", 3, 30)
    assert held(store, ["small", "whole"]) == ["whole"]


def test_the_same_key_takes_the_place_of_the_older_value():
    store = Store(30)
    store.put("a", 1, 20)
    store.put("b", 2, 10)
    store.put("a", 3, 5)
    assert (store.get("a"), store.get("b"), store.size) == (3, 2, 15)
    store.put("a", 4, 31)  # an older value under this key would be wrong
    assert (store.get("a"), store.size) == (None, 10)


def test_all_is_let_go_on_request():
    store = Store(30)
    store.put("a", 1, 20)
    store.clear()
    assert (store.get("a"), store.size) == (None, 0)


def test_many_threads_leave_it_whole():
    store = Store(50)

    def work(name):
        for turn in range(300):
            store.put(f"{name} {turn % 7}", turn, 1 + turn % 20)
            store.get(f"{name} {(turn + 3) % 7}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [key for name in range(8) for turn in range(7) if store.get(key := f"{name} {turn}") is not None]
    assert 0 < store.size <= 50
    assert len(kept) == len(store._entries)


def test_its_budget_is_a_gibibyte_unless_the_environment_says_otherwise():
    assert RESULTS.budget == 1 << 30
    asked = "from xaiwidgets.core.store import RESULTS; print(RESULTS.budget)"
    given = {**os.environ, "XAIWIDGETS_STORE_BYTES": "12345"}
    answer = subprocess.run([sys.executable, "-c", asked], env=given, capture_output=True, text=True, check=True)
    assert int(answer.stdout) == 12345
