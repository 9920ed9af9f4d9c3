use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::*;

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self, path: &str) -> PathBuf {
        let place = self.0.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    /// Written on the 20th of November 2026.
    fn file(&self, path: &str, content: &str) {
        fs::write(self.place(path), content).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_132_800 + 3600);
        fs::File::options().append(true).open(self.place(path)).unwrap().set_modified(time).unwrap();
    }

    fn program(&self, path: &str, script: &str) {
        self.file(path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.place(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn machine(&self) -> Machine {
        Machine::prepared(self.0.path(), &[("HOME", "/home/canary-person")], || None)
    }

    fn programs(&self) -> (Vec<InstalledProgram>, Notes) {
        let mut notes = Notes::default();
        (collect(&self.machine(), &mut notes), notes)
    }

    fn versions(&self, paths: &[&str]) -> Vec<(String, String)> {
        let mut found: Vec<_> =
            versions(&self.machine(), &mut Notes::default(), paths.iter().copied()).into_iter().collect();
        found.sort();
        found
    }
}

/// Name, version, publisher, date.
fn lines(programs: &[InstalledProgram]) -> Vec<(&str, &str, &str, &str)> {
    programs.iter().map(|p| (&*p.name, &*p.version, &*p.publisher, &*p.date)).collect()
}

fn pair(path: &str, version: &str) -> (String, String) {
    (path.to_owned(), version.to_owned())
}

const STATUS: &str = "\
Package: dpkg
Status: install ok installed
Architecture: amd64
Maintainer: Dpkg Developers <canary@lists.example.org>
Version: 1.21.22
Description: it
 Version: 9
 .
 Status: deinstall ok config-files

Package: libc6
Status: hold ok installed
Architecture: amd64
Multi-Arch: same
Version: 2:2.36-9
Maintainer: GNU Libc Maintainers

Package: libc6
Status: install ok installed
Architecture: i386
Multi-Arch: same
Version: 2:2.36-9

Package: wine32
Status: install ok installed
Architecture: i386
Version: 8.0
Maintainer: canary@host.example

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: half
Status: install ok half-configured
Architecture: amd64
Version: 1

Package: ../../../home/canary
Status: install ok installed
Architecture: all
Version: 1

Package: own
Status: install ok installed
Architecture: all
Version: 1
Maintainer: Canary Person <canary@host.example>";

#[test]
fn debian_packages_are_told_as_dpkg_names_them() {
    let root = Root::new();
    root.file("var/lib/dpkg/status", STATUS);
    root.file("var/lib/dpkg/info/dpkg.list", "/usr/bin/dpkg\n");
    root.file("var/lib/dpkg/info/libc6:i386.list", "/lib/ld-linux.so.2\n");
    root.file("etc/passwd", "canary:x:1000:1000:Canary Person,,,:/home/canary:/bin/sh\n");
    let (found, notes) = root.programs();
    let expected = [
        ("dpkg", "1.21.22", "Dpkg Developers", "2026-11-20"),
        ("libc6:amd64", "2:2.36-9", "GNU Libc Maintainers", ""),
        ("libc6:i386", "2:2.36-9", "", "2026-11-20"),
        ("own", "1", "", ""),
        ("wine32:i386", "8.0", "", ""),
    ];
    assert_eq!(lines(&found), expected);
    assert!(found.iter().all(|program| program.manager == "dpkg"));
    let (sources, troubles) = notes.into_parts();
    assert_eq!((sources.len(), &*sources[0].name, troubles.len()), (1, "/var/lib/dpkg/status", 0));
}

#[test]
fn a_maintainer_is_told_by_name_and_never_with_an_address() {
    let persons: HashSet<String> = ["anna", "anna berg"].map(str::to_owned).into();
    for (maintainer, told) in [
        ("Debian GNOME Maintainers <pkg-gnome@lists.example.org>", "Debian GNOME Maintainers"),
        ("\"Example, Inc.\" <a@example.org>", "Example, Inc."),
        ("Vendor", "Vendor"),
        ("<a@example.org>", ""),
        ("root@pc-17", ""),
        ("a@example.org (Ann)", ""),
        ("Anna Berg <anna@pc-17>", ""),
        ("anna", ""),
        ("\" Anna\u{1} Berg \u{1}\" <anna@pc-17>", ""),
        ("Joanna Bergen <j@example.org>", "Joanna Bergen"),
        ("", ""),
    ] {
        assert_eq!(publisher(maintainer, &persons), told, "{maintainer}");
    }
}

#[test]
fn arch_packages_are_told() {
    let root = Root::new();
    let desc = "%NAME%\nbash\n\n%VERSION%\n5.2.037-1\n\n%DESC%\n%NAME%\n\n%INSTALLDATE%\n1795132801\n\n%PACKAGER%\nA Packager <canary@example.org>\n";
    root.file("var/lib/pacman/local/bash-5.2.037-1/desc", desc);
    root.file("var/lib/pacman/local/bash-5.2.037-1/files", "%FILES%\nusr/\nusr/bin/\nusr/bin/bash\n");
    root.file("var/lib/pacman/local/own-1-1/desc", "%NAME%\nown\n%VERSION%\n1-1\n%PACKAGER%\nUnknown Packager\n");
    root.file("var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
    fs::create_dir_all(root.place("var/lib/pacman/local/broken-1-1")).unwrap();
    let (found, notes) = root.programs();
    assert_eq!(lines(&found), [("bash", "5.2.037-1", "A Packager", "2026-11-20"), ("own", "1-1", "", "")]);
    assert_eq!(notes.into_parts().1, ["/var/lib/pacman/local: 1 packages could not be read"]);
    assert_eq!(root.versions(&["/usr/bin/bash", "/usr/bin/zsh"]), [pair("/usr/bin/bash", "5.2.037-1")]);
}

#[test]
fn applications_of_flatpak_are_told_the_user_s_too() {
    let root = Root::new();
    let application = |folder: &str, name: &str, about: &str| {
        let commit = format!("{folder}/{name}/x86_64/stable/0123");
        root.file(
            &format!("{commit}/metadata"),
            &format!("[Application]\nname={name}\nruntime=org.x.Platform/x86_64/1\n"),
        );
        root.file(&format!("{commit}/deploy"), "");
        root.file(
            &format!("{commit}/files/share/{about}"),
            "<developer_name>Dev</developer_name><release version=\"1.2\"/>",
        );
        symlink("x86_64/stable", root.place(&format!("{folder}/{name}/current"))).unwrap();
        symlink("0123", root.place(&format!("{folder}/{name}/x86_64/stable/active"))).unwrap();
    };
    application("var/lib/flatpak/app", "org.a.A", "metainfo/org.a.A.metainfo.xml");
    application("home/canary-person/.local/share/flatpak/app", "org.b.B", "appdata/org.b.B.appdata.xml");
    fs::create_dir_all(root.place("var/lib/flatpak/app/org.gone.C")).unwrap();
    let (found, notes) = root.programs();
    assert_eq!(lines(&found), [("org.a.A", "1.2", "Dev", "2026-11-20"), ("org.b.B", "1.2", "Dev", "2026-11-20")]);
    let (sources, troubles) = notes.into_parts();
    let places: Vec<_> = sources.iter().map(|source| &*source.name).collect();
    assert_eq!((places, troubles.len()), (vec!["/var/lib/flatpak/app", "the user's flatpak/app"], 0));
}

#[test]
fn snaps_are_told() {
    let root = Root::new();
    let snap = "name: core22\nsummary: it\nversion: '20240111'\napps:\n  name: x\n  version: y\n";
    root.file("snap/core22/1122/meta/snap.yaml", snap);
    symlink("1122", root.place("snap/core22/current")).unwrap();
    root.file("snap/plain/current/meta/snap.yaml", "version: 1.0 # new\n");
    root.file("snap/README", "text");
    let (found, _) = root.programs();
    let found: Vec<_> = found.iter().map(|p| (&*p.name, &*p.version, p.date.len(), &*p.manager)).collect();
    assert_eq!(found, [("core22", "20240111", 10, "snap"), ("plain", "1.0", 10, "snap")]);
}

#[test]
fn what_rpm_says_is_told_where_it_has_a_database() {
    let root = Root::new();
    root.program("usr/bin/rpm", r"printf 'bash\t5.2-1\t1795132801\tExample\ngpg-pubkey\ta-b\t1\t(none)\nbroken\nglibc\t2:2.38-1\tnever\t(none)\n'");
    assert_eq!(root.programs().0, []);
    root.file("var/lib/rpm/rpmdb.sqlite", "");
    let (found, notes) = root.programs();
    assert_eq!(lines(&found), [("bash", "5.2-1", "Example", "2026-11-20"), ("glibc", "2:2.38-1", "", "")]);
    assert_eq!(notes.into_parts().1, [""; 0]);
    root.program("usr/bin/rpm", "echo error >&2; exit 1");
    assert_eq!(root.programs().1.into_parts().1, ["rpm -qa: said nothing"]);
    root.program("usr/bin/rpm", r"printf 'bash\t5.2-1\t1\tExample\n'; yes");
    let (found, notes) = root.programs();
    assert_eq!(found.len(), 1);
    assert_eq!(notes.into_parts().1, ["rpm -qa: was ended, because it said too much"]);
    fs::remove_file(root.place("usr/bin/rpm")).unwrap();
    assert_eq!(root.programs().1.into_parts().1, ["rpm -qa: No such file or directory (os error 2)"]);
}

/// With the real rpm: a package is built and entered into a database of its own; nothing is installed.
#[test]
fn a_real_database_of_rpm_is_read() {
    let root = Root::new();
    let spec = "Name: canary-tool\nEpoch: 1\nVersion: 1.2\nRelease: 3\nSummary: x\nLicense: MIT\nVendor: Example Vendor\n\
        Packager: Anna Berg <canary@example.org>\nBuildArch: noarch\n%description\nx\n%install\nmkdir -p %{buildroot}/usr/bin\n\
        touch %{buildroot}/usr/bin/env\n%files\n/usr/bin/env\n";
    root.file("canary.spec", spec);
    fs::create_dir_all(root.place("usr/bin")).unwrap();
    symlink("/usr/bin/rpm", root.place("usr/bin/rpm")).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).env("HOME", root.0.path()).output();
        let output = output.expect("rpm and rpmbuild are there; scripts/setup test installs them");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let at = |path: &str| root.place(path).to_string_lossy().into_owned();
    run("rpmbuild", &["-bb", "--quiet", "--define", &format!("_topdir {}", at("top")), &at("canary.spec")]);
    fs::create_dir_all(root.place("var/lib/rpm")).unwrap();
    let package = at("top/RPMS/noarch/canary-tool-1.2-3.noarch.rpm");
    run("rpm", &["--dbpath", &at("var/lib/rpm"), "-i", "--justdb", "--nodeps", &package]);
    let (found, notes) = root.programs();
    let [(name, version, publisher, date)] = lines(&found)[..] else { panic!("{found:?}") };
    assert_eq!((name, version, publisher), ("canary-tool", "1:1.2-3", "Example Vendor"));
    assert!(date.len() == 10 && date.starts_with("20"), "{date}");
    assert_eq!(notes.into_parts().1, [""; 0]);
    assert_eq!(root.versions(&["/usr/bin/env", "/usr/bin/true"]), [pair("/usr/bin/env", "1:1.2-3")]);
}

#[test]
fn a_program_has_the_version_of_the_package_that_owns_its_file() {
    let root = Root::new();
    root.file("var/lib/dpkg/status", STATUS);
    root.file("var/lib/dpkg/info/dpkg.list", "/.\n/usr\n/usr/bin/dpkg\n/bin/old\n");
    root.file("var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/ld.so\n/opt/a\n/usr/local/bin/no");
    let paths = [
        "/usr/bin/dpkg",
        "/usr/bin/old",
        "/lib/ld.so",
        "/opt/a",
        "/usr/local/bin/no",
        "/usr/bin/x",
        "",
        "/home/<user>/x",
    ];
    let expected = [
        pair("/lib/ld.so", "2:2.36-9"),
        pair("/opt/a", "2:2.36-9"),
        pair("/usr/bin/dpkg", "1.21.22"),
        pair("/usr/bin/old", "1.21.22"),
    ];
    assert_eq!(root.versions(&paths), expected);
}

#[test]
fn owners_that_are_not_found_in_time_are_given_up_and_told() {
    let root = Root::new();
    root.file("var/lib/dpkg/status", STATUS);
    root.file("var/lib/dpkg/info/dpkg.list", "/usr/bin/dpkg\n");
    let mut wanted = Wanted::new(["/usr/bin/dpkg"]);
    dpkg::versions(&root.machine(), &mut Notes::default(), &mut wanted, Instant::now());
    assert!(wanted.gave_up && wanted.versions.is_empty());
    root.file("var/lib/pacman/local/bash-1/desc", "%VERSION%\n1\n");
    let mut wanted = Wanted::new(["/usr/bin/bash"]);
    pacman::versions(&root.machine(), &mut Notes::default(), &mut wanted, Instant::now());
    assert!(wanted.gave_up && wanted.versions.is_empty());
}

#[test]
fn more_programs_than_a_report_holds_are_counted() {
    let root = Root::new();
    let package =
        |number: usize| format!("Package: p{number}\nStatus: a b installed\nArchitecture: all\nVersion: 1\n\n");
    root.file("var/lib/dpkg/status", &(0..LIMIT + 5).map(package).collect::<String>());
    let (found, notes) = root.programs();
    assert_eq!(found.len(), LIMIT);
    assert_eq!(notes.into_parts().1, ["programs: 5 more than 10000 are left out"]);
}

#[test]
fn a_status_file_without_end_costs_its_limit() {
    let root = Root::new();
    root.file("var/lib/dpkg/status", STATUS);
    fs::File::options().append(true).open(root.place("var/lib/dpkg/status")).unwrap().set_len(1 << 40).unwrap();
    let (found, notes) = root.programs();
    assert_eq!(found.len(), 5);
    assert_eq!(notes.into_parts().1, ["/var/lib/dpkg/status: more than 67108864 bytes"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_status_file_is_taken(lines in proptest::collection::vec(
        prop_oneof!["(Package|Status|Version|Maintainer|Architecture|Multi-Arch):.{0,20}", "Status: install ok installed", "", ".{0,20}"], 0..60)
    ) {
        let root = Root::new();
        root.file("var/lib/dpkg/status", &lines.join("\n"));
        let (found, _) = root.programs();
        prop_assert!(found.iter().all(|p| !p.name.contains('/') && !p.publisher.contains('@')), "{:?}", found);
        let _ = root.versions(&["/usr/bin/x"]);
    }
}

#[test]
fn this_machine_has_the_packages_that_dpkg_lists() {
    let format = "${binary:Package} ${Version} ${db:Status-Status}\n";
    let Ok(output) = Command::new("dpkg-query").args(["-W", "-f", format]).output() else {
        println!("SKIPPED: this machine has no dpkg");
        return;
    };
    let output = String::from_utf8(output.stdout).unwrap();
    let listed: BTreeSet<_> = output.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    let begun = Instant::now();
    let found = collect(&Machine::prepared(Path::new("/"), &[], || None), &mut Notes::default());
    println!("{} packages in {:?}", found.len(), begun.elapsed());
    let of_dpkg: Vec<_> = found.iter().filter(|program| program.manager == "dpkg").collect();
    let names: Vec<_> = of_dpkg.iter().map(|program| format!("{} {}", program.name, program.version)).collect();
    assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    assert!(of_dpkg.iter().all(|program| program.date.starts_with("20") && !program.publisher.contains('@')));
    assert!(of_dpkg.iter().filter(|program| !program.publisher.is_empty()).count() * 2 > of_dpkg.len());

    let begun = Instant::now();
    let versions = versions(
        &Machine::prepared(Path::new("/"), &[], || None),
        &mut Notes::default(),
        ["/usr/bin/dpkg", "/usr/bin/absent"],
    );
    println!("looked through all lists of files in {:?}", begun.elapsed());
    let dpkg = listed.iter().find_map(|line| line.strip_prefix("dpkg ")).unwrap();
    assert_eq!(versions.get("/usr/bin/dpkg").map(String::as_str), Some(dpkg));
    assert_eq!(versions.len(), 1);
}
