#!/usr/bin/env python3
"""A second decoder of reports, written from proto/FORMAT.md alone, to show that the text is enough.

    decoder.py REPORT                what a reader must say of the report, one fact a line
    decoder.py PART PART ...         the same, of the parts of a report in any order
    decoder.py --messages REPORT     also what the known sections say
    decoder.py --check FOLDER        compares each .report below the folder with the .txt beside it

It reads a report whole and is not meant for hostile files of gigabytes. Sections of this text are named as in FORMAT.md.
"""

import argparse
import hashlib
import re
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from crc32c import crc32c
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

MAGIC = b"\x8fREPORT"
LINE_ENDS = b"\r\n\x1a\n"
SYNC = b"\xf5RF\xc1"
HEADER = struct.Struct("<4sBBHHHIIIQII")
SUMMARY, DATA, SECTION_END, INDEX, END = range(1, 6)
CRITICAL, INCOMPLETE, GAP, MUST_KNOW = 0x01, 0x02, 0x04, 0xF0
STORED, ZSTD = 0, 1
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MINIDUMP, MEMORY_IMAGE, MEMORY_REGIONS, MEMORY_INDEX = 8, 19, 20, 21
SEALED = (22, 23, 24)
KINDS = range(1, 27)
PAGE = 4096
REACH = 16384

# Section 7.
CHUNK = 1 << 20
MAX_SUMMARY = 4096
MAX_PAYLOAD = CHUNK + 4096
MAX_RAW = 256 << 20
MAX_SECTIONS = 65536
MAX_SEARCH = 2 << 20
MAX_IMAGE = 1 << 40


class ReportError(Exception):
    """The input is no report, of a newer version, or over a limit."""


def over_limit(what, value, limit):
    return ReportError(f"{what}: {value} is over the limit of {limit}")


@dataclass
class Header:
    type: int
    flags: int
    codec: int
    kind: int
    category: int
    report: int
    section: int
    sequence: int
    offset: int
    length: int

    @staticmethod
    def at(data, place):
        """The header at a place, if its sync and its CRC are right."""
        if data[place : place + 4] != SYNC or place + HEADER.size > len(data):
            return None
        *fields, crc = HEADER.unpack_from(data, place)
        if crc32c(data[place : place + HEADER.size - 4]) != crc:
            return None
        return Header(*fields[1:])

    def about_section(self):
        return self.flags & CRITICAL, self.codec, self.kind, self.category


@dataclass
class Section:
    ordinal: int
    header: Header
    begins: int
    data: bytearray = field(default_factory=bytearray)
    length: int = 0  # raw bytes, those left out included
    frames: int = 0
    chunks: list = field(default_factory=list)  # of a memory image: (raw bytes, or None; where the frame begins)
    state: str = "incomplete"
    ended: bool = False
    damaged: bool = False  # something of it was lost on the way
    late: bool = False  # its first chunk is not its beginning
    gap: bool = False  # something of it was lost before the report was written
    left_out: bool = False  # over the limit from some chunk on
    missing_before: bool = False  # frames are missing or passed over that may have been of this section

    @property
    def decodable(self):
        return self.header.codec in (STORED, ZSTD)

    @property
    def kept(self):
        return self.header.kind not in (MEMORY_IMAGE, SEALED[-1]) or not self.decodable


