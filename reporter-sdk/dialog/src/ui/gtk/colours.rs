//! Dark colours, where the person has chosen them for the desktop: the toolkit itself does not look there.

use std::time::Duration;

use gtk::prelude::*;
use gtk::{gio, glib};

/// Whoever has not answered by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// As the desktops have agreed (org.freedesktop.appearance): 0 is no wish, 2 are light colours.
const DARK: u32 = 1;

/// Asks the desktop, and changes the window when it answers.
pub(super) fn follow() {
    gio::bus_get(gio::BusType::Session, None::<&gio::Cancellable>, |bus| {
        let Ok(bus) = bus else { return };
        bus.call(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Settings",
            "Read",
            Some(&("org.freedesktop.appearance", "color-scheme").to_variant()),
            None,
            // Nobody starts it for this.
            gio::DBusCallFlags::NO_AUTO_START,
            PATIENCE.as_millis() as i32,
            None::<&gio::Cancellable>,
            |answer| {
                let Some(settings) = gtk::Settings::default() else { return };
                if answer.is_ok_and(|answer| scheme(&answer) == Some(DARK)) {
                    settings.set_gtk_application_prefer_dark_theme(true);
                }
            },
        );
    });
}

/// The number in the answer, around which there is a variant or two.
fn scheme(answer: &glib::Variant) -> Option<u32> {
    let mut value = answer.try_child_value(0)?;
    while let Some(inner) = value.as_variant() {
        value = inner;
    }
    value.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_all_that_is_around_it() {
        assert_eq!(scheme(&(1_u32.to_variant().to_variant(),).to_variant()), Some(1));
        assert_eq!(scheme(&(2_u32.to_variant(),).to_variant()), Some(2));
        assert_eq!(scheme(&("dark".to_variant(),).to_variant()), None);
        assert_eq!(scheme(&().to_variant()), None);
    }
}
