//! The machine's files, programs and people.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::relay::Relay;
use super::screen::Screen;
use super::{canary, devices, disk, network, printing, product, run, screen};
use crate::end_to_end::mail_server::MailServer;

/// Of [`canary::USER`] and their group.
pub(crate) const UID: u32 = 4242;

/// The machine. Ends with its namespaces.
pub(crate) struct Machine {
    pub(crate) mail_server: MailServer,
    pub(crate) relay: Relay,
    pub(crate) screen: Screen,
    _bystander: Child,
    _print_server: Child,
}

impl Machine {
    pub(crate) fn planted() -> Self {
        network::planted();
        // Before other folders cover the one that the tests are in.
        let mail_server = MailServer::with(&[("MAIL_WITHOUT_LOGIN", "yes"), ("MAIL_SIZE_LIMIT", "200M")]);
        let relay = Relay::before(mail_server.fact("port").parse().unwrap());
        folder("/opt", |opt| product::installed(&opt.join("product")));
        let shell = fs::read("/bin/sh").unwrap();
        let library = fs::read(a_loaded_library()).unwrap();

        etc();
        folder("/var/lib/dpkg", |dpkg| write(&dpkg.join("status"), dpkg_status()));
        fs::create_dir_all(Path::new("/opt/dotnet/shared/Microsoft.NETCore.App").join(canary::DOTNET)).unwrap();
        folder("/home", |home| {
            let own = home.join(canary::USER);
            for below in ["bin", "lib", "notes", canary::WORKING_DIRECTORY, canary::OTHERS_WORKING_DIRECTORY] {
                fs::create_dir_all(own.join(below)).unwrap();
            }
            write(&own.join("bin").join(canary::PROGRAM), shell);
            mode(&own.join("bin").join(canary::PROGRAM), 0o755);
            write(&own.join("lib").join(canary::LIBRARY), &library);
            write(&own.join("lib").join("kept"), library);
            write(&own.join("notes").join(canary::OPEN_FILE), "open");
            write(&own.join("notes/attached.log"), canary::ATTACHMENT_CONTENT);
            run("chown", &["-R", &format!("{UID}:{UID}"), own.to_str().unwrap()]);
        });
        folder("/srv", |_| ());
        volume("canary-device", canary::VOLUME);
        volume("other-device", &format!("/home/{}/{}", canary::USER, canary::USERS_VOLUME));
        devices::planted();
        folder("/run", |run| {
            fs::create_dir_all(run.join("cups")).unwrap();
            // As where systemd runs.
            fs::create_dir_all(run.join("systemd/system")).unwrap();
        });
        let print_server = printing::planted();
        temporary_files();
        Self { mail_server, relay, screen: screen::planted(), _bystander: bystander(), _print_server: print_server }
    }
}

/// Lays another folder over this one: what `fill` makes of an empty one.
pub(crate) fn folder(path: &str, fill: impl FnOnce(&Path)) {
    let other = disk().join(path.trim_start_matches('/').replace('/', "-"));
    fs::create_dir_all(&other).unwrap();
    mode(&other, 0o755);
    fill(&other);
    // With what is mounted in it.
    run("mount", &["--rbind", other.to_str().unwrap(), path]);
}

/// Lays another file over this one.
pub(crate) fn file(path: &str, content: &str) {
    let other = disk().join(path.trim_start_matches('/').replace('/', "-"));
    write(&other, content);
    run("mount", &["--bind", other.to_str().unwrap(), path]);
}

/// Writes a file, in place of a link to elsewhere too, and makes its folder.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    fs::write(path, content).unwrap();
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Sockets of displays lie among them, which are not to be among other machines'. The disk may, too: it stays.
fn temporary_files() {
    folder("/tmp", |tmp| {
        mode(tmp, 0o1777);
        fs::create_dir(tmp.join(".X11-unix")).unwrap();
        mode(&tmp.join(".X11-unix"), 0o1777);
        if let Ok(below) = disk().strip_prefix("/tmp") {
            let same = tmp.join(below);
            fs::create_dir_all(&same).unwrap();
            run("mount", &["--bind", disk().to_str().unwrap(), same.to_str().unwrap()]);
        }
    });
}