class Decoder:
    """Sections 1 to 6: from bytes to sections and losses."""

    def __init__(self, data):
        self.data = data
        self.losses = []
        self.status = "complete"
        self.summary = None
        self.sections = []
        self.report = None
        self.expected = 0  # the next sequence
        self.missing = False  # frames never came, or were passed over as not understood
        self.lost_before = False  # the same, behind the last frame that was understood
        self.disturbed = False  # the digest and what says of places cannot be right
        self.index_seen = False
        self.end_seen = False
        self.raw_total = 0
        self.stage = "start"
        self.read()

    # What is lost, and how bad that is: section 6.

    def lose(self, text, status="partial"):
        self.losses.append(text)
        if self.status == "complete" or status == "corrupt":
            self.status = status

    def contradiction(self, place, what):
        self.lose(f"at byte {place}: {what}", "corrupt")

    def unreadable(self, begin, end):
        if end > begin:
            self.disturbed = True
            self.lose(f"{end - begin} bytes from byte {begin} are unreadable", "corrupt")

    # Finding frames.

    def read(self):
        at = self.find_report()
        passed_from = None  # where bytes that are no frame begin
        while at < len(self.data) and not self.end_seen:
            header = self.header_at(at)
            end = at + HEADER.size + header.length + 4 if header else None
            if header and end <= len(self.data) and self.payload_right(at, header):
                if passed_from is not None:
                    self.unreadable(passed_from, at)
                    passed_from = None
                self.frame(at, header, self.data[at + HEADER.size : end - 4])
                at = end
                continue
            if self.cut_at(at, header, end):
                if passed_from is not None:
                    self.unreadable(passed_from, at)
                self.disturbed = True
                self.lose(f"the input ends inside a frame: {len(self.data) - at} bytes of it from byte {at}")
                passed_from = None
                break
            if passed_from is None:
                passed_from = at
            at = self.next_sync(at + (4 if header else 1))
        if passed_from is not None:
            self.unreadable(passed_from, len(self.data))
        self.finish(at)

    def find_report(self):
        start = self.preamble(0)
        if start is not None:
            return start
        for at in range(min(len(self.data), MAX_SEARCH)):
            if self.data[at] == MAGIC[0]:
                start = self.preamble(at)
                if start is not None:
                    self.disturbed = True
                    self.lose(f"{at} bytes that do not belong to the report stand before it")
                    return start
            if self.data[at] == SYNC[0] and Header.at(self.data, at):
                self.disturbed = True
                self.lose(f"the first bytes of the report are damaged; it was found at byte {at}", "corrupt")
                return at
        raise ReportError("this is not an error report")

    def preamble(self, at):
        """Where the preamble at a place ends, if one is there."""
        preamble = self.data[at : at + 16]
        if len(preamble) < 16 or preamble[:7] != MAGIC or preamble[8:12] != LINE_ENDS:
            return None
        if crc32c(preamble[:12]) != int.from_bytes(preamble[12:], "little"):
            return None
        if preamble[7] != 1:
            raise ReportError(f"version of the report container {preamble[7]} is not supported, only 1 is")
        return at + 16

    def header_at(self, at):
        header = Header.at(self.data, at)
        if header is None or self.report not in (None, header.report):
            return None
        if header.length > MAX_PAYLOAD:
            raise over_limit("bytes in the payload of a frame", header.length, MAX_PAYLOAD)
        return header

    def payload_right(self, at, header):
        begin = at + HEADER.size
        crc = self.data[begin + header.length : begin + header.length + 4]
        return crc32c(self.data[begin : begin + header.length]) == int.from_bytes(crc, "little")

    def cut_at(self, at, header, end):
        """Step 5: the input ends inside the frame that begins here, and no whole frame is inside of it."""
        if header is None:
            rest = self.data[at : at + HEADER.size]
            if len(rest) == HEADER.size or SYNC[: len(rest)] != rest[:4]:
                return False
            return True
        if end <= len(self.data):
            return False
        inside = self.next_sync(at + 4)
        while inside < len(self.data):
            inner = self.header_at(inside)
            if inner and inside + HEADER.size + inner.length + 4 <= len(self.data) and self.payload_right(inside, inner):
                return False
            inside = self.next_sync(inside + 1)
        return True

    def next_sync(self, at):
        """Where the next sync begins, or what the input ends with of one."""
        found = self.data.find(SYNC, at)
        if found >= 0:
            return found
        for length in (3, 2, 1):
            if len(self.data) - length >= at and self.data.endswith(SYNC[:length]):
                return len(self.data) - length
        return len(self.data)

    # What frames mean.

    def frame(self, at, header, payload):
        self.report = header.report
        if header.sequence < self.expected:
            self.disturbed = True
            self.lose(f"frame {header.sequence} at byte {at} came again or too late and was passed over")
            return
        if header.sequence > self.expected:
            count = header.sequence - self.expected
            what = f"frame {self.expected} is" if count == 1 else f"{count} frames from frame {self.expected} on are"
            self.missing = self.lost_before = self.disturbed = True
            self.lose(f"{what} missing")
            for section in self.sections[-1:]:
                # Offsets would not show it, or a gap that is older hides it.
                if not section.ended and section.ordinal == header.section:
                    section.damaged |= not section.decodable or bool(header.flags & GAP)
        self.expected = header.sequence + 1
        known = header.type in (SUMMARY, DATA, SECTION_END, INDEX, END)
        if header.flags & MUST_KNOW or not known:
            if header.flags & (MUST_KNOW | CRITICAL):
                self.missing = self.lost_before = True
                for section in self.sections[-1:]:
                    section.damaged |= not section.ended and section.ordinal == header.section
                self.lose(
                    f"the frame at byte {at} (type {header.type}, flags {header.flags:#04x}) must be understood and is not: "
                    "update this program"
                )
            return
        lost_before, self.lost_before = self.lost_before, False
        for section in self.sections[-1:]:
            section.missing_before |= lost_before and not section.ended
        self.in_order(at, header, lost_before)
        if header.type in (DATA, SECTION_END):
            section = self.section_of(at, header, lost_before)
            if section and header.type == DATA:
                self.chunk(at, section, header, payload)
            elif section:
                self.section_end(at, section, header, payload)
            return
        self.close_section(at, lost_before)
        if header.type == SUMMARY:
            self.summary_frame(at, header, payload)
        elif header.type == INDEX:
            self.index(at, payload)
        else:
            self.end(at, header, payload)

    def in_order(self, at, header, lost_before):
        """report = preamble summary { section } summary index end, where no frames are missing. What stands elsewhere is read."""
        closing = header.type == SUMMARY and (self.stage != "start" or lost_before)
        stage = {DATA: "sections", SECTION_END: "sections", INDEX: "index", END: "end"}.get(header.type, "sections")
        stage = "closing summary" if closing else stage
        before = {"closing summary": "sections", "index": "closing summary", "end": "index", "sections": "sections"}[stage]
        if not lost_before and self.stage != before and not (header.type == SUMMARY and not closing):
            self.contradiction(at, "a frame stands where its type may not")
        self.stage = stage

    def summary_frame(self, at, header, payload):
        if len(payload) > MAX_SUMMARY:
            self.contradiction(at, "the summary is longer than 4 KiB")
            return
        if crc32c(payload) != header.report:
            self.contradiction(at, "the summary is not the one that its report's frames name")
            return
        self.summary = payload

    def section_of(self, at, header, lost_before):
        """The section that a frame continues or begins."""
        last = self.sections[-1] if self.sections else None
        number = last.ordinal if last else 0
        if header.section < number or header.section == number and last and last.ended or header.section == 0:
            self.contradiction(at, "a frame of a section comes after that section")
            return None
        if last and header.section == number:
            if header.about_section() != last.header.about_section():
                self.contradiction(at, "frames of one section say different things about it")
                last.damaged = True
                return None
            return last
        self.close_section(at, lost_before)
        if len(self.sections) == MAX_SECTIONS:
            raise over_limit("sections", len(self.sections) + 1, MAX_SECTIONS)
        if header.section > number + 1 and not lost_before:
            self.contradiction(at, "the numbers of sections leave one out")
        section = Section(header.section, header, at, missing_before=lost_before)
        self.sections.append(section)
        if header.flags & CRITICAL and header.kind not in KINDS:
            self.lose(f"section {section.ordinal} (kind {header.kind:#06x}) must be understood and is not: update this program")
        if not section.decodable and (header.kind in KINDS or header.flags & CRITICAL):
            self.lose(f"section {section.ordinal} is compressed by codec {header.codec}, which this program does not have")
        return section

    def chunk(self, at, section, header, payload):
        if section.left_out:
            return
        declared = bool(header.flags & GAP)
        section.missing_before |= declared
        may_skip = not section.decodable or section.missing_before or section.damaged
        if header.offset < section.length or header.offset > section.length and not may_skip:
            self.contradiction(at, "a chunk does not begin where the one before it ends")
            section.damaged = True
            return
        section.frames += 1
        section.gap |= declared
        if header.offset > section.length and not declared:
            section.damaged |= section.decodable
            section.late |= section.frames == 1
        if not section.decodable:
            # How far it reaches is not known: the next one may begin anywhere behind its beginning.
            section.data += payload
            section.length = header.offset
            return
        raw = self.decompress(section, header, payload)
        if raw is None:
            return
        if section.kept and self.raw_total + len(raw) > MAX_RAW:
            section.left_out = True
            self.lose(
                f"section {section.ordinal} ({kind_name(header.kind)}) is left out from raw byte {header.offset} on: "
                f"all sections together are over the limit of {MAX_RAW} bytes"
            )
            return
        section.length = header.offset + len(raw)
        if section.kept:
            section.data += bytes(header.offset - len(section.data)) + raw
            self.raw_total += len(raw)
        else:
            section.chunks.append((raw, at - section.begins))

    def decompress(self, section, header, payload):
        if header.codec == STORED:
            if len(payload) > CHUNK:
                raise over_limit("raw bytes in one chunk of a section", len(payload), CHUNK)
            return bytes(payload)
        try:
            if payload[:4] != ZSTD_MAGIC:
                raise zstandard.ZstdError("a skippable frame, or none")
            parameters = zstandard.get_frame_parameters(payload)
            size = parameters.content_size
            if size == zstandard.CONTENTSIZE_UNKNOWN or parameters.dict_id:
                raise zstandard.ZstdError("no size, or a dictionary")
            if size > CHUNK:
                raise over_limit("raw bytes in one chunk of a section", size, CHUNK)
            reader = zstandard.ZstdDecompressor().decompressobj()
            raw = reader.decompress(payload)
            if len(raw) == size and reader.eof and not reader.unused_data:
                return raw
        except zstandard.ZstdError:
            pass
        section.damaged = True
        self.lose(f"a chunk of section {section.ordinal} at raw byte {header.offset} cannot be decompressed", "corrupt")
        return None

    def section_end(self, at, section, header, payload):
        section.ended = True
        frames, crc = struct.unpack_from("<II", payload) if len(payload) >= 8 else (None, None)
        declared = bool(header.flags & GAP)
        # What was lost since is told by the place of the end, which is that before the gap.
        section.damaged |= section.gap and not declared and section.decodable and header.offset != section.length
        section.gap |= declared
        agrees = frames == section.frames
        if section.decodable:
            # The CRC of a memory image is that of all its blocks, of which none may be missing.
            raw = section.data if section.kept else b"".join(raw for raw, _ in section.chunks)
            agrees &= section.length == len(raw) == header.offset and crc == crc32c(raw)
        if agrees and not (section.gap or section.damaged or section.late or section.left_out):
            section.state = "whole" if section.kept and section.decodable else "undecoded" if section.kept else "notkept"
            return
        if section.gap and not (section.damaged or section.late or section.left_out):
            name = kind_name(header.kind)
            self.lose(f"section {section.ordinal} ({name}) was already incomplete when the report was written")
            return
        if not (agrees or section.gap or section.damaged or section.left_out or section.missing_before):
            self.contradiction(at, "a section is not what its end says: length, chunks or checksum differ")
        self.incomplete(section)

    def incomplete(self, section):
        self.lose(f"section {section.ordinal} ({kind_name(section.header.kind)}) is incomplete")

    def close_section(self, at=None, lost_before=True):
        """Something else than the section's own frames comes: it should have ended."""
        for section in self.sections[-1:]:
            if not section.ended:
                section.ended = True
                self.incomplete(section)
                if not lost_before:
                    self.contradiction(at, "a section has no end")

    def index(self, at, payload):
        entries = list(struct.iter_unpack("<QIHH", payload)) if len(payload) % 16 == 0 else None
        found = {s.ordinal: (s.begins, s.ordinal, s.header.kind, s.header.category) for s in self.sections}
        listed = {entry[1]: entry for entry in entries or ()}
        same = entries is not None and all(
            listed.get(n, ())[1:] == entry[1:]
            # A section of which the first frame was passed over begins before what was seen of it.
            and (self.disturbed or listed[n] == entry or self.missing and listed[n] < entry)
            for n, entry in found.items()
        )
        lost = [entry for n, entry in listed.items() if n not in found]
        if not same or lost and not self.missing or [e[1] for e in entries] != list(range(1, len(entries) + 1)):
            self.contradiction(at, "the index does not list the sections that are there")
            return
        self.index_seen = True
        for _, number, kind, _ in lost:
            self.lose(f"section {number} ({kind_name(kind)}) is missing")

    def missing_sections(self):
        """Where no index names them, the numbers of the sections tell which are missing."""
        if self.index_seen or not self.missing:
            return
        expected = 1
        for section in self.sections:
            count = section.ordinal - expected
            if count == 1:
                self.lose(f"section {expected} is missing")
            elif count > 1:
                self.lose(f"{count} sections from section {expected} on are missing")
            expected = section.ordinal + 1

    def end(self, at, header, payload):
        self.end_seen = True
        self.missing_sections()
        if header.flags & INCOMPLETE:
            self.lose("the report was already incomplete when it was written")
        if self.disturbed:
            return
        if payload[:32] != hashlib.sha256(self.data[:at]).digest():
            self.lose("the digest over the whole report does not match", "corrupt")
        elif header.offset != at:
            self.contradiction(at, "the end says that another number of bytes is before it")

    def finish(self, at):
        if self.end_seen:
            if at < len(self.data):
                self.lose(f"{len(self.data) - at} bytes follow the end of the report at byte {at}")
            return
        self.close_section()
        self.missing_sections()
        self.lose("the end of the report is missing")

    def section(self, kind):
        return next((section for section in self.sections if section.header.kind == kind), None)


