"""What tests need to drive the program: runs of it, projects to run it on, a server that is sure to end."""
import json
import os
import pathlib
import select
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BINARY = os.environ.get("HEADRACE_BINARY", "headrace")
DONE, FAILED, WRONG_USE = 0, 1, 2


class Result:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    def json(self):
        return json.loads(self.out)


def headrace(*arguments, cwd=None, timeout=120):
    """Runs a command to its end, without a terminal."""
    process = subprocess.run([BINARY, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=timeout)
    return Result(process)


class Server:
    """`headrace serve` on a free port. A context manager: asked to stop by its process id, then killed."""

    def __init__(self, project, wait=60):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([BINARY, "-C", str(project), "serve", "--port", "0"], stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], wait)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening on "):
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not start: {line!r} {self.said()!r}")
        self.url = line.split()[-1]

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def request(self, method, path, body=None):
        """(status, JSON or text)"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()

    def close(self):
        self.stop()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class ProjectTest(unittest.TestCase):
    """Tests in a folder of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="headrace-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_ok(self, *arguments, cwd=None):
        result = headrace(*arguments, cwd=cwd or self.folder)
        self.assertEqual(result.status, DONE, f"{arguments}: {result.out}{result.err}")
        return result

    def run_refused(self, status, *arguments, cwd=None):
        result = headrace(*arguments, cwd=cwd or self.folder)
        self.assertEqual(result.status, status, f"{arguments}: {result.out}{result.err}")
        return result

    def new_project(self, name="shop"):
        self.run_ok("init", name)
        return self.folder / name

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited too long")
        time.sleep(0.02)
