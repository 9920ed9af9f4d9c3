//! The dialog, as the handler starts it: what there is to tell comes on standard input, what the person says goes to standard output.
// Windows would give it a black window for text.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::convert::Infallible;
use std::io::Stdout;
use std::process::{self, ExitCode};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reporter_dialog::model::{Model, Told};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui;
use reporter_sdk::Error;
use reporter_sdk::dialog_session::{self, Act, Acts, Update};

/// So long a display has to answer, on a machine that is busy with what the error has left.
const DISPLAY_TIME: Duration = Duration::from_secs(10);

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
    let (mut updates, acts) = dialog_session::open();
    let acts = Arc::new(Mutex::new(acts));
    // Before anything is known of what is to be shown: meanwhile the handler works, too.
    let display = wait_for_display(&acts)?;
    if !ui::can_show() {
        return said(&acts, Act::CannotShow);
    }
    drop(display);
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
    let say = acts.clone();
    let say = move |act| {
        if let Err(error) = said(&say, act) {
            eprintln!("reporter-dialog: {error}");
        }
    };
    if !ui::show(model, told, Box::new(say)) {
        return said(&acts, Act::CannotShow);
    }
    Ok(())
}

fn said(acts: &Mutex<Acts<Stdout>>, act: Act) -> Result<(), Error> {
    acts.lock().unwrap_or_else(PoisonError::into_inner).say(act)
}

/// A display can take the connection and say nothing, such as one of a desktop that has hung, and toolkits wait for it without end. Unless what comes back is dropped in
/// time, the handler is told that nothing can be shown, and this program ends.
fn wait_for_display(acts: &Arc<Mutex<Acts<Stdout>>>) -> Result<Sender<Infallible>, Error> {
    let (is_there, wait) = mpsc::channel();
    let acts = acts.clone();
    let watch = move || {
        if wait.recv_timeout(DISPLAY_TIME) == Err(RecvTimeoutError::Timeout) {
            // A handler that is not there any more needs no word.
            let _ = said(&acts, Act::CannotShow);
            process::exit(0);
        }
    };
    let watching = thread::Builder::new().name("display".into()).spawn(watch);
    watching.map_err(|source| Error::Io { what: "waiting for a display".into(), source })?;
    Ok(is_there)
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
