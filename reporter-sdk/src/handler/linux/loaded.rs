//! What is loaded: by the memory map, and what the dump's writer tells of an ELF file.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use minidump::{CodeView, Minidump, MinidumpModule, Module as _};

use super::memory_map;
use crate::handler::minidump_filter::stream;
use crate::handler::modules::{Identity, LoadedModule, LoadedModules, MOST_MODULES};

/// The files that a living process has mapped.
pub(in crate::handler) fn of_process(pid: u32) -> io::Result<LoadedModules> {
    Ok(of_maps(&memory_map::read(pid)?))
}

/// The same from the text of a memory map.
pub(super) fn of_maps(maps: &[u8]) -> LoadedModules {
    let mut all: Vec<LoadedModule> = Vec::new();
    for (range, path) in files(maps) {
        // A file's segments follow each other.
        if let Some(last) = all.last_mut().filter(|last| last.path == path) {
            last.range.end = range.end;
        } else {
            all.push(LoadedModule { path: path.into(), range, identity: Identity::default(), version: String::new() });
        }
    }
    all.truncate(MOST_MODULES);
    LoadedModules { all }
}

/// Where each mapping's file is, by the mapping's start. minidump-writer puts a library's own name in place of its file's, which need not
/// exist: a plug-in whose file was renamed.
pub(in crate::handler) fn paths(dump: &Minidump<'_, &[u8]>) -> HashMap<u64, PathBuf> {
    mapped_paths(dump.get_raw_stream(stream::MAPS).unwrap_or_default())
}

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

/// Its build id, as the dump has it.
pub(in crate::handler) fn identity(module: &MinidumpModule) -> Identity {
    let build_id = match &module.codeview_info {
        Some(CodeView::Elf(elf)) => elf.build_id.clone(),
        _ => Vec::new(),
    };
    Identity { build_id, debug_file: String::new() }
}

/// The dump's writer has read the build ids, from memory.
pub(in crate::handler) fn identify(_: &mut LoadedModule) {}

/// Of an ELF file the dump's writer takes the number in the soname for a version (libc.so.6 would be 6.0.0.0): rather none.
pub(in crate::handler) fn version(module: &MinidumpModule) -> Option<String> {
    match &module.codeview_info {
        Some(CodeView::Elf(_)) => None,
        _ => module.version().map(std::borrow::Cow::into_owned),
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
