//! The programs and libraries that the process had loaded.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use minidump::{CodeView, Minidump, MinidumpModule, MinidumpModuleList, Module as _};
use report_format::schema::v1;

use super::minidump_filter::stream;
use super::soft_error;
use super::sys::memory_map;
use crate::redact::file_path;

/// Of a process that loads and unloads without end, or says so.
const MOST_MODULES: usize = 4096;

/// A loaded file, as the dump tells it.
#[derive(Clone, Debug)]
pub(crate) struct LoadedModule {
    /// On this machine; may name the user.
    pub(crate) path: PathBuf,
    pub(crate) range: Range<u64>,
    /// Empty where it has none.
    pub(crate) build_id: Vec<u8>,
    version: String,
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
                let paths = mapped_paths(dump.get_raw_stream(stream::MAPS).unwrap_or_default());
                Self { all: list.iter().take(MOST_MODULES).map(|m| LoadedModule::new(m, &paths)).collect() }
            }
            Err(error) => {
                soft_errors.push(soft_error("modules", &error));
                Self::default()
            }
        }
    }

    /// The files that a living process has mapped, as its memory map lists them: data too, and none with a build id yet.
    pub(crate) fn of_process(pid: u32) -> io::Result<Self> {
        Ok(Self::of_maps(&memory_map::read(pid)?))
    }

    /// The same from the text of a memory map.
    pub(crate) fn of_maps(maps: &[u8]) -> Self {
        let mut all: Vec<LoadedModule> = Vec::new();
        for (range, path) in files(maps) {
            // A file's segments follow each other.
            if let Some(last) = all.last_mut().filter(|last| last.path == path) {
                last.range.end = range.end;
            } else {
                all.push(LoadedModule { path: path.into(), range, build_id: Vec::new(), version: String::new() });
            }
        }
        all.truncate(MOST_MODULES);
        Self { all }
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

/// Where each mapping's file is, by the mapping's start. minidump-writer puts a library's own name in place of its file's, which need not
/// exist: a plug-in whose file was renamed.
fn mapped_paths(maps: &[u8]) -> HashMap<u64, PathBuf> {
    let undeleted = |path: &Path| {
        let bytes = path.as_os_str().as_bytes();
        PathBuf::from(OsStr::from_bytes(bytes.strip_suffix(DELETED).unwrap_or(bytes)))
    };
    files(maps).map(|(range, path)| (range.start, undeleted(path))).collect()
}

/// Ends the path of a file that is gone, or has another in its place.
const DELETED: &[u8] = b" (deleted)";

/// The mappings of files, in the order of their addresses.
fn files(maps: &[u8]) -> impl Iterator<Item = (Range<u64>, &Path)> {
    memory_map::mappings(maps).filter_map(|mapping| Some((mapping.range.clone(), mapping.path()?)))
}

impl LoadedModule {
    fn new(module: &MinidumpModule, paths: &HashMap<u64, PathBuf>) -> Self {
        // Of an ELF file the dump's writer takes the number in the soname for a version (libc.so.6 would be 6.0.0.0): rather none.
        let (build_id, version) = match &module.codeview_info {
            Some(CodeView::Elf(elf)) => (elf.build_id.clone(), None),
            _ => (Vec::new(), module.version()),
        };
        let start = module.base_address();
        Self {
            path: paths.get(&start).cloned().unwrap_or_else(|| PathBuf::from(module.code_file().as_ref())),
            range: start..start.saturating_add(module.size()),
            build_id,
            version: version.map(std::borrow::Cow::into_owned).unwrap_or_default(),
        }
    }

    fn to_report(&self) -> v1::Module {
        v1::Module {
            path: file_path(&self.path.to_string_lossy()).into_owned(),
            start: self.range.start,
            size: self.range.end - self.range.start,
            version: self.version.clone(),
            build_id: self.build_id.clone(),
            debug_file: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_s_file_is_found_by_its_start() {
        let paths = mapped_paths(
            b"1000-2000 r-xp 00000000 08:01 12 /opt/a b/lib x.so\n2000-3000 rw-p 0 0:0 0 [heap]\nzz\n4000-5000 r--p 0 08:01 9 /tmp/g (deleted)\n",
        );
        assert_eq!(paths.len(), 2);
        assert_eq!(paths[&0x1000], PathBuf::from("/opt/a b/lib x.so"));
        assert_eq!(paths[&0x4000], PathBuf::from("/tmp/g"));
    }
}