/// This machine's own, changed.
fn etc() {
    use canary::{DNS_SERVER, DNS_SUFFIX, DOMAIN, FULL_NAME, HOST, KEYBOARD, LAN_DNS_SERVER, LOCALE, OS, USER};
    folder("/etc", |etc| {
        run("cp", &["-a", "/etc/.", etc.to_str().unwrap()]);
        let append = |name: &str, line: String| {
            let path = etc.join(name);
            let before = fs::read_to_string(&path).unwrap();
            write(&path, before.trim_end().to_owned() + "\n" + &line + "\n");
        };
        append("passwd", format!("{USER}:x:{UID}:{UID}:{FULL_NAME},,,:/home/{USER}:/bin/sh"));
        append("group", format!("{USER}:x:{UID}:"));
        for (name, content) in [
            ("os-release", format!("NAME=\"{OS}\"\nID=canary\nVERSION_ID=\"1\"\n")),
            ("hostname", format!("{HOST}.{DOMAIN}\n")),
            ("hosts", "127.0.0.1 localhost\n".into()),
            ("machine-id", format!("{}\n", canary::MACHINE_ID)),
            ("default/keyboard", format!("XKBLAYOUT=\"{KEYBOARD},us\"\n")),
            ("default/locale", format!("LANG={LOCALE}\n")),
            ("locale.conf", format!("LANG={LOCALE}\n")),
            ("timezone", format!("{}\n", canary::TIME_ZONE)),
            ("environment", String::new()),
            (
                "resolv.conf",
                format!(
                    "search {DNS_SUFFIX}\nnameserver {LAN_DNS_SERVER}\nnameserver {DNS_SERVER}\noptions timeout:1\n"
                ),
            ),
            (
                &format!("systemd/system/{}", canary::UNIT),
                format!(
                    "[Service]\nEnvironment=SECRET={}\nExecStart=/usr/bin/true {}\n[Install]\nWantedBy=multi-user.target\n",
                    canary::UNIT_VALUE,
                    canary::UNIT_ARGUMENT
                ),
            ),
        ] {
            write(&etc.join(name), content);
        }
        // The time zone is told by where this points, where it is there.
        let _ = fs::remove_file(etc.join("localtime"));
    });
}

/// Of the package manager: a package that the user made, which is signed with their name.
fn dpkg_status() -> String {
    format!(
        "Package: {}\nStatus: install ok installed\nMaintainer: {} <birds@house.example>\n\
         Architecture: all\nVersion: 7.4-2\nDescription: sings\n\n",
        canary::PACKAGE,
        canary::FULL_NAME
    )
}

/// Read-only, with the kind of file system that needs neither a device nor a kernel module.
fn volume(device: &str, mount_point: &str) {
    let layer = |name: &str| {
        let path = disk().join(format!("{device}-{name}"));
        fs::create_dir_all(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    fs::create_dir_all(mount_point).unwrap();
    let layers = format!("lowerdir={}:{}", layer("upper"), layer("lower"));
    run("mount", &["-t", "overlay", device, mount_point, "-o", &layers]);
}

/// A program of the user's that is not the product. It runs until the machine ends.
fn bystander() -> Child {
    let home = PathBuf::from("/home").join(canary::USER);
    let mut program = Command::new(home.join("bin").join(canary::PROGRAM));
    program.args(["-c", "read line", canary::OTHERS_ARGUMENT]).env_clear().env("SECRET", canary::OTHERS_VALUE);
    program.current_dir(home.join(canary::OTHERS_WORKING_DIRECTORY)).uid(UID).gid(UID);
    program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// One that every program here has: the product loads a copy of it.
fn a_loaded_library() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("/libgcc_s"));
    path.expect("a library of the compiler").to_owned()
}
