"""`pip install .` gives the package, both programs, and `python -m tenbin`, in an environment that has nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What cargo built for this environment serves again.
_TARGET = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("cargo"), reason="cargo builds the wheel")
def test_the_wheel_holds_both_programs(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    _run(tmp_path, sys.executable, "-m", "venv", str(tmp_path / "venv"))
    # The dependencies are those of this environment: what pip fetches is not what is tried here.
    site = _run(tmp_path, str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "dependencies.pth").write_text(f"import sys; sys.path.append({sysconfig.get_path('purelib')!r})\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    wheels = tmp_path / "wheels"
    _run(tmp_path, *pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    wheel = next(wheels.glob("tenbin-*.whl"))
    _run(tmp_path, *pip, f"--python={python}", "install", "--no-deps", "--no-index", str(wheel))
    for command in ("tenbin", "tenbin-dataplane", "python -m tenbin"):
        program, *arguments = command.split()
        printed = _run(tmp_path, str(python.with_name(program)), *arguments, "--version")
        assert printed.split() == [command.split()[-1], "0.1.0"], command
    where = _run(tmp_path, str(python), "-c", "import tenbin; print(tenbin.__file__)")
    assert where.startswith(site)


def _run(folder: Path, *command: str) -> str:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "CARGO_TARGET_DIR": _TARGET}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout
