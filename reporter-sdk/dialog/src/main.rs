//! The dialog, as the handler starts it: a question on standard input, an answer on standard output.
// Windows would give it a black window for text.
#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;
use std::time::Instant;

use reporter_dialog::model::{Model, Question};
use reporter_dialog::texts::Texts;
use reporter_dialog::ui;
use reporter_sdk::{ConsentAnswer, ConsentRequest, Error};

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
    let started = Instant::now();
    #[cfg(windows)]
    restrict_library_search()?;
    #[cfg(target_os = "linux")]
    draw_without_opengl();
    let request = ConsentRequest::read()?;
    let model = Model::new(Question::from(&request), Texts::of_this_person(), started);
    let answer = ui::show(model).unwrap_or(ConsentAnswer::CannotAsk);
    request.answer(answer)
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
