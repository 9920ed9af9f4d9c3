//! A real X server with a keyboard, and files.

use std::fs;
use std::path::Path;

use super::*;
use crate::x11::testing::Xvfb;

fn keyboard_of(root: &Path, variables: &[(&str, &str)]) -> (Vec<String>, String, Vec<String>) {
    let mut notes = Notes::default();
    let machine = Machine::prepared(root, variables, || None).patient(20);
    let locale = collect(&machine, &mut notes);
    (locale.keyboard_layouts, locale.keyboard_layout, notes.into_parts().1)
}

#[test]
fn the_layouts_of_an_x_display_are_told_and_the_one_in_use() {
    use x11rb::protocol::xkb::{ConnectionExt as _, Group, ID};
    use x11rb::protocol::xproto::{ConnectionExt as _, ModMask};

    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/default")).unwrap();
    fs::write(root.path().join("etc/default/keyboard"), "XKBLAYOUT=fr\n").unwrap();
    let server = Xvfb::start("640x480x24");
    let variables = [("DISPLAY", server.display())];
    server.run("setxkbmap", &["-layout", "de,us", "-variant", ",dvorak"]);
    let layouts = vec!["de".to_owned(), "us(dvorak)".to_owned()];
    assert_eq!(keyboard_of(root.path(), &variables), (layouts.clone(), "de".into(), vec![]));

    let x11 = server.connect();
    let connection = x11.connection();
    connection.xkb_use_extension(1, 0).unwrap().reply().unwrap();
    let none = ModMask::default();
    let keyboard = ID::USE_CORE_KBD.into();
    connection.xkb_latch_lock_state(keyboard, none, none, true, Group::M2, none, false, 0).unwrap().check().unwrap();
    connection.get_input_focus().unwrap().reply().unwrap();
    assert_eq!(keyboard_of(root.path(), &variables), (layouts, "us(dvorak)".into(), vec![]));

    // Under Wayland the X display is Xwayland's, which does not know.
    let under_wayland = [("DISPLAY", server.display()), ("XDG_SESSION_TYPE", "wayland")];
    assert_eq!(keyboard_of(root.path(), &under_wayland), (vec!["fr".into()], "fr".into(), vec![]));
}

#[test]
fn files_tell_where_there_is_no_display() {
    for (file, content, layouts) in [
        ("etc/default/keyboard", "XKBLAYOUT=\"de,us\"\nXKBVARIANT=\",dvorak\"\n", &["de", "us(dvorak)"][..]),
        (
            "etc/X11/xorg.conf.d/00-keyboard.conf",
            "Section \"InputClass\"\n Option \"XkbLayout\" \"cz\"\n Option \"XkbVariant\" \"qwerty\"\nEndSection\n",
            &["cz(qwerty)"],
        ),
        ("etc/vconsole.conf", "KEYMAP=de-nodeadkeys\nXKBLAYOUT=de\nXKBVARIANT=nodeadkeys\n", &["de(nodeadkeys)"]),
        ("etc/vconsole.conf", "KEYMAP=de-nodeadkeys\n", &["de-nodeadkeys"]),
        ("etc/default/keyboard", "XKBLAYOUT=/home/canary\n", &[]),
    ] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        let (found, active, troubles) = keyboard_of(root.path(), &[]);
        assert_eq!(found, layouts, "{content}");
        assert_eq!(active, layouts.first().copied().unwrap_or_default());
        assert_eq!(troubles, Vec::<String>::new());
    }
}

#[test]
fn the_language_is_that_of_what_is_read() {
    for (variables, expected) in [
        (&[("LANG", "de_DE.UTF-8")][..], "de-DE"),
        (&[("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "fr_FR@euro"), ("LC_CTYPE", "it_IT")], "fr-FR"),
        (&[("LANG", "de_DE.UTF-8"), ("LANGUAGE", "pt_BR:pt:en"), ("LC_ALL", "es_ES")], "pt-BR"),
        (&[("LANG", "C.UTF-8")], ""),
        (&[("LANG", "/home/anna/locale")], ""),
        (&[], ""),
    ] {
        let machine = Machine::prepared(std::path::Path::new("/nowhere"), variables, || None);
        assert_eq!(chosen_language(&machine), expected, "{variables:?}");
    }
}
