//! What the service manager knows: services, and drivers, which it starts too.

use std::io;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, ENUM_SERVICE_TYPE, EnumServicesStatusExW, OpenSCManagerW,
    OpenServiceW, QUERY_SERVICE_CONFIGW, QueryServiceConfigW, SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_CONNECT,
    SC_MANAGER_ENUMERATE_SERVICE, SERVICE_AUTO_START, SERVICE_BOOT_START, SERVICE_DEMAND_START, SERVICE_DISABLED,
    SERVICE_QUERY_CONFIG, SERVICE_STATE_ALL, SERVICE_SYSTEM_START,
};
use windows_sys::Win32::System::SystemServices::SERVICE_USERSERVICE_INSTANCE;

use super::wide::{narrow_at, wide};

/// Of the services of one kind. A machine has some 300.
const LIMIT: usize = 4096;

/// As much as one call can answer.
const ANSWER_SIZE: usize = 256 << 10;

/// As long as a configuration can be.
const CONFIGURATION_SIZE: usize = 8 << 10;

#[derive(Debug)]
struct Handle(SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: opened by us, and closed once.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// As the manager lists it.
#[derive(Debug)]
pub(super) struct Service {
    name: String,
    state: u32,
    kind: u32,
}

impl Service {
    /// `Spooler`. Of a service that runs once for each person (`CDPUserSvc_3f2a1`) the common part.
    pub(super) fn name(&self) -> &str {
        let instance = self.kind & SERVICE_USERSERVICE_INSTANCE != 0;
        let common = self.name.rsplit_once('_').filter(|_| instance);
        common.map_or(&self.name, |(common, _)| common)
    }

    pub(super) fn state(&self) -> &'static str {
        // As in `SERVICE_STATUS`.
        match self.state {
            1 => "stopped",
            2 => "starting",
            3 => "stopping",
            4 => "running",
            5 => "continuing",
            6 => "pausing",
            7 => "paused",
            _ => "",
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state != 1
    }
}

/// How a service is started. It may not be told to this user.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    pub(super) start_type: &'static str,
    /// The program file as written, without its arguments, in which there can be anything.
    pub(super) program: String,
}

#[derive(Debug)]
pub(super) struct Manager(Handle);

impl Manager {
    /// Situation: Wine answers "invalid handle" to whoever connects while another thread of the same program does, and three subjects do at once.
    /// Handling: one after the other.
    pub(super) fn open() -> io::Result<Self> {
        static CONNECTING: Mutex<()> = Mutex::new(());
        let _alone = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: this machine, its usual database.
        let manager =
            unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE) };
        if manager.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(Handle(manager))) }
    }

    /// All of these kinds, running or not, sorted by name.
    pub(super) fn services(&self, kinds: ENUM_SERVICE_TYPE) -> io::Result<Vec<Service>> {
        // Aligned for what lies in it.
        let mut answer = vec![0_u64; ANSWER_SIZE / 8];
        let mut found = Vec::new();
        let (mut missing, mut count, mut next) = (0, 0, 0);
        loop {
            // SAFETY: an open manager, a place of this size, and places for what is told of the answer.
            let done = unsafe {
                EnumServicesStatusExW(
                    self.0.0,
                    SC_ENUM_PROCESS_INFO,
                    kinds,
                    SERVICE_STATE_ALL,
                    answer.as_mut_ptr().cast(),
                    ANSWER_SIZE as u32,
                    &raw mut missing,
                    &raw mut count,
                    &raw mut next,
                    ptr::null(),
                )
            };
            let error = io::Error::last_os_error();
            let more = done == 0 && error.raw_os_error() == Some(ERROR_MORE_DATA.cast_signed());
            if done == 0 && !more {
                return Err(error);
            }
            let entries: *const ENUM_SERVICE_STATUS_PROCESSW = answer.as_ptr().cast();
            let fits = ANSWER_SIZE / size_of::<ENUM_SERVICE_STATUS_PROCESSW>();
            for index in 0..(count as usize).min(fits) {
                // SAFETY: so many of them lie in the answer.
                let entry = unsafe { entries.add(index).read() };
                // SAFETY: a text in the answer, with a zero at its end.
                let name = unsafe { narrow_at(entry.lpServiceName) };
                let status = entry.ServiceStatusProcess;
                found.push(Service { name, state: status.dwCurrentState, kind: status.dwServiceType });
            }
            // A call that answers nothing would answer nothing for ever.
            if !more || count == 0 || found.len() >= LIMIT {
                break;
            }
        }
        found.truncate(LIMIT);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    pub(super) fn configuration(&self, service: &Service) -> Configuration {
        let name = wide(&service.name);
        // SAFETY: an open manager, and a name with a zero at its end.
        let opened = unsafe { OpenServiceW(self.0.0, name.as_ptr(), SERVICE_QUERY_CONFIG) };
        if opened.is_null() {
            return Configuration::default();
        }
        let opened = Handle(opened);
        let mut answer = [0_u64; CONFIGURATION_SIZE / 8];
        let place: *mut QUERY_SERVICE_CONFIGW = answer.as_mut_ptr().cast();
        let mut missing = 0;
        // SAFETY: an open service, a place of this size, aligned for what lies in it.
        if unsafe { QueryServiceConfigW(opened.0, place, CONFIGURATION_SIZE as u32, &raw mut missing) } == 0 {
            return Configuration::default();
        }
        // SAFETY: the manager has put such a structure there.
        let told = unsafe { place.read() };
        // SAFETY: a text in the answer, with a zero at its end.
        let command = unsafe { narrow_at(told.lpBinaryPathName) };
        let start_type = match told.dwStartType {
            SERVICE_BOOT_START => "boot",
            SERVICE_SYSTEM_START => "system",
            SERVICE_AUTO_START => "automatic",
            SERVICE_DEMAND_START => "manual",
            SERVICE_DISABLED => "disabled",
            _ => "",
        };
        Configuration { start_type, program: program_of(&command).to_owned() }
    }
}

/// Of a command line the program. Without quotation marks it can have spaces; it ends where its file ending does.
pub(super) fn program_of(command: &str) -> &str {
    let command = command.trim_start();
    if let Some(quoted) = command.strip_prefix('"') {
        return quoted.split('"').next().unwrap_or_default();
    }
    let ends = [".exe", ".sys", ".com", ".bat", ".cmd"];
    let lower = command.to_ascii_lowercase();
    let is_end = |end: usize| lower[end..].chars().next().is_none_or(char::is_whitespace);
    let found = ends.iter().flat_map(|ending| lower.match_indices(ending).map(|(at, _)| at + ending.len()));
    let end = found.filter(|end| is_end(*end)).min();
    end.map_or_else(|| command.split_whitespace().next().unwrap_or_default(), |end| &command[..end])
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::System::Services::SERVICE_WIN32;

    use super::*;

    #[test]
    fn the_program_of_a_command_ends_before_its_arguments() {
        for (command, program) in [
            (r#""C:\Program Files\A b\a.exe" --password x"#, r"C:\Program Files\A b\a.exe"),
            (r"C:\Program Files\A b\a.EXE -k x.exe y", r"C:\Program Files\A b\a.EXE"),
            (r"C:\a.exe.d\b.exe x", r"C:\a.exe.d\b.exe"),
            (r"\SystemRoot\System32\drivers\a.sys", r"\SystemRoot\System32\drivers\a.sys"),
            ("svchost -k canary", "svchost"),
            ("\"unterminated x", "unterminated x"),
            ("İ.exe x", "İ.exe"),
            ("", ""),
        ] {
            assert_eq!(program_of(command), program, "{command}");
        }
    }

    #[test]
    fn the_instance_of_a_person_is_told_by_its_common_name() {
        let of = |name: &str, kind| Service { name: name.into(), state: 4, kind }.name().to_owned();
        assert_eq!(of("CDPUserSvc_3f2a1", 0xe0), "CDPUserSvc");
        assert_eq!(of("My_Service", 0x10), "My_Service");
    }

    #[test]
    fn the_services_of_this_machine_are_listed() {
        let manager = Manager::open().unwrap();
        let services = manager.services(SERVICE_WIN32).unwrap();
        assert!(services.windows(2).all(|pair| pair[0].name <= pair[1].name));
        let manages = services.iter().find(|service| manager.configuration(service).program.ends_with(".exe"));
        assert!(manages.is_some_and(|service| !service.state().is_empty()), "{services:?}");
    }
}
