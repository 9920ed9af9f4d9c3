//! Language, formats, time zone, keyboard.

use report_format::schema::v1::Locale;

use super::machine::{Machine, Notes, setting, word};
use crate::x11::X11Error;

pub(super) mod gnome;
pub(super) mod xkb;

use xkb::{Keyboard, with_variants};

const X_KEYBOARD: &str = "X keyboard";
const GNOME_KEYBOARD: &str = "gsettings org.gnome.desktop.input-sources";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Locale {
    let locale = locale(machine, notes);
    let (base, code_page) = locale.split_once('.').unwrap_or((&locale, ""));
    let keyboard = keyboard(machine, notes);
    Locale {
        keyboard_layout: keyboard.active,
        keyboard_layouts: keyboard.layouts,
        language: language(machine, base),
        code_page: code_page.split('@').next().unwrap_or_default().into(),
        time_zone: time_zone(machine, notes),
        locale: locale.clone(),
        sources: Vec::new(),
    }
}

/// The user's, else the system's.
fn locale(machine: &Machine, notes: &mut Notes) -> String {
    let own = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| machine.variable(name));
    let mut places = ["/etc/locale.conf", "/etc/default/locale"].iter();
    let of_system =
        || places.find_map(|place| setting(&machine.read_if_there(place, notes)?, "LANG").map(str::to_owned));
    own.or_else(of_system).map(|locale| word(&locale)).unwrap_or_default()
}

/// Of what the person reads, as a tag; where the session does not say, of the system's formats.
fn language(machine: &Machine, locale: &str) -> String {
    Some(chosen_language(machine)).filter(|language| !language.is_empty()).unwrap_or_else(|| tag(locale))
}

/// What the session says of it. It can be another than that of characters; a list of languages counts only where programs do not speak as machines do.
pub(in crate::inventory) fn chosen_language(machine: &Machine) -> String {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| machine.variable(name)).map(|set| tag(&set));
    if set.as_deref() == Some("") {
        return String::new();
    }
    let listed = machine.variable("LANGUAGE").and_then(|list| list.split(':').next().map(tag));
    listed.filter(|language| !language.is_empty()).or(set).unwrap_or_default()
}

/// `de_DE.UTF-8@euro` as a language tag: `de-DE`. Empty for the locale of machines, `C`, and for what is none.
fn tag(locale: &str) -> String {
    let tag = locale.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let plain = tag.len() <= 35 && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain && tag != "C" && tag != "POSIX" { tag } else { String::new() }
}

/// An IANA name. `TZ` can be the path of a user's file; then the system's zone is told.
fn time_zone(machine: &Machine, notes: &mut Notes) -> String {
    let own = machine.variable("TZ").and_then(|zone| zone_name(zone.trim_start_matches(':')));
    let linked = || machine.link("/etc/localtime").and_then(|to| zone_name(to.rsplit_once("zoneinfo/")?.1));
    let named = || machine.read_if_there("/etc/timezone", notes).and_then(|name| zone_name(name.trim()));
    own.or_else(linked).or_else(named).unwrap_or_default()
}

fn zone_name(zone: &str) -> Option<String> {
    let plain = zone.len() <= 64 && zone.chars().all(|c| c.is_ascii_alphanumeric() || "_-+/".contains(c));
    (plain && !zone.is_empty() && !zone.starts_with('/')).then(|| zone.to_owned())
}

/// The desktop's, where it tells; else what the system starts with.
fn keyboard(machine: &Machine, notes: &mut Notes) -> Keyboard {
    let is = |name, value: &str| machine.variable(name).is_some_and(|list| list.split(':').any(|part| part == value));
    // Xwayland tells a layout that nobody uses: the true one is the compositor's.
    let wayland = machine.has_variable("WAYLAND_DISPLAY") || is("XDG_SESSION_TYPE", "wayland");
    let (place, found) = match wayland {
        true if is("XDG_CURRENT_DESKTOP", "GNOME") => {
            (GNOME_KEYBOARD, gnome::keyboard(machine).map_err(|e| e.to_string()))
        }
        true => (GNOME_KEYBOARD, Ok(None)),
        false => (X_KEYBOARD, of_display(machine).map_err(|e| e.to_string())),
    };
    match found {
        Ok(Some(keyboard)) => {
            notes.source(place);
            return keyboard;
        }
        Ok(None) => {}
        Err(error) => notes.trouble(place, &error),
    }
    let layouts = layouts(machine, notes);
    Keyboard { active: layouts.first().cloned().unwrap_or_default(), layouts }
}

/// `None` where there is no display, or it has no keyboard.
fn of_display(machine: &Machine) -> Result<Option<Keyboard>, X11Error> {
    let Some(x11) = machine.display(machine.asking())? else { return Ok(None) };
    Ok(Some(xkb::keyboard(&x11)?).filter(|keyboard| !keyboard.layouts.is_empty()))
}

/// Debian's file, then systemd's for X, then the console's.
fn layouts(machine: &Machine, notes: &mut Notes) -> Vec<String> {
    let mut file = |place| machine.read_if_there(place, notes).unwrap_or_default();
    let debian = file("/etc/default/keyboard");
    let xorg = file("/etc/X11/xorg.conf.d/00-keyboard.conf");
    let console = file("/etc/vconsole.conf");
    let settings =
        |file, layouts, variants| Some((setting(file, layouts)?, setting(file, variants).unwrap_or_default()));
    let of_xorg = || Some((xorg_option(&xorg, "XkbLayout")?, xorg_option(&xorg, "XkbVariant").unwrap_or_default()));
    let (layouts, variants) = settings(&debian, "XKBLAYOUT", "XKBVARIANT")
        .or_else(of_xorg)
        .or_else(|| settings(&console, "XKBLAYOUT", "XKBVARIANT"))
        .or_else(|| Some((setting(&console, "KEYMAP")?, "")))
        .unwrap_or_default();
    with_variants(layouts, variants)
}

/// `Option "XkbLayout" "de,us"`
fn xorg_option<'a>(file: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        let mut quoted = line.split('"').skip(1).step_by(2);
        (quoted.next()? == name).then(|| quoted.next()).flatten()
    };
    file.lines().find_map(value)
}

#[cfg(test)]
mod tests;
