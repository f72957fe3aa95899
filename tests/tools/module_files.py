"""Writes files of a Go module, from the zip that a module proxy serves, without Go.

    module_files.py GO.SUM MODULE TARGET PATTERN...

The module's version and its checksum are those of GO.SUM. Files whose path in the module matches a pattern are written into
the folder TARGET under their own names.
"""

import base64
import fnmatch
import hashlib
import io
import os
import pathlib
import sys
import urllib.request
import zipfile


def pinned(go_sum, module):
    """The version of a module, and what `go` calls its h1 checksum."""
    for line in pathlib.Path(go_sum).read_text().splitlines():
        name, version, checksum = line.split()
        if name == module and not version.endswith("/go.mod"):
            return version, checksum
    sys.exit(f"{go_sum} does not pin {module}")


def escaped(path):
    """As a proxy wants it: an upper-case letter is an exclamation mark and the lower-case letter."""
    return "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in path)


def proxies():
    chosen = os.environ.get("GOPROXY", "").replace("|", ",").split(",")
    usable = [proxy.rstrip("/") for proxy in chosen if proxy.startswith(("http://", "https://", "file://"))]
    return usable or ["https://proxy.golang.org"]


def download(module, version):
    failures = []
    for proxy in proxies():
        url = f"{proxy}/{escaped(module)}/@v/{escaped(version)}.zip"
        try:
            with urllib.request.urlopen(url, timeout=300) as answer:
                return answer.read()
        except OSError as error:
            failures.append(f"{url}: {error}")
    sys.exit("\n".join(failures))


def checksum(archive):
    """golang.org/x/mod/sumdb/dirhash, Hash1: the hash of a sorted list of hashes and names."""
    lines = [f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}\n" for name in sorted(archive.namelist())]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def main(go_sum, module, target, *patterns):
    version, expected = pinned(go_sum, module)
    archive = zipfile.ZipFile(io.BytesIO(download(module, version)))
    if checksum(archive) != expected:
        sys.exit(f"{module} {version}: the checksum is {checksum(archive)}, not {expected}")
    folder = pathlib.Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        names = fnmatch.filter(archive.namelist(), f"{module}@{version}/{pattern}")
        if not names:
            sys.exit(f"{module} {version} has no {pattern}")
        for name in names:
            (folder / pathlib.PurePosixPath(name).name).write_bytes(archive.read(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
