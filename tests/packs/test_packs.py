"""Every pack that is shipped is one without an error, and its own worked cases come."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CREDENCE_BUILD_DIR", ROOT / "build/release")) / "apps/credence"
PACKS = sorted(path.parent for path in (*ROOT.glob("packs/*/pack.yaml"), *ROOT.glob("examples/packs/*/pack.yaml")))

if not BINARY.exists():
    pytest.skip("the program is not built: ./dev build", allow_module_level=True)


def test_the_packs_are_found():
    assert {"live-commerce", "bank-account-loan", "credit-line"} <= {pack.name for pack in PACKS}


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_a_shipped_pack_has_no_error_and_its_cases_pass(pack):
    checked = subprocess.run([BINARY, "pack", "check", pack], text=True, capture_output=True, timeout=240, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    cases = re.search(r"cases: (\d+) passed, 0 failed", checked.stdout)
    assert cases and int(cases[1]) > 0, checked.stdout


def test_a_case_that_does_not_come_is_a_failure(tmp_path):
    pack = tmp_path / "pack"
    subprocess.run(["cp", "-r", ROOT / "packs/live-commerce", pack], check=True)
    case = pack / "cases/calm_buyer.yaml"
    text = case.read_text()
    assert "outcome: pass" in text
    case.write_text(text.replace("outcome: pass", "outcome: refuse"))
    checked = subprocess.run([BINARY, "pack", "check", pack], text=True, capture_output=True, timeout=240, check=False)
    assert checked.returncode != 0
    assert "1 failed" in checked.stdout, checked.stdout
