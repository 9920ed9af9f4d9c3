//! systemd's units, by its files: it need not run, and is not asked.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::{Machine, Notes, text};

/// Where unit files are, the first one of a name counts. What generators write is made anew at each start, from fstab or from SysV scripts.
const FOLDERS: [(&str, Origin); 8] = [
    ("/run/systemd/generator.early", Origin::Generator),
    (CONFIGURED[0], Origin::File),
    (CONFIGURED[1], Origin::File),
    ("/run/systemd/generator", Origin::Generator),
    ("/usr/local/lib/systemd/system", Origin::File),
    ("/usr/lib/systemd/system", Origin::File),
    ("/lib/systemd/system", Origin::File),
    ("/run/systemd/generator.late", Origin::Generator),
];

/// Where the administrator says which units start. Links that packages bring are not counted: what they pull in cannot be enabled or disabled.
const CONFIGURED: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];

/// The unified hierarchy, and the one before it.
const SLICES: [&str; 2] = ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    File,
    Generator,
}

/// A unit file.
#[derive(Debug, PartialEq)]
pub(super) struct Unit {
    /// As `systemctl list-unit-files` tells it.
    pub(super) start_type: &'static str,
    /// The unit that it is another name of.
    pub(super) stands_for: Option<String>,
}

/// An instance is often a person or a volume (`syncthing@anna.service`): the template is told.
pub(super) fn template(name: &str) -> String {
    let template = name.split_once('@').map(|(template, _)| format!("{template}@.service"));
    text(&template.unwrap_or_else(|| name.to_owned()))
}

fn is_service(name: &str) -> bool {
    name.ends_with(".service") && name != ".service"
}

/// The services that have a control group: systemd keeps one for each that runs. `None` where there are none to be seen.
pub(super) fn running(machine: &Machine, notes: &mut Notes) -> Option<BTreeSet<String>> {
    let slices = SLICES.into_iter().map(|slice| (slice, machine.list(slice)));
    let (slice, mut names) = slices.into_iter().find(|(_, names)| !names.is_empty())?;
    notes.source(slice);
    // The instances of a template have a slice of their own: system-getty.slice.
    let slices: Vec<_> = names.iter().filter(|name| name.ends_with(".slice")).cloned().collect();
    names.extend(slices.iter().flat_map(|inner| machine.list(&format!("{slice}/{inner}"))));
    Some(names.iter().filter(|name| is_service(name)).map(|name| template(name)).collect())
}

/// Whether systemd runs this machine, as `sd_booted` asks.
pub(super) fn systemd_runs(machine: &Machine) -> bool {
    machine.metadata("/run/systemd/system").is_some_and(|folder| folder.is_dir())
}

/// The program that a service starts. A masked one can still run, so what hides its file does not count.
pub(super) fn program(machine: &Machine, name: &str) -> String {
    let Some(file) = FOLDERS.iter().find_map(|(folder, _)| machine.read(&format!("{folder}/{name}")).ok()) else {
        return String::new();
    };
    started(&(file + &drop_ins(machine, name)))
}

/// The texts that change a unit, in the order of their names: `docker.service.d/override.conf`.
fn drop_ins(machine: &Machine, name: &str) -> String {
    let mut places = BTreeMap::new();
    for (folder, _) in FOLDERS {
        for file in machine.list(&format!("{folder}/{name}.d")) {
            places.entry(file).or_insert(folder);
        }
    }
    places.retain(|file, _| file.ends_with(".conf"));
    let texts = places.iter().filter_map(|(file, folder)| machine.read(&format!("{folder}/{name}.d/{file}")).ok());
    texts.flat_map(|text| ["\n".to_owned(), text]).collect()
}

/// `ExecStart=-/usr/sbin/cupsd -l`: the path alone. What follows can hold anything, passwords too.
pub(super) fn started(unit: &str) -> String {
    let mut command = None;
    for value in values(unit, "Service", &["ExecStart"]) {
        // The first counts; an empty one takes back those before it.
        command = if value.is_empty() { None } else { command.or(Some(value)) };
    }
    let command = command.unwrap_or_default().trim_start_matches(['-', '@', ':', '+', '!', '|']);
    let quoted = |mark| command.strip_prefix(mark).and_then(|rest: &str| rest.split_once(mark));
    let word = || command.split_whitespace().next().unwrap_or_default();
    let path = quoted('"').or_else(|| quoted('\'')).map_or_else(word, |(path, _)| path);
    if path.starts_with('/') { text(path) } else { String::new() }
}

/// The services that have a unit file, and the aliases of such; of templates the template.
pub(super) fn installed(machine: &Machine, notes: &mut Notes) -> BTreeMap<String, Unit> {
    let enabled = enabled(machine);
    let mut units = BTreeMap::new();
    let mut instances = BTreeMap::new();
    for (folder, origin) in FOLDERS {
        let names: Vec<_> = machine.list(folder).into_iter().filter(|name| is_service(name)).collect();
        if !names.is_empty() {
            notes.source(folder);
        }
        for name in names {
            let told = template(&name);
            let kind = if told == name { &mut units } else { &mut instances };
            kind.entry(told).or_insert_with(|| unit(machine, folder, &name, origin, &enabled));
        }
    }
    // Of an instance with a file of its own its template is told, which mostly has one too.
    for (name, unit) in instances {
        units.entry(name).or_insert(unit);
    }
    units
}

