//! Applications of Flatpak, of the system and of the user. Its own files name them; the version is in what each says of itself for software centres.

use super::{Found, Installed};
use crate::inventory::linux::machine::{Machine, Notes, setting};

const SYSTEM: &str = "/var/lib/flatpak/app";

pub(super) fn programs(machine: &Machine, notes: &mut Notes, found: &mut Found) {
    applications(machine, notes, found, SYSTEM, SYSTEM);
    let data =
        machine.variable("XDG_DATA_HOME").or_else(|| Some(format!("{}/.local/share", machine.variable("HOME")?)));
    // A relative one would be looked for in whatever folder the handler is.
    if let Some(data) = data.filter(|data| data.starts_with('/')) {
        applications(machine, notes, found, "the user's flatpak/app", &format!("{data}/flatpak/app"));
    }
}

fn applications(machine: &Machine, notes: &mut Notes, found: &mut Found, place: &'static str, folder: &str) {
    for application in machine.list(folder) {
        let active = format!("{folder}/{application}/current/active");
        // What was removed leaves its folder behind.
        let Ok(metadata) = machine.read(&format!("{active}/metadata")) else { continue };
        notes.source(place);
        let name = setting(&metadata, "name").unwrap_or(&application);
        // The application's own files all carry the time 0.
        tell(name, &about(machine, &active, name), machine.day_of(&format!("{active}/deploy")), found);
    }
}

pub(in crate::inventory) fn tell(name: &str, about: &str, date: String, found: &mut Found) {
    found.add(Installed {
        name,
        version: attribute(about, "release", "version").unwrap_or_default(),
        publisher: &developer(about),
        date,
        manager: "flatpak",
    });
}

/// AppStream's description, in its place of today and in the one before.
fn about(machine: &Machine, active: &str, name: &str) -> String {
    let share = format!("{active}/files/share");
    let places = [format!("{share}/metainfo/{name}.metainfo.xml"), format!("{share}/appdata/{name}.appdata.xml")];
    let places = places.iter().filter(|_| !name.contains('/'));
    places.filter_map(|place| machine.read(place).ok()).next().unwrap_or_default()
}

/// `<release version="1.2" date="2026-11-20">`: of the first such element, which is the newest release.
fn attribute<'a>(xml: &'a str, element: &str, attribute: &str) -> Option<&'a str> {
    let mut tags = xml.split('<').filter_map(|tag| tag.strip_prefix(element)?.split('>').next());
    let tag = tags.find(|tag| tag.starts_with(char::is_whitespace))?;
    ['"', '\''].into_iter().find_map(|quote| {
        let (before, value) = tag.split_once(&format!("{attribute}={quote}"))?;
        before.ends_with(char::is_whitespace).then_some(value.split(quote).next()?)
    })
}

/// `<developer id="org.example"><name>Example</name></developer>`, and as it was before.
fn developer(xml: &str) -> String {
    let after = |text: &'static str| xml.split_once(text).map(|(_, after)| after);
    let today = after("<developer").filter(|after| after.starts_with([' ', '>', '\n']));
    let name = today.and_then(|after| after.split("</developer>").next()?.split_once("<name>").map(|(_, name)| name));
    let name = name.or_else(|| after("<developer_name>")).and_then(|name| name.split('<').next()).unwrap_or_default();
    name.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_developer_are_found_as_they_are_written_today_and_before() {
        let today = "<component><name>App</name><developer id=\"org.example\">\n <name>A &amp; B</name></developer>\n\
            <releases>\n<release date=\"2026-11-20\" version=\"2.1\"/><release version=\"2.0\"/></releases></component>";
        assert_eq!(attribute(today, "release", "version"), Some("2.1"));
        assert_eq!(developer(today), "A & B");
        let before =
            "<developer_name>Example</developer_name><name>App</name><releases><release version='1'></release>";
        assert_eq!(attribute(before, "release", "version"), Some("1"));
        assert_eq!(developer(before), "Example");
        for odd in [
            "",
            "<release",
            "<release >",
            "<release version=",
            "<release subversion=\"1\">",
            "<developer><name",
            "<developer",
        ] {
            assert_eq!((attribute(odd, "release", "version"), developer(odd).as_str()), (None, ""), "{odd}");
        }
    }
}
