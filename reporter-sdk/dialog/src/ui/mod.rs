//! What draws a window and tells the model what the person does in it.

#[cfg(target_os = "linux")]
pub mod gtk;
pub mod headless;
#[cfg(windows)]
pub mod win32;

use reporter_sdk::ConsentAnswer;

use crate::model::Model;

/// Shows the window until there is an answer. `None` where there is nothing to show it on: found out before a window is tried.
pub fn show(model: Model) -> Option<ConsentAnswer> {
    #[cfg(target_os = "linux")]
    return gtk::can_show().then(|| gtk::show(model));
    #[cfg(windows)]
    return win32::can_show().then(|| win32::show(model));
    #[cfg(not(any(target_os = "linux", windows)))]
    {
        drop(model);
        None
    }
}
