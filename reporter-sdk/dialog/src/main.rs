//! The dialog, as the handler starts it: what there is to tell comes on standard input, what the person says goes to standard output.
// Windows would give it a black window for text.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use reporter_dialog::model::{Model, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui;
use reporter_sdk::Error;
use reporter_sdk::dialog_session::{self, Act, Update};

fn main() -> ExitCode {
    match ask() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reporter-dialog: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask() -> Result<(), Error> {
    #[cfg(windows)]
    restrict_library_search()?;
    #[cfg(target_os = "linux")]
    draw_without_opengl();
    let (mut updates, mut acts) = dialog_session::open();
    // Before anything is known of what is to be shown: meanwhile the handler works, too.
    if !ui::can_show() {
        return acts.say(Act::CannotShow);
    }
    let Some(Update::Opening(opening)) = updates.wait()? else {
        return Err(Error::Usage("nothing to show: reporter-handler starts this program, and tells it".into()));
    };
    let (tell, told) = mpsc::channel();
    let listen = move || {
        while let Ok(Some(update)) = updates.wait() {
            // Whoever is told nothing any more has no window.
            if Told::of(update).is_some_and(|news| tell.send(news).is_err()) {
                return;
            }
        }
    };
    // The handler's end is noticed in the window, and so is what makes no sense.
    let listening = thread::Builder::new().name("updates".into()).spawn(listen);
    listening.map_err(|source| Error::Io { what: "listening to the handler".into(), source })?;
    let model = Model::new(*opening, Texts::of_this_person(), Instant::now());
    let acts = Arc::new(Mutex::new(acts));
    let say = acts.clone();
    let say = move |act| {
        let said = say.lock().unwrap_or_else(PoisonError::into_inner).say(act);
        if let Err(error) = said {
            eprintln!("reporter-dialog: {error}");
        }
    };
    if !ui::show(model, told, Box::new(say)) {
        return acts.lock().unwrap_or_else(PoisonError::into_inner).say(Act::CannotShow);
    }
    Ok(())
}

/// From here on a library comes from the system's folder, not from the one of the program or the current one, where somebody with fewer rights may have put another
/// of its name.
#[cfg(windows)]
fn restrict_library_search() -> Result<(), Error> {
    use windows_sys::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};
    // SAFETY: takes a number.
    if unsafe { SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32) } == 0 {
        let what = "allowing libraries from the system's folder alone".into();
        return Err(Error::Io { what, source: std::io::Error::last_os_error() });
    }
    Ok(())
}

/// GTK's own way to draw needs OpenGL, takes longer to start where that is done by the processor, and complains where there is none.
#[cfg(target_os = "linux")]
fn draw_without_opengl() {
    if std::env::var_os("GSK_RENDERER").is_none() {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var("GSK_RENDERER", "cairo") };
    }
}
