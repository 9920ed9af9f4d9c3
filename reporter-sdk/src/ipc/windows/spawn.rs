//! Starts a program with just the handles that it is to have.

use std::{
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::windows::{
        ffi::OsStrExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle},
    },
    path::Path,
    ptr,
};

use windows_sys::Win32::{
    Foundation::{DuplicateHandle, ERROR_ACCESS_DENIED, HANDLE},
    System::{
        Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock},
        Threading::{
            CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_UNICODE_ENVIRONMENT,
            CreateProcessW, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT, GetCurrentProcess,
            InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
            PROCESS_DUP_HANDLE, PROCESS_INFORMATION, PROCESS_QUERY_INFORMATION, PROCESS_SUSPEND_RESUME,
            PROCESS_SYNCHRONIZE, PROCESS_VM_READ, STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess,
            UpdateProcThreadAttribute,
        },
    },
};

use crate::places::elevated;

/// A process that was started here.
#[derive(Debug)]
pub(crate) struct Process {
    id: u32,
    handle: OwnedHandle,
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Ends it, whatever it does.
    pub(crate) fn kill(self) {
        // It may have ended.
        // SAFETY: a process that we hold.
        unsafe { TerminateProcess(self.handle.as_raw_handle(), 1) };
    }
}

/// This process, with the rights that a handler needs of it and no others: to see its end, to read it, to hold its threads and to take over what it offers.
pub(crate) fn this_process() -> io::Result<OwnedHandle> {
    let rights =
        PROCESS_SYNCHRONIZE | PROCESS_QUERY_INFORMATION | PROCESS_VM_READ | PROCESS_SUSPEND_RESUME | PROCESS_DUP_HANDLE;
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: has no parameters.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: a new handle, inheritable, is written to a place that lives here.
    let done = unsafe { DuplicateHandle(this, this, this, &raw mut handle, rights, 1, 0) };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Starts `program` with these arguments, without a window, in this process's environment (the machine's if it has rights that its caller has not), on these two as its
/// standard input and output, with `others` and without any other handle.
pub(crate) fn spawn(
    program: &Path,
    arguments: &str,
    input: RawHandle,
    output: RawHandle,
    others: &[RawHandle],
) -> io::Result<Process> {
    let path = wide(program.as_os_str())?;
    // A path has no quotation marks.
    let mut line: Vec<u16> =
        [&[u16::from(b'"')], &path[..path.len() - 1], &[u16::from(b'"'), u16::from(b' ')]].concat();
    line.extend(arguments.encode_utf16().chain([0]));
    let inherited: Vec<RawHandle> = [input, output].iter().chain(others).copied().collect();
    let mut attributes = Attributes::new(&inherited)?;
    // SAFETY: integers and pointers, for which zero is a value.
    let mut startup: STARTUPINFOEXW = unsafe { MaybeUninit::zeroed().assume_init() };
    startup.StartupInfo.cb = size_of::<STARTUPINFOEXW>() as u32;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    (startup.StartupInfo.hStdInput, startup.StartupInfo.hStdOutput) = (input, output);
    startup.lpAttributeList = attributes.list();
    let environment = if elevated() { Some(MachineEnvironment::new()?) } else { None };
    let block = environment.as_ref().map_or(ptr::null_mut(), |environment| environment.0);
    // A group of its own: Ctrl-C in the product's console must not end the report of what it does.
    let flags = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;
    let mut start = |flags: u32| {
        // SAFETY: integers and pointers, for which zero is a value.
        let mut process: PROCESS_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: path and line end in a zero, and the line may be written to; all else lives until the call returns.
        let started = unsafe {
            CreateProcessW(
                path.as_ptr(),
                line.as_mut_ptr(),
                ptr::null(),
                ptr::null(),
                1,
                flags,
                block,
                ptr::null(),
                &raw const startup.StartupInfo,
                &raw mut process,
            )
        };
        if started == 0 { Err(io::Error::last_os_error()) } else { Ok(process) }
    };
    // Situation: a service manager or a build tool puts the product into a job whose processes end with it, and the handler with them, before it can tell of
    // that end. Handling: it leaves the job, where the job lets it.
    let process = start(flags | CREATE_BREAKAWAY_FROM_JOB).or_else(|error| {
        if error.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed()) { start(flags) } else { Err(error) }
    })?;
    // SAFETY: just made, and nobody else's.
    let handle = unsafe { OwnedHandle::from_raw_handle(process.hProcess) };
    // SAFETY: as above; its first thread is not needed.
    drop(unsafe { OwnedHandle::from_raw_handle(process.hThread) });
    Ok(Process { id: process.dwProcessId, handle })
}