# Section 10.


@dataclass
class Memory:
    pages: int = 0
    zero: int = 0
    held: int = 0
    unreadable: int = 0
    lost: int = 0
    crc: int = 0  # of all pages that can be read, in ascending order

    def __str__(self):
        return (
            f"memory: {self.pages} pages, {self.zero} zero, {self.held} stored, {self.unreadable} unreadable, "
            f"{self.lost} lost, crc {self.crc:#010x}"
        )


@dataclass
class Block:
    first: int
    extents: list  # (address, pages, what, number)
    stored: list

    @property
    def begin(self):
        return self.extents[0][0]

    @property
    def end(self):
        address, pages, _, _ = self.extents[-1]
        return address + pages * PAGE

    @staticmethod
    def parse(raw):
        """The block, if it is right in itself."""
        if len(raw) < 16:
            return None
        first, count, stored = struct.unpack_from("<QII", raw)
        begin = 16 + 24 * count
        if count == 0 or len(raw) != begin + PAGE * stored:
            return None
        extents = list(struct.iter_unpack("<QIIQ", raw[16:begin]))
        reached = 0
        for address, pages, what, number in extents:
            end = address + pages * PAGE
            if address % PAGE or pages == 0 or address < reached or what > 2 or end > 1 << 64:
                return None
            if what == 1 and not max(0, first + stored - REACH) <= number <= first + stored - pages:
                return None
            if what == 1 and number < first < number + pages:
                return None
            reached = end
        pages = [raw[at : at + PAGE] for at in range(begin, len(raw), PAGE)]
        return Block(first, extents, pages)


