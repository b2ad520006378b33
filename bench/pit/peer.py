"""Runs the scripts of peers/, each with the packages that it compares with."""
import shutil
import subprocess

import data
import measure


def packages(name):
    """The folder with the packages of NAME.txt, fetched by hash where they are not there yet."""
    wanted = data.ROOT / f"bench/pit/{name}.txt"
    folder = data.BENCH / name
    there = folder / "requirements.txt"
    if not there.exists() or there.read_text() != wanted.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["pip3", "-q", "--disable-pip-version-check", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:",
                        "--target", str(folder), "-r", str(wanted)], check=True)
        shutil.copy(wanted, there)
    return str(folder)


def run(title, script, dataset, python_path, *arguments):
    """What a script of peers/ costs."""
    command = [data.PYTHON, str(data.ROOT / f"bench/pit/peers/{script}.py"), *arguments]
    return measure.run(title, command, dataset.folder, python_path)