/// As the system takes texts: UTF-16 with a zero at the end.
pub(crate) fn wide(text: &OsStr) -> io::Result<Vec<u16>> {
    let mut wide: Vec<u16> = text.encode_wide().collect();
    if wide.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a zero within a path"));
    }
    wide.push(0);
    Ok(wide)
}

/// What a new process inherits.
struct Attributes<'a> {
    list: Vec<usize>,
    _inherited: &'a [RawHandle],
}

impl<'a> Attributes<'a> {
    fn new(inherited: &'a [RawHandle]) -> io::Result<Self> {
        let mut size = 0;
        // SAFETY: without a list it tells the size of one.
        unsafe { InitializeProcThreadAttributeList(ptr::null_mut(), 1, 0, &raw mut size) };
        let mut attributes = Self { list: vec![0; size.div_ceil(size_of::<usize>())], _inherited: inherited };
        // SAFETY: the list has the size that was just told.
        let made = unsafe { InitializeProcThreadAttributeList(attributes.list(), 1, 0, &raw mut size) };
        if made == 0 {
            return Err(io::Error::last_os_error());
        }
        let kind = PROC_THREAD_ATTRIBUTE_HANDLE_LIST as usize;
        let (first, bytes) = (inherited.as_ptr().cast(), size_of_val(inherited));
        // SAFETY: the list keeps a pointer to the handles, which live as long as `attributes`.
        let set = unsafe {
            UpdateProcThreadAttribute(attributes.list(), 0, kind, first, bytes, ptr::null_mut(), ptr::null())
        };
        if set == 0 { Err(io::Error::last_os_error()) } else { Ok(attributes) }
    }

    fn list(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.list.as_mut_ptr().cast()
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        // SAFETY: it was initialised in `new`; one for which that failed is empty.
        unsafe { DeleteProcThreadAttributeList(self.list()) };
    }
}

/// The variables of the machine alone: those of whoever started this process choose certificates, proxies and programs.
struct MachineEnvironment(*mut core::ffi::c_void);

impl MachineEnvironment {
    fn new() -> io::Result<Self> {
        let mut block = ptr::null_mut();
        // SAFETY: without a user it is the machine's; the block's place lives here.
        let made = unsafe { CreateEnvironmentBlock(&raw mut block, ptr::null_mut(), 0) };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(block)) }
    }
}

impl Drop for MachineEnvironment {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us.
        unsafe { DestroyEnvironmentBlock(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::socket::Socket;

    #[test]
    fn why_a_program_does_not_run_is_told() {
        let (_ours, theirs) = Socket::pair().unwrap();
        let error = spawn(Path::new("C:\\no\\such.exe"), "--serve", theirs.raw(), theirs.raw(), &[]).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::NotFound), "{error}");
        assert!(spawn(Path::new("C:\\no\0.exe"), "", theirs.raw(), theirs.raw(), &[]).is_err());
    }

    #[test]
    fn this_process_has_a_handle_of_its_own() {
        use windows_sys::Win32::System::Threading::GetProcessId;
        let this = this_process().unwrap();
        // SAFETY: a handle of a process, just made.
        assert_eq!(unsafe { GetProcessId(this.as_raw_handle()) }, std::process::id());
    }
}
