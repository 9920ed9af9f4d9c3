//! Asks by a dialog of the product's own: one question, one answer.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::ConsentSource;

use super::program::{DialogError, GLANCE, MESSAGE_LIMIT, Pipes, Program};
use crate::consent::{self, Answered, Decision, Request};
use crate::ipc::framed;
use crate::schema::ConsentDecision;
use crate::stopping;

/// Starts the dialog of the product `product` and waits for what it says.
pub(super) fn ask(
    program: &Path,
    product: u32,
    request: &Request<'_>,
    timeout: Duration,
) -> Result<Decision, DialogError> {
    let (mut dialog, pipes) = Program::start(program, product)?;
    let answer = wait_for_answer(&mut dialog, pipes, request, timeout)?;
    dialog.end();
    match answer.and_then(|answer| consent::decision(answer, ConsentSource::ProductDialog)) {
        Some(Answered::Decided(decision)) => Ok(decision),
        Some(Answered::CannotAsk) => Err(DialogError::CannotAsk),
        None => Err(DialogError::Meaningless),
    }
}

/// `None`: something else than an answer.
fn wait_for_answer(
    dialog: &mut Program,
    Pipes { mut input, mut output }: Pipes,
    request: &Request<'_>,
    timeout: Duration,
) -> Result<Option<ConsentDecision>, DialogError> {
    let deadline = Instant::now() + timeout;
    let question = consent::question(request, timeout);
    let (tell, answers) = mpsc::channel();
    // Threads, since a pipe has no time-outs on every system. Neither is waited for: the dialog may have left its ends to a program of its own.
    let start = |work: Box<dyn FnOnce() + Send>| {
        // Where there is no room for a thread nothing comes back, which is no answer.
        thread::Builder::new().name("dialog".into()).spawn(work).map(drop).ok()
    };
    // One that does not read all of it has no use for it.
    start(Box::new(move || drop(framed::write(&mut input, &question))));
    start(Box::new(move || drop(tell.send(framed::read(&mut output, MESSAGE_LIMIT)))));
    loop {
        match answers.recv_timeout(GLANCE.min(deadline.saturating_duration_since(Instant::now()))) {
            Ok(Ok(decision)) => return Ok(Some(decision)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(dialog.no_answer()),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return Err(DialogError::TimedOut(timeout)),
            Err(RecvTimeoutError::Timeout) if stopping::is_wished() => return Err(DialogError::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
