//! The first words with the handler: our hello goes out at the start, its answer is taken when somebody needs to know.

use std::{
    io,
    time::{Duration, Instant},
};

use super::START_TIMEOUT;
use crate::{
    Error, Options, SoftError,
    ipc::{
        self,
        socket::{IpcError, Socket, lend},
        spawn::Process,
    },
    options::wire,
    schema::{self, client_message::Message, handler_message::Message as Answer},
    shared::mapping::Mapping,
};

/// A hello that is not answered yet.
#[derive(Debug)]
pub(super) struct Greeting {
    started: Instant,
    /// Names it in errors.
    program: String,
    process: Option<Process>,
}

impl Greeting {
    /// Gives the handler its configuration and the shared memory, which wait in the socket until it runs. Where that fails, it is ended.
    pub(super) fn send(
        options: &mut Options,
        control: &Socket,
        program: String,
        process: Option<Process>,
    ) -> Result<(Mapping, Self), SoftError> {
        let greeting = Self { started: Instant::now(), program, process };
        let mut hello = schema::ClientMessage {
            sequence: 0,
            message: Some(Message::Hello(schema::Hello {
                protocol_version: ipc::PROTOCOL_VERSION,
                sdk_version: env!("CARGO_PKG_VERSION").into(),
                configuration: Some(wire::configuration(options)),
            })),
        };
        let sent = send(control, &hello);
        // Whether it went out or not: from here on the credentials are the handler's alone.
        if let Some(Message::Hello(schema::Hello { configuration: Some(configuration), .. })) = &mut hello.message {
            wire::wipe(configuration);
        }
        match sent {
            Ok(mapping) => Ok((mapping, greeting)),
            Err(error) => Err(greeting.end(&error)),
        }
    }

    /// The handler's answer, or why there is none; `None` where it may still come, for it has [`START_TIMEOUT`] from the start on. Waits up to `timeout`.
    pub(super) fn answer(&self, control: &Socket, timeout: Duration) -> Option<Result<schema::Ready, NoService>> {
        let left = START_TIMEOUT.saturating_sub(self.started.elapsed());
        match control.receive::<schema::HandlerMessage>(left.min(timeout)) {
            Ok((answer, _)) => Some(match answer.message {
                Some(Answer::Ready(ready)) if ready.handler_version == env!("CARGO_PKG_VERSION") => Ok(ready),
                Some(Answer::Ready(ready)) => Self::refused(format!(
                    "it is of release {}, the SDK of release {}: install both from one release",
                    ready.handler_version,
                    env!("CARGO_PKG_VERSION")
                )),
                Some(Answer::Refused(refused)) => Self::refused(refused.reason),
                other => Self::refused(format!("an answer that was not expected: {other:?}")),
            }),
            Err(IpcError::TimedOut(_)) if self.started.elapsed() < START_TIMEOUT => None,
            Err(IpcError::TimedOut(_)) => Some(Err(NoService::Silent(no_answer(IpcError::TimedOut(START_TIMEOUT))))),
            Err(error) => Some(Err(NoService::Silent(no_answer(error)))),
        }
    }

    fn refused(reason: String) -> Result<schema::Ready, NoService> {
        Err(NoService::Refused(Error::Usage(reason)))
    }

    /// Ends a handler that does not serve, for this reason; returns what to tell of it.
    pub(super) fn end(self, error: &Error) -> SoftError {
        self.process.into_iter().for_each(Process::kill);
        let soft = SoftError::from_error("handler", error);
        SoftError::new("handler", format!("{} does not serve: {}", self.program, soft.message))
    }
}

/// Why a handler does not serve.
#[derive(Debug)]
pub(super) enum NoService {
    /// It does not answer: it was killed, it hangs, it is a program of another kind.
    Silent(Error),
    /// It answers, and is not the one for this product.
    Refused(Error),
}

fn send(control: &Socket, hello: &schema::ClientMessage) -> Result<Mapping, Error> {
    let (mapping, memory) = Mapping::create().map_err(|error| Error::io("no shared memory", error))?;
    match control.send(hello, &[lend(&memory)], START_TIMEOUT) {
        // That it is gone already shows when its answer is looked for.
        Ok(()) | Err(IpcError::Closed) => Ok(mapping),
        Err(error) => Err(no_answer(error)),
    }
}

fn no_answer(error: IpcError) -> Error {
    Error::io("it did not answer; is it the reporter-handler of this release?", io::Error::other(error))
}
