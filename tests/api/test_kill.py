"""A server that is killed under load loses nothing, and the auditor would notice if it did."""

import pytest

from kill_server import Auditor, Failure, simulate
from served import BINARY

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)


def test_nothing_acknowledged_is_lost_doubled_or_changed(tmp_path):
    report = simulate(tmp_path, seed=1, kills=6)
    assert report["kills"] >= 6
    assert report["acknowledged"] > 0 and report["decisions"] > 0 and report["duplicates"] > 0


def decided(sequence, outcome="approve"):
    return {"result": "decided", "sequence": sequence,
            "decision": {"id": f"D-{sequence:012d}", "decision": "order_risk", "outcome": {"code": outcome},
                         "path": "policy", "reasons": []}}


def test_the_auditor_notices_a_lost_event_and_another_sequence():
    auditor = Auditor()
    auditor.sending([("e-1", "{}"), ("e-2", "{}")])
    auditor.answered("e-1", decided(5))
    auditor.answered("e-1", {"result": "duplicate", "sequence": 5})
    assert list(auditor.unanswered()) == ["e-2"]
    with pytest.raises(Failure, match="was lost"):
        auditor.answered("e-1", decided(9))
    with pytest.raises(Failure, match="is now 6"):
        auditor.answered("e-1", {"result": "duplicate", "sequence": 6})
    with pytest.raises(Failure, match="refused"):
        auditor.answered("e-2", {"result": "refused"})
