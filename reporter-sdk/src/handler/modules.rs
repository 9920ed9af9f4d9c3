//! The programs and libraries that the process had loaded.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use minidump::{Minidump, MinidumpModule, MinidumpModuleList, Module as _};
use report_format::schema::v1;

use super::soft_error;
use super::sys::loaded;
use crate::redact::file_path;

/// Of a process that loads and unloads without end, or says so.
pub(super) const MOST_MODULES: usize = 4096;

/// A loaded file, as the dump tells it.
#[derive(Clone, Debug)]
pub(crate) struct LoadedModule {
    /// On this machine; may name the user.
    pub(crate) path: PathBuf,
    pub(crate) range: Range<u64>,
    pub(crate) identity: Identity,
    pub(super) version: String,
}

/// What tells a file from others of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Empty where it has none.
    pub(crate) build_id: Vec<u8>,
    /// The name of the file with its symbols, without a path; empty where it is not told.
    pub(crate) debug_file: String,
}

/// All modules of a dump, the program itself first.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedModules {
    pub(crate) all: Vec<LoadedModule>,
}

impl LoadedModules {
    /// Reads them from a dump, filtered or not: unfiltered has the real paths.
    pub(crate) fn read(dump: &Minidump<'_, &[u8]>, soft_errors: &mut Vec<v1::SoftError>) -> Self {
        match dump.get_stream::<MinidumpModuleList>() {
            Ok(list) => {
                let paths = loaded::paths(dump);
                let module =
                    |module: &MinidumpModule| LoadedModule::new(module, paths.get(&module.base_address()).cloned());
                Self { all: list.iter().take(MOST_MODULES).map(module).collect() }
            }
            Err(error) => {
                soft_errors.push(soft_error("modules", &error));
                Self::default()
            }
        }
    }

    /// The files that a living process has mapped, as the system lists them: none with a build id yet, and where all mapped files are listed, data too.
    pub(crate) fn of_process(pid: u32) -> io::Result<Self> {
        loaded::of_process(pid)
    }

    /// Looks into the files for what the dump does not tell of them. Can take long.
    pub(crate) fn identify(&mut self) {
        self.all.iter_mut().for_each(loaded::identify);
    }

    /// The index of the module that holds `address`.
    pub(crate) fn find(&self, address: u64) -> Option<usize> {
        self.all.iter().position(|m| m.range.contains(&address))
    }

    /// As the report says it, in the same order, user names replaced.
    pub(crate) fn to_report(&self) -> v1::Modules {
        v1::Modules { modules: self.all.iter().map(LoadedModule::to_report).collect() }
    }
}

impl LoadedModule {
    /// `path`: where the file is known to be, else as the dump has it.
    fn new(module: &MinidumpModule, path: Option<PathBuf>) -> Self {
        let start = module.base_address();
        Self {
            path: path.unwrap_or_else(|| PathBuf::from(module.code_file().as_ref())),
            range: start..start.saturating_add(module.size()),
            identity: loaded::identity(module),
            version: loaded::version(module).unwrap_or_default(),
        }
    }

    fn to_report(&self) -> v1::Module {
        v1::Module {
            path: file_path(&self.path.to_string_lossy()).into_owned(),
            start: self.range.start,
            size: self.range.end - self.range.start,
            version: self.version.clone(),
            build_id: self.identity.build_id.clone(),
            debug_file: self.identity.debug_file.clone(),
        }
    }
}
