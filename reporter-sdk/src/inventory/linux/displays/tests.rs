//! Real X servers without a screen, and prepared trees of the kernel's, with serial numbers and links in circles in them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, PropMode};
use x11rb::wrapper::ConnectionExt as _;

use super::edid::tests::edid;
use super::*;
use crate::x11::testing::Xvfb;

const NO_DISPLAY: &str = "X display: a display that is reached over the network is not asked";

fn connector(root: &Path, name: &str, files: &[(&str, &[u8])]) {
    let folder = root.join("sys/class/drm").join(name);
    fs::create_dir_all(&folder).unwrap();
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// With two displays that are on.
fn prepare(root: &Path) {
    let on: [(&str, &[u8]); 2] = [("status", b"connected\n"), ("enabled", b"enabled\n")];
    let [status, enabled] = on;
    let (large, small) = (edid("DELL U2720Q"), edid("EB 19"));
    connector(root, "card0-DP-1", &[status, enabled, ("modes", b"3840x2160\n1920x1080\n"), ("edid", &large)]);
    connector(root, "card0-HDMI-A-1", &[("status", b"disconnected\n"), ("modes", b""), ("edid", b"")]);
    connector(root, "card1-VGA-1", &[status, ("modes", b"1280x1024i\n"), ("edid", &small)]);
    connector(root, "card1-eDP-1", &[status, ("enabled", b"disabled\n"), ("modes", b"1x1\n"), ("edid", &large)]);
    connector(root, "card0", &[("status", b"connected\n"), ("address", b"CANARY")]);
    connector(root, "version", &[]);
    symlink("card9-DP-9", root.join("sys/class/drm/card9-DP-9")).unwrap();
}

fn told(root: &Path, variables: &[(&str, &str)], patience: u32) -> (Vec<Display>, Vec<String>, Vec<String>) {
    let mut notes = Notes::default();
    let machine = Machine::prepared(root, variables, || None).patient(patience);
    let displays = collect(&machine, &mut notes);
    let (sources, troubles) = notes.into_parts();
    (displays, sources.into_iter().map(|source| source.name).collect(), troubles)
}

fn display(name: &str, width: u32, height: u32) -> Display {
    Display { name: name.into(), width, height, scale_percent: 100, ..Display::default() }
}

fn of_the_kernel() -> Vec<Display> {
    vec![display("DEL DELL U2720Q", 3840, 2160), display("DEL EB 19", 1280, 1024)]
}

#[test]
fn without_an_x_display_the_kernel_tells_and_no_serial_number() {
    let root = tempfile::tempdir().unwrap();
    prepare(root.path());
    let (displays, sources, troubles) = told(root.path(), &[], 1);
    assert_eq!(displays, of_the_kernel());
    assert!(!format!("{displays:?}").contains("CANA"));
    assert_eq!((sources, troubles), (vec![drm::PLACE.to_owned()], Vec::new()));
    assert_eq!(told(Path::new("/nowhere"), &[], 1), (vec![], vec![], vec![]));
}

#[test]
fn a_display_over_the_network_is_not_asked() {
    let root = tempfile::tempdir().unwrap();
    prepare(root.path());
    let (displays, sources, troubles) = told(root.path(), &[("DISPLAY", "localhost:10.0")], 1);
    assert_eq!(displays, of_the_kernel());
    assert_eq!((sources, troubles), (vec![drm::PLACE.to_owned()], vec![NO_DISPLAY.to_owned()]));
}

#[test]
fn an_x_display_tells_its_size_depth_and_scale() {
    let root = tempfile::tempdir().unwrap();
    for (screen, width, height, depth) in [("1280x720x24", 1280, 720, 24), ("800x600x16", 800, 600, 16)] {
        let server = Xvfb::start(screen);
        let variables = [("DISPLAY", server.display())];
        let expected = Display { colour_depth_bits: depth, ..display("screen", width, height) };
        let (displays, sources, troubles) = told(root.path(), &variables, 20);
        let [found] = displays.try_into().unwrap();
        assert_eq!(Display { refresh_millihertz: 0, ..found }, expected);
        assert_eq!((sources, troubles), (vec![X_DISPLAY.to_owned()], Vec::new()));

        let x11 = server.connect();
        let resources = b"Xcursor.size:\t24\nXft.dpi:\t144\n";
        let (root_window, resource_manager) = (x11.screen().root, AtomEnum::RESOURCE_MANAGER);
        let connection = x11.connection();
        connection
            .change_property8(PropMode::REPLACE, root_window, resource_manager, AtomEnum::STRING, resources)
            .unwrap()
            .check()
            .unwrap();
        assert_eq!(told(root.path(), &variables, 20).0[0].scale_percent, 150);
    }
}

#[test]
fn what_a_display_says_of_itself_comes_through_the_x_display_or_by_its_connector() {
    let root = tempfile::tempdir().unwrap();
    let server = Xvfb::start("1280x720x24");
    let name = || told(root.path(), &[("DISPLAY", server.display())], 20).0[0].name.clone();
    assert_eq!(name(), "screen");
    connector(root.path(), "card0-screen", &[("edid", &edid("By connector"))]);
    assert_eq!(name(), "DEL By connector");

    let x11 = server.connect();
    let connection = x11.connection();
    let output = connection.randr_get_screen_resources_current(x11.screen().root).unwrap().reply().unwrap().outputs[0];
    let atom = connection.intern_atom(false, b"EDID").unwrap().reply().unwrap().atom;
    let said = edid("DELL U2720Q");
    let length = said.len() as u32;
    connection
        .randr_change_output_property(output, atom, AtomEnum::INTEGER.into(), 8, PropMode::REPLACE, length, &said)
        .unwrap()
        .check()
        .unwrap();
    assert_eq!(name(), "DEL DELL U2720Q");
}

#[test]
fn a_server_without_the_extension_has_one_display() {
    let server = Xvfb::start_with(&["-screen", "0", "1024x768x24", "-extension", "RANDR"]);
    let (displays, _, troubles) = told(Path::new("/nowhere"), &[("DISPLAY", server.display())], 20);
    assert_eq!(displays, [Display { colour_depth_bits: 24, ..display("", 1024, 768) }]);
    assert_eq!(troubles, Vec::<String>::new());
}

#[test]
fn a_hung_server_costs_a_soft_error_and_the_kernel_tells() {
    let root = tempfile::tempdir().unwrap();
    prepare(root.path());
    let server = Xvfb::start("640x480x24");
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::STOP).unwrap();
    let begun = Instant::now();
    let (displays, _, troubles) = told(root.path(), &[("DISPLAY", server.display())], 1);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(displays, of_the_kernel());
    assert_eq!(troubles, ["X display: timed out"]);
}
