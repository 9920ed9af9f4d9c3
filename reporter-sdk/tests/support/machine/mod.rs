//! A machine of its own, with a value in each place that a report could tell: host and network, users and files of the system, other programs, devices.
//!
//! It is this test program once more, as root in new namespaces: what is mounted, named and connected in there is there alone, and everything that runs in there
//! ends with it.

#![allow(dead_code, reason = "each test uses its share")]

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

pub(crate) mod canary;
pub(crate) mod devices;
pub(crate) mod network;
pub(crate) mod never;
pub(crate) mod person;
pub(crate) mod planted;
pub(crate) mod printing;
pub(crate) mod product;
pub(crate) mod relay;
pub(crate) mod rows;
pub(crate) mod screen;
pub(crate) mod search;

/// In there: the folder that is the machine's disk.
const DISK: &str = "REPORTER_TEST_DISK_OF_THE_MACHINE";

/// Runs `body`, the body of the test of this name, on a machine of its own. Loudly does nothing for who is not root.
pub(crate) fn on_a_machine_of_its_own(test: &str, body: impl FnOnce()) {
    if let Ok(disk) = env::var(DISK) {
        run("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", &disk]);
        return body();
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: {test}: only root can make namespaces, mount over /etc and give a machine addresses");
        return;
    }
    let disk = tempfile::Builder::new().prefix("machine").tempdir().unwrap();
    // Killed with us, and with it everything in its process namespace. Temporary files are on its disk.
    let mut unshare = Command::new("setpriv");
    unshare.args(["--pdeathsig", "KILL", "unshare", "--mount", "--uts", "--net", "--ipc", "--pid"]);
    unshare.args(["--fork", "--kill-child", "--mount-proc"]).arg(env::current_exe().unwrap());
    unshare.args(["--exact", test, "--include-ignored", "--nocapture"]);
    unshare.env(DISK, disk.path()).env("TMPDIR", disk.path());
    let output = unshare.output().expect("setpriv and unshare, of util-linux");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "on its machine: {} (signal {:?})", output.status, output.status.signal());
}

/// A folder of the machine's disk.
pub(crate) fn disk() -> PathBuf {
    env::var_os(DISK).expect("inside of the machine").into()
}

/// Runs a program that has to succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup test installs it"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
