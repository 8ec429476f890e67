"""The virtual environment of the project: made, filled from a lock file with hashes, and kept; nothing but Python needed."""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAST = (3, 11)


def folder():
    return Path(os.environ.get("CRM_VENV") or ROOT / ".venv")


def find_python():
    """A Python that is new enough: this one, or another on the path."""
    if sys.version_info >= LEAST:
        return sys.executable
    for name in ("python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found:
            return found
    sys.exit(f"Kartoteka needs Python 3.11 or newer; this one is {sys.version.split()[0]}.")


def make(venv):
    print(f"making the virtual environment in {venv}", flush=True)
    done = subprocess.run([find_python(), "-m", "venv", "--clear", str(venv)], capture_output=True, text=True)
    if done.returncode == 0:
        return
    shutil.rmtree(venv, ignore_errors=True)
    if "ensurepip" in done.stdout + done.stderr or "No module named venv" in done.stderr:
        sys.exit("This Python comes without its venv module. On Debian and Ubuntu: apt-get install python3-venv. Then start again.")
    sys.exit(f"The virtual environment could not be made:\n{(done.stderr or done.stdout).strip()}")


def prepare(lock):
    """The environment's Python, with what the lock file names installed; quick when nothing has changed."""
    venv = folder()
    python = venv / "bin" / "python"
    wanted = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    stamp = venv / f"{lock}.sha256"
    usable = python.exists() and subprocess.run([str(python), "-c", "import pip"], capture_output=True).returncode == 0
    if stamp.exists() and stamp.read_text() == wanted and usable:
        return str(python)
    if not usable:
        make(venv)
    print(f"installing what {lock} names; the first time takes a minute or two", flush=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(ROOT / lock)]
    if subprocess.run(command).returncode != 0:
        sys.exit("The installation failed; the lines above say why. Nothing else was changed; start again when it is mended.")
    (site_packages(python) / "kartoteka.pth").write_text(f"{ROOT}\n{ROOT / 'platform'}\n")
    stamp.write_text(wanted)
    if lock == "requirements-dev.lock":  # it holds all that the smaller one names
        smaller = ROOT / "requirements.lock"
        (venv / "requirements.lock.sha256").write_text(hashlib.sha256(smaller.read_bytes()).hexdigest())
    return str(python)


def site_packages(python):
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip())


def run(module, arguments, lock):
    """Become the module's program inside the environment."""
    python = prepare(lock)
    os.execv(python, [python, "-m", module, *arguments])
