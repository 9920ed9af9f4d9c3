#!/usr/bin/env python3
"""scripts/packages/third_party.py OUT NAME PLATFORM:PART[,PART…]…: what of others is linked into a package.

Writes OUT/sbom.cdx.json (CycloneDX 1.5, validated against its schema) and OUT/THIRD-PARTY-LICENSES.txt, the full texts. PLATFORM is linux-x64, win-x64 or win-x86,
PART one of library, handler, dialog, decoder, wer. Fails where a crate has no licence text.

What is linked is what `cargo tree` says of each part by itself, for its target and features: no development or build dependencies, no procedural macros. Beside
crates each part has Rust's standard library and what the linker takes of its own. SOURCE_DATE_EPOCH is the time of the inventory.
"""

import html
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot5
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = {"linux-x64": "x86_64-unknown-linux-gnu", "win-x64": "x86_64-pc-windows-gnu", "win-x86": "i686-pc-windows-gnu"}
PARTS = {
    "library": ["-p", "reporter-ffi"],
    "handler": ["-p", "reporter-sdk", "--features", "handler"],
    "dialog": ["-p", "reporter-dialog"],
    "decoder": ["-p", "decoder-cli"],
    "wer": ["-p", "reporter-wer"],
}
TEXT = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)(\b|[-_.]|$)", re.IGNORECASE)

# Crates whose archive has no licence text, though their source has. Each names a licence, and its authors in Cargo.toml; the text is the licence's own.
WITHOUT_TEXT = {"age", "age-core", "bech32", "cookie-factory", "fluent-langneg", "intl_pluralrules", "io_tee"}


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def fail(what):
    sys.exit(f"scripts/packages/third_party.py: {what}")


def linked(platform, part):
    """The crates (name, version) of a part, its own first, and who depends on whom."""
    tree = run("cargo", "tree", "--locked", *PARTS[part], "--edges", "normal,no-proc-macro", "--target", TARGETS[platform],
               "--prefix", "depth", "--format", "|{p}")
    crates, edges, path = [], set(), []
    for line in tree.splitlines():
        if not line:
            continue
        depth, package = line.removesuffix(" (*)").split("|")
        name, version = package.split(" ")[:2]
        crate = (name, version.removeprefix("v"))
        path[int(depth):] = [crate]
        if crate not in crates:
            crates.append(crate)
        if len(path) > 1:
            edges.add((path[-2], crate))
    return crates, edges


def texts_of(package):
    """The licence texts of a crate, by file name."""
    folder = pathlib.Path(package["manifest_path"]).parent
    # Below it as well: zstd-sys has the library's own in zstd/.
    files = (file for file in folder.rglob("*") if file.is_file() and (TEXT.match(file.name) or file.parent.name == "LICENSES"))
    files = sorted(file for file in files if file.suffix in ("", ".md", ".txt") or "-" in file.suffix)
    texts = {str(file.relative_to(folder)): file.read_text(encoding="utf-8", errors="replace") for file in files}
    if texts or package["name"] not in WITHOUT_TEXT:
        return texts
    authors = ", ".join(package["authors"]) or f"The authors of {package['name']}"
    if "Apache-2.0" in package["license"]:
        return {"LICENSE-APACHE (the crate has the name alone)": (ROOT / "LICENSE-APACHE").read_text()}
    if package["license"] == "MIT":
        mine = (ROOT / "LICENSE-MIT").read_text()
        terms = mine[mine.index("Permission is hereby granted"):]
        return {"LICENSE (the crate has the name alone)": f"MIT License\n\nCopyright (c) {authors}\n\n{terms}"}
    return {}


