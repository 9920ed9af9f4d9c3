use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::*;

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self, path: &str) -> std::path::PathBuf {
        let place = self.0.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    fn file(&self, path: &str, content: &str) {
        fs::write(self.place(path), content).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.place(path)).unwrap();
    }

    fn folder(&self, path: &str) {
        fs::create_dir_all(self.place(path)).unwrap();
    }

    fn script(&self, path: &str) {
        self.file(path, "#!/bin/sh\n");
        fs::set_permissions(self.place(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn machine(&self) -> Machine {
        Machine::prepared(self.0.path(), &[], || None)
    }

    /// Name, start type and state.
    fn services(&self) -> Vec<(String, String, String)> {
        let services = collect(&self.machine(), &mut Notes::default());
        services.into_iter().map(|s| (s.name, s.start_type, s.state)).collect()
    }
}

fn told(services: &[(String, String, String)]) -> Vec<(&str, &str, &str)> {
    services.iter().map(|(name, start_type, state)| (&**name, &**start_type, &**state)).collect()
}

const ENABLED: &str = "[Service]\nExecStart=/usr/sbin/a\n[Install]\nWantedBy=multi-user.target\n";
const STATIC: &str = "[Service]\nExecStart=/usr/sbin/a\n";

#[test]
fn each_way_to_start_is_told_apart() {
    let root = Root::new();
    for name in ["on", "off", "overridden", "hidden", "emptied", "real", "needed", "vendor"] {
        root.file(&format!("usr/lib/systemd/system/{name}.service"), ENABLED);
    }
    root.file("usr/lib/systemd/system/plain.service", STATIC);
    root.file("usr/lib/systemd/system/no.socket", STATIC);
    root.link("etc/systemd/system/multi-user.target.wants/on.service", "/usr/lib/systemd/system/on.service");
    root.link("etc/systemd/system/x.target.requires/needed.service", "/usr/lib/systemd/system/needed.service");
    root.link("usr/lib/systemd/system/multi-user.target.wants/vendor.service", "../vendor.service");
    root.file("etc/systemd/system/overridden.service", STATIC);
    root.link("etc/systemd/system/hidden.service", "/dev/null");
    root.file("run/systemd/system/emptied.service", "");
    root.link("etc/systemd/system/other-name.service", "/usr/lib/systemd/system/real.service");
    root.link("etc/systemd/system/broken.service", "/nowhere/broken.service");
    root.file("run/systemd/generator.late/sysv.service", STATIC);
    root.folder("sys/fs/cgroup/system.slice/real.service");
    root.folder("sys/fs/cgroup/system.slice/hidden.service");
    let expected = [
        ("broken.service", "bad", "stopped"),
        ("emptied.service", "masked", "stopped"),
        ("hidden.service", "masked", "running"),
        ("needed.service", "enabled", "stopped"),
        ("off.service", "disabled", "stopped"),
        ("on.service", "enabled", "stopped"),
        ("other-name.service", "alias", "running"),
        ("overridden.service", "static", "stopped"),
        ("plain.service", "static", "stopped"),
        ("real.service", "enabled", "running"),
        ("sysv.service", "generated", "stopped"),
        ("vendor.service", "disabled", "stopped"),
    ];
    assert_eq!(told(&root.services()), expected);
}

#[test]
fn of_instances_the_template_is_told() {
    let root = Root::new();
    root.file("usr/lib/systemd/system/getty@.service", ENABLED);
    root.file("usr/lib/systemd/system/sync@.service", ENABLED);
    root.link("etc/systemd/system/getty.target.wants/getty@tty1.service", "/lib/systemd/system/getty@.service");
    root.link("etc/systemd/system/sync@canary-a.service", "/dev/null");
    root.file("etc/systemd/system/own@canary-b.service", STATIC);
    root.folder("sys/fs/cgroup/systemd/system.slice/system-getty.slice/getty@tty1.service");
    root.folder("sys/fs/cgroup/systemd/system.slice/sync@canary-c.service");
    let expected = [
        ("getty@.service", "enabled", "running"),
        ("own@.service", "static", "stopped"),
        ("sync@.service", "disabled", "running"),
    ];
    assert_eq!(told(&root.services()), expected);
}

#[test]
fn scripts_without_a_unit_are_services() {
    let root = Root::new();
    for name in ["cups", "exim4", "off", "hwclock.sh", "functions", "x.dpkg-old"] {
        root.script(&format!("etc/init.d/{name}"));
    }
    root.file("etc/init.d/README", "text");
    root.folder("etc/init.d/folder");
    root.file("lib/systemd/system/cups.service", ENABLED);
    root.link("lib/systemd/system/hwclock.service", "/dev/null");
    root.link("etc/rc3.d/S01exim4", "../init.d/exim4");
    root.link("etc/rc3.d/K01off", "../init.d/off");
    let expected = [
        ("cups.service", "disabled", "stopped"),
        ("exim4", "enabled", ""),
        ("hwclock.service", "masked", "stopped"),
        ("off", "disabled", ""),
    ];
    assert_eq!(told(&root.services()), expected);
}

#[test]
fn a_state_that_cannot_be_seen_is_not_guessed() {
    let root = Root::new();
    root.file("usr/lib/systemd/system/a.service", STATIC);
    assert_eq!(told(&root.services()), [("a.service", "static", "stopped")]);
    root.folder("run/systemd/system");
    assert_eq!(told(&root.services()), [("a.service", "static", "")]);
    root.folder("sys/fs/cgroup/system.slice/b.service");
    assert_eq!(told(&root.services()), [("a.service", "static", "stopped")]);
}

#[test]
fn links_in_a_circle_and_units_without_end_are_told_as_bad() {
    let root = Root::new();
    root.link("etc/systemd/system/a.service", "a.service");
    root.link("etc/systemd/system/b.service", "c.service");
    root.link("etc/systemd/system/c.service", "b.service");
    fs::File::create(root.place("etc/systemd/system/d.service")).unwrap().set_len(1 << 40).unwrap();
    root.folder("etc/systemd/system/e.service");
    root.link("etc/systemd/system/loop.wants", "loop.wants");
    let expected = [
        ("a.service", "bad", "stopped"),
        ("b.service", "alias", "stopped"),
        ("c.service", "alias", "stopped"),
        ("d.service", "bad", "stopped"),
        ("e.service", "bad", "stopped"),
    ];
    assert_eq!(told(&root.services()), expected);
}

/// systemd need not run for it: `--root` reads files alone, as we do.
#[test]
fn this_machine_has_the_services_that_systemctl_lists() {
    let listing = ["--root=/", "list-unit-files", "--type=service", "--no-legend", "--no-pager"];
    let Ok(output) = Command::new("systemctl").args(listing).output() else {
        println!("SKIPPED: there is no systemctl on this machine");
        return;
    };
    let output = String::from_utf8(output.stdout).unwrap();
    let lines = output.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let lines = lines.filter(|fields| units::template(fields[0]) == fields[0]);
    // What holds until the next start only is told as what it is until then.
    let listed = lines.map(|fields| (fields[0].to_owned(), fields[1].trim_end_matches("-runtime").to_owned()));
    let mut listed: BTreeMap<_, _> = listed.collect();
    let services = collect(&Machine::prepared(Path::new("/"), &[], || None), &mut Notes::default());
    let units = services.into_iter().filter(|service| service.name.ends_with(".service"));
    let mut found: BTreeMap<_, _> = units.map(|service| (service.name, service.start_type)).collect();
    // Told differently on purpose: what generators and programs made for this start, files that lie elsewhere, instances without a template.
    let odd: Vec<_> =
        listed.extract_if(.., |_, kind| ["generated", "transient", "linked"].contains(&kind.as_str())).collect();
    odd.iter().for_each(|(name, _)| drop(found.remove(name)));
    found.retain(|name, kind| kind != "generated" && (!name.ends_with("@.service") || listed.contains_key(name)));
    assert!(found.len() > 10, "{found:?}");
    assert_eq!(found, listed);
}
