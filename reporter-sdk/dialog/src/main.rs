//! The dialog, as the handler starts it: a question on standard input, an answer on standard output.

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
    #[cfg(target_os = "linux")]
    draw_without_opengl();
    let request = ConsentRequest::read()?;
    let model = Model::new(Question::from(&request), Texts::of_this_person(), started);
    let answer = ui::show(model).unwrap_or(ConsentAnswer::CannotAsk);
    request.answer(answer)
}

/// GTK's own way to draw needs OpenGL, takes longer to start where that is done by the processor, and complains where there is none.
#[cfg(target_os = "linux")]
fn draw_without_opengl() {
    if std::env::var_os("GSK_RENDERER").is_none() {
        // SAFETY: no other thread runs yet that could read the environment.
        unsafe { std::env::set_var("GSK_RENDERER", "cairo") };
    }
}
