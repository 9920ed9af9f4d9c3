//! The report that came out, taken apart.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use mail_parser::{MessageParser, MimeHeaders};
use minidump::system_info::{Cpu, Os};
use minidump::{
    Minidump, MinidumpException, MinidumpMemoryList, MinidumpMiscInfo, MinidumpModuleList, MinidumpSystemInfo,
    MinidumpThreadList, Module,
};
use report_format::schema::v1::{self, SectionKind};
use report_format::{Limits, Report, ReportFile, Status};

/// A report, its bytes, and the mail that brought it.
pub(crate) struct Received {
    pub(crate) mail: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) report: Report,
}

impl Received {
    /// Reads a mail with one attachment, a complete report.
    pub(crate) fn from_mail(path: &Path) -> Self {
        let mail = fs::read(path).unwrap();
        let parsed = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(parsed.attachment_count(), 1);
        let attachment = parsed.attachment(0).unwrap();
        assert!(attachment.attachment_name().unwrap().ends_with(".report"));
        let bytes = attachment.contents().to_vec();
        Self { mail, ..Self::from_bytes(bytes) }
    }

    /// Reads a complete report.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let report = Report::read(&bytes[..], &Limits::default()).unwrap();
        assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
        Self { mail: Vec::new(), bytes, report }
    }

    /// The first section of this kind, which must be there.
    pub(crate) fn message<M: prost::Message + Default>(&self, kind: SectionKind) -> M {
        let there = || self.kinds().into_iter().map(|kind| kind.as_str_name()).collect::<Vec<_>>();
        self.report.message(kind).unwrap().unwrap_or_else(|| panic!("no {kind:?} among {:?}", there()))
    }

    pub(crate) fn kinds(&self) -> Vec<SectionKind> {
        self.report.sections().iter().map(|section| section.kind().unwrap()).collect()
    }

    pub(crate) fn error(&self) -> v1::Error {
        self.message(SectionKind::Error)
    }

    /// The thread that the error is about, with its frames.
    pub(crate) fn thread(&self) -> v1::Thread {
        let stacks: v1::Stacks = self.message(SectionKind::Stacks);
        let id = self.error().thread_id;
        let found = stacks.threads.into_iter().find(|thread| thread.id == id);
        let thread = found.unwrap_or_else(|| panic!("no stack of thread {id}"));
        assert!(thread.faulting, "{thread:?}");
        thread
    }

    /// The functions on that thread, innermost first; those without a name left out.
    pub(crate) fn functions(&self) -> Vec<String> {
        self.thread().frames.into_iter().map(|frame| frame.symbol).filter(|symbol| !symbol.is_empty()).collect()
    }

    /// What in the report could not be had.
    pub(crate) fn soft_errors(&self) -> Vec<String> {
        let diagnostics: v1::Diagnostics = self.message(SectionKind::Diagnostics);
        diagnostics.soft_errors.into_iter().map(|soft| format!("{}: {}", soft.subject, soft.message)).collect()
    }

    /// The names of the places where `secret` is: the mail, the report's bytes, a section inflated; as it is and in UTF-16.
    pub(crate) fn places_of(&self, secret: &str) -> Vec<String> {
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let holds = |bytes: &[u8]| contains(bytes, secret.as_bytes()) || contains(bytes, &wide);
        let mut places = vec![("mail".to_owned(), &self.mail[..]), ("report".to_owned(), &self.bytes)];
        places
            .extend(self.report.sections().iter().map(|section| (format!("{:?}", section.kind()), &section.bytes[..])));
        places.into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
    }

    /// All that is in the report's memory image.
    pub(crate) fn memory(&self) -> Vec<u8> {
        let mut file = ReportFile::open(Cursor::new(&self.bytes), &Limits::default()).unwrap();
        let image = file.memory().unwrap().expect("a memory image");
        let mut bytes = Vec::new();
        for region in image.regions() {
            for at in (region.address..region.address + region.size).step_by(4096) {
                let mut page = [0; 4096];
                if image.read_at(at, &mut page).is_ok() {
                    bytes.extend(page);
                }
            }
        }
        bytes
    }

    pub(crate) fn minidump(&self) -> Dump {
        let section = self.report.sections().iter().find(|section| section.kind() == Some(SectionKind::Minidump));
        let bytes = section.expect("a minidump").bytes.clone();
        Dump(Minidump::read(bytes).expect("a minidump that minidump readers accept"))
    }

    /// Checks the minidump as a debugger would use it and against the rest of the report. Returns its reason, in words.
    pub(crate) fn check_minidump(&self) -> String {
        self.check_minidump_of(if cfg!(target_arch = "aarch64") { Cpu::Arm64 } else { Cpu::X86_64 })
    }

    /// As [`Received::check_minidump`], of a product for `cpu`.
    pub(crate) fn check_minidump_of(&self, cpu: Cpu) -> String {
        let dump = self.minidump();
        let (error, thread) = (self.error(), self.thread());
        let exception = dump.0.get_stream::<MinidumpException<'_>>().unwrap();
        assert_eq!(exception.get_crashing_thread_id(), error.thread_id);
        let threads = dump.0.get_stream::<MinidumpThreadList<'_>>().unwrap();
        assert!(threads.get_thread(error.thread_id).is_some());
        let system = dump.0.get_stream::<MinidumpSystemInfo>().unwrap();
        assert_eq!(system.os, if cfg!(windows) { Os::Windows } else { Os::Linux });
        assert_eq!(system.cpu, cpu);
        let misc = dump.0.get_stream::<MinidumpMiscInfo>().ok();
        let context = exception.context(&system, misc.as_ref()).unwrap();
        let instruction = context.get_instruction_pointer();
        assert_eq!(instruction, thread.frames[0].instruction, "the report's first frame");
        let memory = dump.0.get_stream::<MinidumpMemoryList<'_>>().unwrap();
        let has_byte = |at: u64| memory.memory_at_address(at).and_then(|m| m.get_memory_at_address::<u8>(at)).is_some();
        let stack = context.get_stack_pointer();
        // That of an overflow points below the stack, by less than a page.
        assert!(has_byte(stack) || has_byte(stack + 4096), "the stack is there");
        // A jump to nowhere has no code around it; then the caller's is what counts.
        let modules = dump.0.get_stream::<MinidumpModuleList>().unwrap();
        // Windows' own library writes that, Wine's does not: tests look at it themselves.
        if modules.module_at_address(instruction).is_some() && !cfg!(windows) {
            assert!((instruction - 16..instruction + 16).all(has_byte), "code around {instruction:#x}");
        }
        // By what its symbols are found. On Windows a program without a PDB, such as MinGW's, is known by itself alone.
        let is_known = |module: &minidump::MinidumpModule| {
            module.debug_identifier().is_some() || cfg!(windows) && module.code_identifier().is_some()
        };
        assert!(modules.main_module().is_some_and(is_known));
        if let Some(address) = error.fault.as_ref().and_then(|fault| fault.address) {
            assert_eq!(exception.get_crash_address(system.os, system.cpu), address);
        }
        exception.get_crash_reason(system.os, system.cpu).to_string()
    }
}

/// A minidump that was read.
pub(crate) struct Dump(pub(crate) Minidump<'static, Vec<u8>>);

pub(crate) fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}
