//! What is loaded: by the loader's list, and what a dump tells of a PE file.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

use minidump::{CodeView, Minidump, MinidumpModule, Module as _};
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::ProcessStatus::{
    K32EnumProcessModulesEx, K32GetModuleFileNameExW, K32GetModuleInformation, LIST_MODULES_ALL, MODULEINFO,
};

use super::module_file::{self, ModuleFile};
use super::process::Process;
use crate::handler::modules::{Identity, LoadedModule, LoadedModules, MOST_MODULES};

/// Characters of a path: Windows has no longer ones.
const LONGEST_PATH: usize = 32 << 10;

/// What a living process has loaded. Its own memory says so.
pub(in crate::handler) fn of_process(pid: u32) -> io::Result<LoadedModules> {
    let process = Process::open(pid)?;
    let mut handles: Vec<HMODULE> = vec![ptr::null_mut(); MOST_MODULES];
    let (room, mut size) = (size_of_val(&handles[..]) as u32, 0);
    // SAFETY: writes at most as many bytes as it is told that there are.
    let told = unsafe {
        K32EnumProcessModulesEx(process.handle(), handles.as_mut_ptr(), room, &raw mut size, LIST_MODULES_ALL)
    };
    if told == 0 {
        return Err(io::Error::last_os_error());
    }
    handles.truncate(size as usize / size_of::<HMODULE>());
    let mut name = vec![0; LONGEST_PATH];
    let mut module = |handle: HMODULE| {
        // SAFETY: integers and pointers, for which zero is a value.
        let mut place: MODULEINFO = unsafe { MaybeUninit::zeroed().assume_init() };
        let size = size_of_val(&place) as u32;
        // SAFETY: writes to a value of the size that it is told. The handle is an address that is looked up in the process.
        let told = unsafe { K32GetModuleInformation(process.handle(), handle, &raw mut place, size) };
        // SAFETY: as above, to the room that it is told.
        let length = unsafe { K32GetModuleFileNameExW(process.handle(), handle, name.as_mut_ptr(), name.len() as u32) };
        let path = name.get(..length as usize).filter(|path| told != 0 && !path.is_empty())?;
        let start = place.lpBaseOfDll as u64;
        Some(LoadedModule {
            path: plain(OsString::from_wide(path).into()),
            range: start..start.checked_add(place.SizeOfImage.into())?,
            identity: Identity::default(),
            version: String::new(),
        })
    };
    Ok(LoadedModules { all: handles.into_iter().filter_map(&mut module).collect() })
}

/// `\??\C:\…`, as the first programs of a session have it, is `C:\…`.
fn plain(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_prefix("\\??\\")) {
        Some(path) => path.into(),
        None => path,
    }
}

/// Dumps have the paths of the files.
pub(in crate::handler) fn paths(_: &Minidump<'_, &[u8]>) -> HashMap<u64, PathBuf> {
    HashMap::new()
}

/// By the PDB file that belongs to it; else by time and size, as [`module_file`] has them.
pub(in crate::handler) fn identity(module: &MinidumpModule) -> Identity {
    match &module.codeview_info {
        Some(CodeView::Pdb70(pdb)) => {
            let name = pdb.pdb_file_name.split(|byte| *byte == 0).next().unwrap_or_default();
            module_file::pdb_identity(&guid(pdb), pdb.age, &String::from_utf8_lossy(name))
        }
        _ => module_file::time_and_size(module.raw.time_date_stamp, module.raw.size_of_image),
    }
}

/// As the file has its bytes.
fn guid(pdb: &minidump::format::CV_INFO_PDB70) -> [u8; 16] {
    let id = &pdb.signature;
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&id.data1.to_le_bytes());
    bytes[4..6].copy_from_slice(&id.data2.to_le_bytes());
    bytes[6..8].copy_from_slice(&id.data3.to_le_bytes());
    bytes[8..].copy_from_slice(&id.data4);
    bytes
}

/// Looks into the file of a module of which the dump has no debug record.
///
/// Situation: the record is missing where the file has one. Example: Wine's dbghelp writes none. Handling: it is read from the file, if that is the one in memory.
pub(in crate::handler) fn identify(module: &mut LoadedModule) {
    if module.identity.build_id.len() != module_file::TIME_AND_SIZE || !module.path.is_absolute() {
        return;
    }
    // The unwinder tells of a file that cannot be read.
    if let Ok((file, identity)) = ModuleFile::identify(&module.path)
        && file.time_and_size().is_ok_and(|found| found == module.identity)
    {
        module.identity = identity;
    }
}

/// Of a module of a living process: the time in its header, as its file has it; 0 where that is not the same file.
pub(super) fn time(module: &LoadedModule) -> u32 {
    let found = ModuleFile::identify(&module.path).and_then(|(file, _)| file.time_and_size());
    let Ok(Identity { build_id, .. }) = found else { return 0 };
    let Some((time, size)) = build_id.split_first_chunk::<4>() else { return 0 };
    let loaded = module.range.end - module.range.start;
    if size.first_chunk().is_some_and(|size| u64::from(u32::from_le_bytes(*size)) == loaded) {
        u32::from_le_bytes(*time)
    } else {
        0
    }
}

pub(in crate::handler) fn version(module: &MinidumpModule) -> Option<String> {
    module.version().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_the_first_of_its_own_modules() {
        let modules = of_process(std::process::id()).unwrap().all;
        let here = this_program_is as *const () as u64;
        assert!(modules[0].path.ends_with(std::env::current_exe().unwrap().file_name().unwrap()), "{modules:?}");
        assert!(modules[0].range.contains(&here), "{modules:?}");
        assert!(modules.iter().any(|module| module.path.to_string_lossy().to_lowercase().ends_with("ntdll.dll")));
        assert!(of_process(u32::MAX).is_err());
    }

    fn this_program_is() {}

    #[test]
    fn a_native_path_becomes_an_ordinary_one() {
        assert_eq!(plain("\\??\\C:\\a.exe".into()), PathBuf::from("C:\\a.exe"));
        assert_eq!(plain("C:\\a.exe".into()), PathBuf::from("C:\\a.exe"));
    }
}
