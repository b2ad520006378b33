#!/usr/bin/env python3
"""Installs into one folder, moves it to another, and runs the program there with nothing but its own libraries.

Usage: check_install.py CMAKE BUILD_FOLDER
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

C_LIBRARY = ("libc.so", "libm.so", "ld-linux", "libdl.so", "libpthread.so", "librt.so", "linux-vdso")


def check(cmake, build):
    with tempfile.TemporaryDirectory() as folder:
        first, second = pathlib.Path(folder, "first"), pathlib.Path(folder, "second")
        subprocess.run([cmake, "--install", build, "--prefix", str(first)], check=True, stdout=subprocess.DEVNULL)
        shutil.move(first, second)
        program = second / "bin/headrace"
        listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        strangers = [line.strip() for line in listed.splitlines()
                     if str(second) not in line and not line.strip().split("/")[-1].startswith(C_LIBRARY) and "vdso" not in line]
        if strangers:
            sys.exit("libraries that do not come from the installed tree:\n" + "\n".join(strangers))
        project = pathlib.Path(folder, "shop")
        # What tells a sanitizer of ours what to pass over is no help to the program.
        environment = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        for arguments in (["init", project], ["-C", project, "check"]):
            subprocess.run([program, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)


check(*sys.argv[1:])