def memory(decoder):
    """What is in the memory image of a report, if it has one."""
    described, image = decoder.section(MEMORY_REGIONS), decoder.section(MEMORY_IMAGE)
    if described is None or image is None or described.state != "whole":
        return None
    message = MESSAGES[MEMORY_REGIONS].FromString(bytes(described.data))
    regions = [(region.address, region.size) for region in message.regions]
    if sum(size for _, size in regions) > MAX_IMAGE:
        raise over_limit("bytes that a memory image covers", sum(size for _, size in regions), MAX_IMAGE)
    parsed = [Block.parse(raw) for raw, _ in image.chunks]
    parsed = [block for block in parsed if block]
    # A block that reaches into the addresses or the numbers of the one behind it is damaged.
    blocks = [
        block
        for block, following in zip(parsed, parsed[1:] + [None])
        if following is None or block.end <= following.begin and block.first + len(block.stored) <= following.first
    ]
    stored = {block.first + at: page for block in blocks for at, page in enumerate(block.stored)}
    pages = {}
    for block in blocks:
        for address, count, what, number in block.extents:
            for at in range(count):  # also those outside of all regions, which nobody asks for below
                content = (bytes(PAGE), stored.get(number + at), None)[what]
                pages[address + at * PAGE] = ("lost" if what == 1 and content is None else ("zero", "held", "unreadable")[what], content)
    found = Memory(pages=sum(size for _, size in regions) // PAGE)
    for start, size in regions:
        for address in range(start, start + size, PAGE):
            what, content = pages.get(address, ("lost", None))
            setattr(found, what, getattr(found, what) + 1)
            if content is not None:
                found.crc = crc32c(content, found.crc)
    check_index(decoder, image, blocks)
    return found


def check_index(decoder, image, blocks):
    """The index of a whole image lists its blocks, in order."""
    index = decoder.section(MEMORY_INDEX)
    if index is None or index.state != "whole" or image.state != "notkept":
        return
    entries = list(struct.iter_unpack("<QQQ", index.data))
    expected = [(block.begin, begins, block.first) for block, (_, begins) in zip(blocks, image.chunks)]
    if entries != expected:
        raise ReportError("the memory index is not that of the image")


# Section 11.


def key_ids(section):
    """The ids of the keys for which a section is sealed."""
    count = int.from_bytes(section.data[:2], "little")
    if not 1 <= count <= 64 or len(section.data) < 4 + 8 * count:
        return []
    return [section.data[4 + 8 * at : 12 + 8 * at].hex() for at in range(count)]


# Section 13.

PART = struct.Struct("<8s4sI16sIIQQQ32sI")
PART_MAGIC = b"\x8fREPPART"


def is_part(data):
    return data[:8] == PART_MAGIC


def join(parts):
    """The report of which these are parts, or what is there of it."""
    pieces, identity = {}, None
    for data in parts:
        if len(data) < PART.size or data[:12] != PART_MAGIC + LINE_ENDS:
            raise ReportError("this is not a part of a report")
        *_, report, report_id, _, count, begin, length, total, digest, crc = PART.unpack_from(data)
        if crc32c(data[: PART.size - 4]) != crc:
            raise ReportError("the header of a part is damaged")
        if identity not in (None, (report, report_id, count, total, digest)):
            raise ReportError("these are parts of several reports")
        identity = (report, report_id, count, total, digest)
        piece = data[PART.size : PART.size + length]
        # Of a part that came twice, the copy that is there in full.
        if len(piece) >= len(pieces.get(begin, b"")):
            pieces[begin] = piece
    return b"".join(piece for _, piece in sorted(pieces.items()))


# The messages, from the descriptors that are committed beside the Rust code.


def load_schema():
    path = Path(__file__).resolve().parent.parent / "src" / "schema" / "report.v1.bin"
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    section = pool.FindExtensionByName("report.v1.section")
    options = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.MessageOptions"))
    messages = {}
    for file in files.file:
        for message in file.message_type if file.package == "report.v1" else ():
            descriptor = pool.FindMessageTypeByName(f"report.v1.{message.name}")
            kind = options.FromString(descriptor.GetOptions().SerializeToString()).Extensions[section]
            messages[kind or message.name] = message_factory.GetMessageClass(descriptor)
    kinds = pool.FindEnumTypeByName("report.v1.SectionKind").values_by_number
    names = {number: value.name.removeprefix("SECTION_KIND_").lower().replace("_", " ") for number, value in kinds.items()}
    return messages, names


MESSAGES, NAMES = load_schema()


def kind_name(kind):
    return NAMES.get(kind, f"kind {kind:#06x}")


# What there is to say.


def outcome(inputs):
    """The outcome as the files of the testkit have it, one fact a line, and the decoder if there is a report."""
    try:
        decoder = Decoder(join(inputs) if is_part(inputs[0]) else inputs[0])
        image = memory(decoder)
    except ReportError as error:
        return f"error: {error}", None
    lines = [f"status: {decoder.status}"]
    if decoder.summary is not None:
        hexadecimal = MESSAGES["Summary"].FromString(decoder.summary).report_id.hex()
        if len(hexadecimal) == 32:
            parts = re.fullmatch("(.{8})(.{4})(.{4})(.{4})(.{12})", hexadecimal).groups()
            lines.append("report id: " + "-".join(parts))
    for section in decoder.sections:
        header = section.header
        state = section.state if section.decodable else "undecoded"
        lines.append(
            f"section {section.ordinal}: kind {header.kind:#06x}, category {header.category}, codec {header.codec}, "
            f"{'critical' if header.flags & CRITICAL else 'ignorable'}, {len(section.data)} bytes, "
            f"crc {crc32c(bytes(section.data)):#010x}, {state}"
        )
    if image:
        lines.append(str(image))
    lines += [f"lost: {loss}" for loss in decoder.losses]
    return "\n".join(lines), decoder


def messages(decoder):
    """What the known sections say, as protobuf text."""
    for section in decoder.sections:
        name = kind_name(section.header.kind)
        if section.header.kind in SEALED:
            yield f"{name}: for the keys {', '.join(key_ids(section)) or 'none'}"
        elif section.header.kind in MESSAGES and section.state == "whole":
            try:
                yield f"{name}:\n{MESSAGES[section.header.kind].FromString(bytes(section.data))}"
            except DecodeError as error:
                yield f"{name}: {error}"


def check(folder):
    """Whether the outcome of each report below a folder is the one that the text beside it expects."""
    files = sorted(Path(folder).rglob("*.report"))
    if not files:
        return f"there is no report below {folder}"
    for file in files:
        expected = file.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n")
        found, decoder = outcome([file.read_bytes()])
        # After the error itself a reader may say what to do, in its own words.
        agrees = expected.startswith(found) if decoder is None else expected == found
        if not agrees:
            return f"{file}\n  expected:\n{indented(expected)}\n  found:\n{indented(found)}"
    folders = sorted({file.parent for file in Path(folder).rglob("*.part")})
    for parts in folders:
        expected = (parts / "outcome.txt").read_text(encoding="utf-8").rstrip("\n")
        found, _ = outcome([file.read_bytes() for file in sorted(parts.glob("*.part"), reverse=True)])
        if expected != found:
            return f"{parts}\n  expected:\n{indented(expected)}\n  found:\n{indented(found)}"
    print(f"{len(files)} reports and {len(folders)} folders of parts below {folder} are what is expected of them")
    return None


def indented(text):
    return "\n".join("    " + line for line in text.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="FOLDER")
    parser.add_argument("--messages", action="store_true")
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.check:
        sys.exit(check(arguments.check))
    if not arguments.files:
        parser.error("which report?")
    text, decoder = outcome([file.read_bytes() for file in arguments.files])
    print(text)
    if arguments.messages and decoder:
        print(*messages(decoder), sep="\n")
    sys.exit(0 if decoder and decoder.status == "complete" else 1)


if __name__ == "__main__":
    main()