def text_of_html(file):
    text = re.sub(r"<(style|head)\b.*?</\1>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return re.sub(r"\n\s*\n+", "\n\n", text).strip() + "\n"


def beside_crates(platform):
    """(component, text) of what the compiler and the linker put into every program."""
    licence = LicenseFactory().make_from_string
    if platform == "linux-x64":
        rustc = pathlib.Path(run("rustc", "--print", "sysroot").strip()) / "share/doc"
        version = run("rustc", "--version").split()[1]
        # A path of rustup's toolchains; it holds the texts of the crates that the standard library is made of, too.
        std = text_of_html(rustc / "rust/COPYRIGHT-library.html")
        import ziglang
        zig = pathlib.Path(ziglang.__file__).parent
        zig_version = run(sys.executable, "-m", "ziglang", "version").strip()
        unwinder = Component(name="LLVM libunwind, as Zig has it", version=zig_version, licenses=[licence("Apache-2.0 WITH LLVM-exception")])
        others = [(unwinder, (zig / "lib/libunwind/LICENSE.TXT").read_text())]
    else:
        version = run("/usr/bin/rustc", "--version").split()[1]
        doc = pathlib.Path("/usr/share/doc")
        std = (doc / "rustc-web/copyright").read_text()
        machine = "x86-64" if platform == "win-x64" else "i686"

        def debian(package):
            return run("dpkg-query", "-W", "-f", "${Version}", package)

        runtime = Component(name="mingw-w64", version=debian("mingw-w64-common"), licenses=[licence("ZPL-2.1")])
        gcc = Component(name="libgcc", version=debian(f"gcc-mingw-w64-{machine}-win32-runtime"),
                        licenses=[licence("GPL-3.0-or-later WITH GCC-exception-3.1")])
        others = [(runtime, (doc / "mingw-w64-common/copyright").read_text()), (gcc, (doc / "gcc-mingw-w64-base/copyright").read_text())]
    return [(Component(name="Rust standard library", version=version, licenses=[licence("MIT OR Apache-2.0")]), std), *others]


def main(out, name, wanted):
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--all-features"))
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    locked = re.findall(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"', (ROOT / "Cargo.lock").read_text())
    checksums = {(name, version): checksum for name, version, checksum in locked}
    version = next(package["version"] for package in metadata["packages"] if package["name"] == "reporter-ffi")
    parts, crates, edges, others = [], set(), set(), {}
    for platform, named in (argument.split(":") for argument in wanted):
        for part in named.split(","):
            its_crates, its_edges = linked(platform, part)
            parts.append(its_crates[0])
            crates |= set(its_crates)
            edges |= its_edges
        for component, text in beside_crates(platform):
            others[component.name, component.version] = (component, text)

    licences = LicenseFactory()
    components, by_text = {}, {}
    for crate in sorted(crates):
        package = packages[crate]
        is_ours = package["source"] is None
        components[crate] = Component(
            name=crate[0], version=crate[1], bom_ref=f"{crate[0]}@{crate[1]}", description=package["description"],
            # The older way to write "or".
            licenses=[licences.make_from_string(package["license"].replace("/", " OR "))],
            purl=None if is_ours else PackageURL("cargo", None, *crate),
            hashes=[HashTypeFactory().from_hashlib_alg("sha256", checksums[crate])] if crate in checksums else [],
        )
        if is_ours:
            continue
        texts = texts_of(package)
        if not texts:
            fail(f"{crate[0]} {crate[1]} ({package['license']}) has no licence text")
        for text in texts.values():
            by_text.setdefault("\n".join(line.rstrip() for line in text.strip().splitlines()), []).append(f"{crate[0]} {crate[1]}")
    for component, text in others.values():
        component.bom_ref.value = f"{component.name}@{component.version}"
        by_text.setdefault(text.strip(), []).append(f"{component.name} {component.version}")

    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    bom = Bom(components=[*components.values(), *(component for component, _ in others.values())])
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, timezone.utc)
    bom.metadata.component = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version}",
                                       licenses=[licences.make_from_string("MIT OR Apache-2.0")])
    # Always the same for the same package.
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{name}@{version}+{epoch}:{' '.join(wanted)}")
    bom.register_dependency(bom.metadata.component, [components[part] for part in dict.fromkeys(parts)] + [component for component, _ in others.values()])
    for crate, component in components.items():
        bom.register_dependency(component, [components[there] for here, there in sorted(edges) if here == crate])
    sbom = JsonV1Dot5(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(sbom):
        fail(f"the inventory is not CycloneDX 1.5: {error}")

    out.mkdir(parents=True, exist_ok=True)
    (out / "sbom.cdx.json").write_text(sbom + "\n")
    with open(out / "THIRD-PARTY-LICENSES.txt", "w", encoding="utf-8") as file:
        file.write(f"What others have written, and is part of {name} {version}, with the licence of each. {name} itself: see LICENSE-MIT and LICENSE-APACHE.\n")
        for text, users in sorted(by_text.items(), key=lambda item: item[1]):
            file.write("\n" + "=" * 100 + "\n" + ", ".join(users) + "\n" + "-" * 100 + "\n\n" + text + "\n")
    print(f"{name}: {len(components)} crates, {len(others)} others, {len(by_text)} texts")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
