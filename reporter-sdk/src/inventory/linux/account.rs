//! The account that launched the product; the handler runs under the same one.

use report_format::schema::v1::Account;
use rustix::process::{getegid, geteuid, getgroups, getuid};

use super::machine::{Machine, Notes, text};

/// Below this are the accounts of the system (`UID_MIN` of login.defs, the same in all distributions of today).
pub(super) const FIRST_PERSON: u32 = 1000;

/// `nobody`, and above it the dynamic users of services.
pub(super) const LAST_PERSON: u32 = 60_000;

const NOBODY: u32 = 65_534;

/// Whose members may become root.
const ADMINISTRATORS: [&str; 3] = ["sudo", "wheel", "admin"];

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Account {
    let uid = getuid().as_raw();
    let mut groups: Vec<u32> = match getgroups() {
        Ok(groups) => groups.iter().map(|gid| gid.as_raw()).collect(),
        Err(error) => {
            notes.trouble("groups", &error);
            Vec::new()
        }
    };
    groups.push(getegid().as_raw());
    let group_file = machine.expect("/etc/group", notes).unwrap_or_default();
    Account {
        name: name(machine, notes, uid),
        elevated: geteuid().is_root(),
        group_kind: group_kind(uid, &groups, &group_file).into(),
        session: session(machine).into(),
        sources: Vec::new(),
    }
}

/// Accounts of a directory server are not in the file; their session knows its name, and the server need not be asked.
fn name(machine: &Machine, notes: &mut Notes, uid: u32) -> String {
    let passwd = machine.expect("/etc/passwd", notes).unwrap_or_default();
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let listed = entry.filter(|f| f.len() > 2).find(|f| f[2].parse() == Ok(uid)).map(|f| f[0].to_owned());
    let name = listed.or_else(|| machine.variable("USER")).or_else(|| machine.variable("LOGNAME"));
    text(&name.unwrap_or_default())
}

fn group_kind(uid: u32, groups: &[u32], group_file: &str) -> &'static str {
    let gid = |line: &str| line.split(':').nth(2).and_then(|gid| gid.parse::<u32>().ok());
    let group = |line: &str| line.split(':').next().map(str::to_owned).unwrap_or_default();
    let administrates = || {
        let of_admin = group_file.lines().filter(|line| ADMINISTRATORS.contains(&group(line).as_str()));
        of_admin.filter_map(gid).any(|gid| groups.contains(&gid))
    };
    match uid {
        NOBODY => "guests",
        0..FIRST_PERSON => "system",
        _ if administrates() => "administrators",
        _ => "user",
    }
}

/// Of the variables only that they are set is used: `SSH_CONNECTION` holds addresses.
fn session(machine: &Machine) -> &'static str {
    let has = |name| machine.has_variable(name);
    if has("SSH_CONNECTION") || has("SSH_TTY") || has("XRDP_SESSION") {
        "remote"
    } else if has("INVOCATION_ID") && !has("XDG_SESSION_ID") && !has("DISPLAY") && !has("WAYLAND_DISPLAY") {
        "service"
    } else {
        "local"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_groups() {
        let file = "root:x:0:\nsudo:x:27:anna\nanna:x:1000:\nbroken\nwheel:x:many:\n";
        assert_eq!(group_kind(0, &[0], file), "system");
        assert_eq!(group_kind(33, &[33], file), "system");
        assert_eq!(group_kind(1000, &[1000, 27], file), "administrators");
        assert_eq!(group_kind(1000, &[1000], file), "user");
        assert_eq!(group_kind(NOBODY, &[NOBODY], file), "guests");
    }

    #[test]
    fn kinds_of_sessions() {
        let machine = |set: &[(&str, &str)]| Machine::prepared(std::path::Path::new("/nowhere"), set, || None);
        assert_eq!(session(&machine(&[("SSH_CONNECTION", "10.0.0.1 22 10.0.0.2 22")])), "remote");
        assert_eq!(session(&machine(&[("INVOCATION_ID", "1")])), "service");
        assert_eq!(session(&machine(&[("INVOCATION_ID", "1"), ("DISPLAY", ":0")])), "local");
        assert_eq!(session(&machine(&[])), "local");
    }
}
