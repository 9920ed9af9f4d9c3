//! What draws a window and tells the model what the person does in it.

#[cfg(target_os = "linux")]
pub mod gtk;
pub mod headless;
#[cfg(windows)]
pub mod win32;

use std::sync::mpsc::Receiver;

use reporter_sdk::dialog_session::Act;

use crate::model::{Model, Told};

/// Whether there is something to show a window on. To be asked before [`show`], in the same thread: what takes its time until a window can be made is done
/// here, before anybody knows what it is to show.
pub fn can_show() -> bool {
    #[cfg(target_os = "linux")]
    return gtk::can_show();
    #[cfg(windows)]
    return win32::can_show();
    #[cfg(not(any(target_os = "linux", windows)))]
    false
}

/// Shows the window until the person or the model has done with it. What comes from `told` it tells the model, and its end as [`Told::Gone`]; what the model
/// says to the handler goes to `say`. `false`: there is no window.
pub fn show(model: Model, told: Receiver<Told>, say: Box<dyn FnMut(Act)>) -> bool {
    #[cfg(target_os = "linux")]
    return gtk::show(model, told, say);
    #[cfg(windows)]
    return win32::show(model, told, say);
    #[cfg(not(any(target_os = "linux", windows)))]
    {
        drop((model, told, say));
        false
    }
}
