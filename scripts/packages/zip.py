#!/usr/bin/env python3
"""scripts/packages/zip.py OUT.zip FOLDER: packs FOLDER's content in a folder of OUT's name; the same content gives the same bytes. Time: SOURCE_DATE_EPOCH."""

import os
import pathlib
import sys
import time
import zipfile

out, folder = map(pathlib.Path, sys.argv[1:])
when = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        entry = zipfile.ZipInfo(f"{out.stem}/{file.relative_to(folder).as_posix()}", when)
        entry.compress_type = zipfile.ZIP_DEFLATED
        # Unix's, for those who unpack it there: a program is one.
        entry.create_system, entry.external_attr = 3, (0o100000 | (0o755 if os.access(file, os.X_OK) else 0o644)) << 16
        archive.writestr(entry, file.read_bytes())