fn unit(machine: &Machine, folder: &str, name: &str, origin: Origin, enabled: &BTreeSet<String>) -> Unit {
    let path = format!("{folder}/{name}");
    let link = machine.link(&path);
    let target = link.as_deref().map(|link| link.rsplit('/').next().unwrap_or(link));
    let known_as = |start_type| Unit { start_type, stands_for: None };
    match (link.as_deref(), target) {
        (Some("/dev/null"), _) => return known_as("masked"),
        (_, Some(target)) if target != name => {
            return Unit { start_type: "alias", stands_for: Some(template(target)) };
        }
        _ => {}
    }
    match machine.read(&path) {
        Err(_) => known_as("bad"),
        Ok(file) if file.is_empty() => known_as("masked"),
        Ok(_) if origin == Origin::Generator => known_as("generated"),
        Ok(_) if enabled.contains(&template(name)) => known_as("enabled"),
        Ok(file) => known_as(can_be_enabled(&file)),
    }
}

/// What a unit file that no link starts says of how it could be.
pub(super) fn can_be_enabled(file: &str) -> &'static str {
    let has = |keys| values(file, "Install", keys).any(|value| !value.is_empty());
    if has(&["WantedBy", "RequiredBy", "UpheldBy", "Alias"]) {
        "disabled"
    } else if has(&["Also"]) {
        "indirect"
    } else {
        "static"
    }
}

/// The units that a link of the administrator's starts: `multi-user.target.wants/cups.service`, or an alias (`display-manager.service`).
fn enabled(machine: &Machine) -> BTreeSet<String> {
    let mut enabled = BTreeSet::new();
    for folder in CONFIGURED {
        for name in machine.list(folder) {
            let path = format!("{folder}/{name}");
            let pulls = [".wants", ".requires", ".upholds"].iter().any(|kind| name.ends_with(kind));
            let links = if pulls { machine.list(&path) } else { Vec::new() };
            let targets = links.iter().filter_map(|link| machine.link(&format!("{path}/{link}")));
            let targets: Vec<_> = targets.chain(machine.link(&path)).collect();
            let file = |path: &String| path.rsplit('/').next().map(str::to_owned);
            // A link to a file of the same name is no alias: the unit itself is somewhere else.
            let files = targets.iter().filter_map(file).filter(|file| *file != name);
            enabled
                .extend(links.iter().cloned().chain(files).filter(|file| is_service(file)).map(|file| template(&file)));
        }
    }
    enabled
}

/// The values of some keys in one section of a unit file.
fn values<'a>(file: &'a str, section: &'a str, keys: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let mut within = false;
    file.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            within = name == section;
        }
        let (key, value) = line.split_once('=')?;
        (within && keys.contains(&key.trim_end())).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_command_only_the_path_is_told() {
        for (line, path) in [
            ("/usr/sbin/cupsd -l --password=CANARY", "/usr/sbin/cupsd"),
            ("-/sbin/agetty -o '-p -- \\\\u' --noclear %I", "/sbin/agetty"),
            ("@/usr/bin/dbus-daemon @dbus-daemon --system", "/usr/bin/dbus-daemon"),
            ("+!!:/bin/a", "/bin/a"),
            ("\"/opt/My App/run\" CANARY", "/opt/My App/run"),
            ("'/opt/My App/run'", "/opt/My App/run"),
            ("/home/anna/bin/own x", "/home/<user>/bin/own"),
            ("sh -c CANARY", ""),
            ("\"CANARY", ""),
            ("\\", ""),
        ] {
            assert_eq!(
                started(&format!("[Unit]\nExecStart=/no\n[Service]\nExecStart=\n ExecStart = {line}\nExecStart=/no")),
                path
            );
        }
        assert_eq!(started(""), "");
    }

    #[test]
    fn a_drop_in_changes_what_is_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = |path: &str, content: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        let program = || program(&Machine::prepared(dir.path(), &[], || None), "a.service");
        assert_eq!(program(), "");
        file("usr/lib/systemd/system/a.service", "[Service]\nExecStart=/usr/bin/a\n[Install]");
        assert_eq!(program(), "/usr/bin/a");
        file("usr/lib/systemd/system/a.service.d/50.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/b");
        file("etc/systemd/system/a.service.d/40.conf", "[Service]\nExecStart=\nExecStart=/usr/bin/c");
        file("etc/systemd/system/a.service.d/60.text", "[Service]\nExecStart=\nExecStart=/usr/bin/d");
        assert_eq!(program(), "/usr/bin/b");
        file("etc/systemd/system/a.service.d/50.conf", "[Service]\nExecStart=/usr/bin/e");
        assert_eq!(program(), "/usr/bin/c");
    }

    #[test]
    fn ways_to_start() {
        assert_eq!(can_be_enabled("[Unit]\nAlias=x\n[Install]\n# no\nWantedBy=\n"), "static");
        assert_eq!(can_be_enabled("[Install]\nWantedBy=multi-user.target\nAlso=b.service"), "disabled");
        assert_eq!(can_be_enabled("[Install]\nAlso=b.socket"), "indirect");
        assert_eq!(can_be_enabled("[Install]\nAlias=b.service"), "disabled");
    }
}
