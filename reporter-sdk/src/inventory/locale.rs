//! Language, formats, time zone, keyboard.

use report_format::schema::v1::Locale;

use super::machine::{Machine, Notes, setting, word};

mod xkb;

use xkb::{Keyboard, with_variants};

const X_KEYBOARD: &str = "X keyboard";

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Locale {
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

/// What the session says of it.
pub(super) fn chosen_language(machine: &Machine) -> String {
    let listed = machine.variable("LANGUAGE").and_then(|list| list.split(':').next().map(tag));
    let of_locale =
        || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| machine.variable(name)).map(|l| tag(&l));
    listed.filter(|language| !language.is_empty()).or_else(of_locale).unwrap_or_default()
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

/// The display's, where there is one that knows; else what the system starts with.
fn keyboard(machine: &Machine, notes: &mut Notes) -> Keyboard {
    // Xwayland tells a layout that nobody uses: the true one is the compositor's.
    let wayland =
        machine.has_variable("WAYLAND_DISPLAY") || machine.variable("XDG_SESSION_TYPE").as_deref() == Some("wayland");
    if !wayland {
        let asked = machine.display(machine.asking()).and_then(|x11| x11.map(|x11| xkb::keyboard(&x11)).transpose());
        match asked {
            Ok(Some(keyboard)) if !keyboard.layouts.is_empty() => {
                notes.source(X_KEYBOARD);
                return keyboard;
            }
            Ok(_) => {}
            Err(error) => notes.trouble(X_KEYBOARD, &error),
        }
    }
    let layouts = layouts(machine, notes);
    Keyboard { active: layouts.first().cloned().unwrap_or_default(), layouts }
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
