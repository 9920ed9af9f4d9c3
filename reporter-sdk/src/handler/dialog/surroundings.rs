//! Where the handler is, as far as a window could be shown there. Each case has its name here and its row in docs/dialog.md.
//!
//! What the environment does not tell the dialog finds out when it tries: a display that is not there or does not answer, no OpenGL (none is needed), a Windows service's session. Nobody
//! finds out that the screen is locked: the window opens behind the lock, and an answer that does not come is *later*, as anywhere.

use crate::places;

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surroundings {
    /// The product has rights that the person has not: by its file (setuid), or since they let it be root's (`sudo`, `doas`, `pkexec`). A window on their desktop
    /// could be steered by every program of theirs.
    Elevated,
    /// A Wayland compositor, or at least its name: where that is not there GTK tries X.
    #[cfg(not(windows))]
    Wayland,
    /// An X server of this machine's.
    #[cfg(not(windows))]
    X,
    /// An X server that SSH leads to (`ssh -X`): the person sits there, and sees the window there.
    #[cfg(not(windows))]
    ForwardedX,
    /// A session without a display, at a console or by SSH.
    #[cfg(not(windows))]
    Console,
    /// No session of anybody's: a service, a timer's job.
    #[cfg(not(windows))]
    Service,
    /// Windows tells by other means, which the dialog asks.
    #[cfg(windows)]
    Windows,
}

impl Surroundings {
    /// Of this process, which has its environment from the product.
    pub(super) fn here() -> Self {
        if places::elevated() {
            return Self::Elevated;
        }
        #[cfg(windows)]
        return Self::Windows;
        #[cfg(not(windows))]
        Self::of(rustix::process::geteuid().is_root(), |name| std::env::var(name).ok())
    }

    #[cfg(not(windows))]
    fn of(is_root: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        // Who is root without these has logged in as root, and the desktop is root's.
        if is_root && ["SUDO_UID", "DOAS_USER", "PKEXEC_UID"].into_iter().any(is_set) {
            return Self::Elevated;
        }
        if is_set("WAYLAND_DISPLAY") {
            return Self::Wayland;
        }
        if let Some(display) = variable("DISPLAY").filter(|display| !display.is_empty()) {
            // `localhost:10.0`: by SSH's end of it. A program that is started by SSH on this machine's display has `:0`.
            let is_by_network = !display.starts_with([':', '/']) && !display.starts_with("unix:");
            return if is_by_network && is_set("SSH_CONNECTION") { Self::ForwardedX } else { Self::X };
        }
        let has_session = is_set("XDG_SESSION_TYPE") || is_set("SSH_CONNECTION");
        if has_session { Self::Console } else { Self::Service }
    }

    /// Whether a window is tried.
    pub(super) fn have_display(self) -> bool {
        match self {
            Self::Elevated => false,
            #[cfg(not(windows))]
            Self::Console | Self::Service => false,
            #[cfg(not(windows))]
            Self::Wayland | Self::X | Self::ForwardedX => true,
            #[cfg(windows)]
            Self::Windows => true,
        }
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    fn of(is_root: bool, variables: &[(&str, &str)]) -> Surroundings {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Surroundings::of(is_root, value)
    }

    #[test]
    fn each_case_is_known_by_what_the_environment_tells() {
        let by_ssh = ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
        let cases: [(&[(&str, &str)], Surroundings); 11] = [
            (&[], Surroundings::Service),
            (&[("DISPLAY", ""), ("WAYLAND_DISPLAY", "")], Surroundings::Service),
            (&[("XDG_SESSION_TYPE", "tty")], Surroundings::Console),
            (&[by_ssh], Surroundings::Console),
            (&[("DISPLAY", ":0")], Surroundings::X),
            (&[("DISPLAY", ":0"), by_ssh], Surroundings::X),
            (&[("DISPLAY", "unix:0"), by_ssh], Surroundings::X),
            (&[("DISPLAY", "/tmp/launch/org.xquartz:0"), by_ssh], Surroundings::X),
            (&[("DISPLAY", "localhost:10.0"), by_ssh], Surroundings::ForwardedX),
            (&[("DISPLAY", "terminal.example:0")], Surroundings::X),
            (&[("WAYLAND_DISPLAY", "wayland-0"), ("DISPLAY", ":0")], Surroundings::Wayland),
        ];
        for (variables, case) in cases {
            assert_eq!(of(false, variables), case, "{variables:?}");
            assert_eq!(of(true, variables), case, "root's own: {variables:?}");
        }
    }

    #[test]
    fn who_has_let_a_program_be_roots_is_shown_no_window_of_it() {
        for by in [("SUDO_UID", "1000"), ("DOAS_USER", "anna"), ("PKEXEC_UID", "1000")] {
            let variables = [("DISPLAY", ":0"), by];
            assert_eq!(of(true, &variables), Surroundings::Elevated, "{by:?}");
            assert!(!of(true, &variables).have_display());
            // `sudo -u somebody`: no more rights than that one has.
            assert_eq!(of(false, &variables), Surroundings::X, "{by:?}");
        }
    }
}
