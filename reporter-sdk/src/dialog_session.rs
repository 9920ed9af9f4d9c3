//! The end of `reporter-dialog` of its conversation with the handler: what it is told as long as its window is there, and what it says. The other end is the
//! handler's; a dialog of a product's own is asked once, by a [`ConsentRequest`].

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use report_format::ReportId;
use report_format::schema::v1::{Category, ErrorKind, Product};

use crate::consent_request::{self, REQUEST_LIMIT, decision};
use crate::ipc::framed;
use crate::os_bytes::from_bytes;
use crate::schema::{self, dialog_action, dialog_update};
use crate::{ConsentAnswer, ConsentRequest, Error, Notice};

/// Of the conversation: raised when a message changes its meaning.
pub(crate) const VERSION: u32 = 1;

/// What is known before anything is collected.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Whose error it is.
    pub product: Product,
    /// What kind of error.
    pub kind: ErrorKind,
    /// What the person is to be told before deciding.
    pub notice: Notice,
    /// What can come to be offered, in the order in which it is shown.
    pub categories: Vec<Category>,
    /// What of it is on at first.
    pub chosen: Vec<Category>,
    /// Whether the product starts again once this is over, unless the person does not want it.
    pub restarts: bool,
    /// A folder with what makes the window the product's.
    pub branding: Option<PathBuf>,
}

/// What the handler tells.
#[derive(Debug)]
pub enum Update {
    /// The first, once.
    Opening(Box<Opening>),
    /// All of the program's memory is read.
    Collecting {
        /// Bytes.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// What the report would be, and whether it may be sent. Once.
    Question(Box<ConsentRequest>),
    /// What came of [`Act::Save`]: else why not.
    Saved(Result<(), String>),
    /// The report is on its way.
    Sending {
        /// Bytes.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// Support has it.
    Sent {
        /// The report's id, by which support finds it; of several a line each.
        report: String,
    },
    /// Support has it not, and it is kept.
    NotSent {
        /// The report's id.
        report: String,
        /// For a person to read. It can quote a mail server.
        why: String,
        /// When it is tried again. `None`: at the product's next start.
        again: Option<Duration>,
    },
    /// No question comes, or none is open any more.
    NothingToSend(Nothing),
}

/// Why there is nothing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The report could not be finished, or could not be decided. What there is of it is kept.
    Failed,
    /// As many of its kind as are wanted have been reported.
    Known,
    /// The person did not want it sent after all.
    Withdrawn,
    /// The report could not be finished, and nothing of it could be kept.
    Lost,
}

/// What the dialog says.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// The person's answer to the question.
    Answer {
        /// What they said.
        answer: ConsentAnswer,
        /// Without these parts of what was offered, by their numbers.
        left_out: Vec<u32>,
        /// They do not want the product to start again.
        stays_ended: bool,
    },
    /// What this answer would send is to be written to a file, and nothing sent.
    Save {
        /// As it would be answered.
        answer: ConsentAnswer,
        /// As it would be answered.
        left_out: Vec<u32>,
        /// A file, by its full path.
        path: PathBuf,
    },
    /// The report that could not be sent is to be written to a file, as it would be sent.
    SaveUnsent {
        /// A file, by its full path.
        path: PathBuf,
    },
    /// Nobody is to wait for all of the program's memory any longer.
    LeaveOutMemory,
    /// An answer to send is taken back. What support has it has.
    Withdraw,
    /// There is no display.
    CannotShow,
}

/// What the question is known by: an answer repeats it.
type Asked = Arc<Mutex<Option<(Vec<u8>, Vec<u8>)>>>;

/// What comes from the handler.
#[derive(Debug)]
pub struct Updates<R> {
    pipe: R,
    asked: Asked,
}

/// What goes to the handler.
#[derive(Debug)]
pub struct Acts<W> {
    pipe: W,
    asked: Asked,
}

/// The conversation that this program was started for. Once.
pub fn open() -> (Updates<io::Stdin>, Acts<io::Stdout>) {
    over(io::stdin(), io::stdout())
}

/// The same over these pipes.
pub(crate) fn over<R: Read, W: Write>(input: R, output: W) -> (Updates<R>, Acts<W>) {
    let asked = Asked::default();
    (Updates { pipe: input, asked: asked.clone() }, Acts { pipe: output, asked })
}

impl<R: Read> Updates<R> {
    /// Waits for the next. `None`: the handler says no more.
    ///
    /// # Errors
    /// [`Error::Io`]: what came is not whole, or makes no sense. [`Error::Usage`]: the handler is of another release.
    pub fn wait(&mut self) -> Result<Option<Update>, Error> {
        loop {
            let message: schema::DialogUpdate = match framed::read(&mut self.pipe, REQUEST_LIMIT) {
                Ok(message) => message,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(Error::io("the handler's message", error)),
            };
            // Of a later handler, and of no use here.
            let Some(update) = message.update else { continue };
            return self.update(update).map(Some);
        }
    }

    fn update(&self, update: dialog_update::Update) -> Result<Update, Error> {
        use dialog_update::Update as Wire;
        Ok(match update {
            Wire::Opening(opening) => Update::Opening(Box::new(Opening::of(opening)?)),
            Wire::Collecting(schema::Collecting { done, total }) => Update::Collecting { done, total },
            Wire::Question(question) => {
                let known_by = (question.nonce.clone(), question.preview_digest.clone());
                let request = ConsentRequest::of(question)?;
                *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(known_by);
                Update::Question(Box::new(request))
            }
            Wire::Saved(saved) if saved.error.is_empty() => Update::Saved(Ok(())),
            Wire::Saved(saved) => Update::Saved(Err(saved.error)),
            Wire::Sending(schema::Sending { done, total }) => Update::Sending { done, total },
            Wire::Sent(sent) => {
                let ids: Vec<String> =
                    [&sent.report_id].into_iter().chain(&sent.others).map(|bytes| id(bytes)).collect();
                Update::Sent { report: ids.join("\n") }
            }
            Wire::NotSent(not_sent) => {
                let again = Some(not_sent.again_millis).filter(|millis| *millis > 0).map(Duration::from_millis);
                Update::NotSent { report: id(&not_sent.report_id), why: not_sent.why, again }
            }
            Wire::NothingToSend(nothing) => Update::NothingToSend(match nothing.reason() {
                schema::NothingReason::Known => Nothing::Known,
                schema::NothingReason::Withdrawn => Nothing::Withdrawn,
                schema::NothingReason::Lost => Nothing::Lost,
                schema::NothingReason::Unspecified => Nothing::Failed,
            }),
        })
    }
}

impl Opening {
    fn of(message: schema::Opening) -> Result<Self, Error> {
        if message.version != VERSION {
            let text = format!("the handler speaks version {}, this program {VERSION}", message.version);
            return Err(Error::Usage(text));
        }
        Ok(Self {
            kind: message.kind(),
            categories: message.categories().filter(|category| *category != Category::Unspecified).collect(),
            chosen: message.chosen().filter(|category| *category != Category::Unspecified).collect(),
            restarts: message.restarts,
            branding: (!message.branding.is_empty()).then(|| from_bytes(message.branding).into()),
            product: message.product.unwrap_or_default(),
            notice: consent_request::notice(message.notice),
        })
    }
}

impl<W: Write> Acts<W> {
    /// Says it.
    ///
    /// # Errors
    /// [`Error::Io`]: the handler does not listen any more. [`Error::Usage`]: an answer to no question.
    pub fn say(&mut self, act: Act) -> Result<(), Error> {
        use dialog_action::Action as Wire;
        let action = match act {
            Act::Answer { answer, left_out, stays_ended } => {
                Wire::Decided(schema::Decided { decision: Some(self.decision(answer, &left_out)?), stays_ended })
            }
            Act::Save { answer, left_out, path } => {
                Wire::Save(schema::Save { decision: Some(self.decision(answer, &left_out)?), path: text(path)? })
            }
            Act::SaveUnsent { path } => Wire::Save(schema::Save { decision: None, path: text(path)? }),
            Act::LeaveOutMemory => Wire::LeaveOutMemory(schema::LeaveOutMemory {}),
            Act::Withdraw => Wire::Withdraw(schema::Withdraw {}),
            Act::CannotShow => Wire::CannotShow(schema::CannotShow {}),
        };
        framed::write(&mut self.pipe, &schema::DialogAction { action: Some(action) })
            .map_err(|error| Error::io("the handler does not take the answer", error))
    }

    fn decision(&self, answer: ConsentAnswer, left_out: &[u32]) -> Result<schema::ConsentDecision, Error> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (nonce, digest) = asked.ok_or_else(|| Error::Usage("nothing was asked yet".into()))?;
        Ok(decision(nonce, digest, answer, left_out))
    }
}

fn text(path: PathBuf) -> Result<String, Error> {
    path.into_os_string().into_string().map_err(|path| Error::Usage(format!("{} is no text", path.display())))
}

/// As support is told it.
fn id(bytes: &[u8]) -> String {
    bytes.try_into().map(|bytes| ReportId(bytes).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{DialogAction, DialogUpdate, NothingReason};

    fn updates(messages: impl IntoIterator<Item = dialog_update::Update>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for update in messages {
            framed::write(&mut bytes, &DialogUpdate { update: Some(update) }).unwrap();
        }
        bytes
    }

    fn question() -> schema::ConsentRequest {
        let version = consent_request::VERSION;
        schema::ConsentRequest { version, nonce: vec![1; 16], preview_digest: vec![2; 32], ..Default::default() }
    }

    #[test]
    fn an_answer_is_one_to_the_question_that_came_and_there_is_none_before() {
        let bytes = updates([
            dialog_update::Update::Collecting(schema::Collecting { done: 1, total: 2 }),
            dialog_update::Update::Question(question()),
        ]);
        let mut said = Vec::new();
        let (mut updates, mut acts) = over(bytes.as_slice(), &mut said);
        let answer = || Act::Answer { answer: ConsentAnswer::send([]), left_out: vec![3], stays_ended: true };
        assert!(matches!(updates.wait(), Ok(Some(Update::Collecting { done: 1, total: 2 }))));
        assert!(matches!(acts.say(answer()), Err(Error::Usage(_))));
        assert!(matches!(updates.wait(), Ok(Some(Update::Question(_)))));
        acts.say(answer()).unwrap();
        assert!(matches!(updates.wait(), Ok(None)));
        let message: DialogAction = framed::read(&mut said.as_slice(), 1 << 10).unwrap();
        let Some(dialog_action::Action::Decided(decided)) = message.action else { panic!("{message:?}") };
        let decision = decided.decision.unwrap();
        assert_eq!((decision.nonce, decision.preview_digest, decided.stays_ended), (vec![1; 16], vec![2; 32], true));
        assert_eq!(decision.left_out, [3]);
    }

    #[test]
    fn all_that_is_told_comes_there() {
        let report_id = vec![7; 16];
        let bytes = updates([
            dialog_update::Update::Opening(schema::Opening {
                version: VERSION,
                product: Some(Product { name: "Ledger".into(), ..Product::default() }),
                categories: vec![Category::Essential.into(), 999, Category::Screen.into()],
                chosen: vec![Category::Essential.into()],
                restarts: true,
                ..Default::default()
            }),
            dialog_update::Update::Saved(schema::Saved { error: "no room".into() }),
            dialog_update::Update::Sending(schema::Sending { done: 3, total: 4 }),
            dialog_update::Update::NotSent(schema::NotSent {
                report_id: report_id.clone(),
                why: "no network".into(),
                again_millis: 5000,
            }),
            dialog_update::Update::Sent(schema::Sent { report_id, others: vec![vec![8; 16]] }),
            dialog_update::Update::NothingToSend(schema::NothingToSend { reason: NothingReason::Lost.into() }),
            dialog_update::Update::NothingToSend(schema::NothingToSend { reason: 99 }),
        ]);
        let (mut updates, _) = over(bytes.as_slice(), io::sink());
        let Ok(Some(Update::Opening(opening))) = updates.wait() else { panic!("no opening") };
        assert_eq!((opening.product.name.as_str(), opening.restarts), ("Ledger", true));
        assert_eq!(opening.categories, [Category::Essential, Category::Screen], "one that nobody knows is not shown");
        assert!(matches!(updates.wait(), Ok(Some(Update::Saved(Err(why)))) if why == "no room"));
        assert!(matches!(updates.wait(), Ok(Some(Update::Sending { done: 3, total: 4 }))));
        let Ok(Some(Update::NotSent { report, why, again })) = updates.wait() else { panic!("not told") };
        assert_eq!(report, "07070707-0707-0707-0707-070707070707");
        assert_eq!((why.as_str(), again), ("no network", Some(Duration::from_secs(5))));
        let both = "07070707-0707-0707-0707-070707070707\n08080808-0808-0808-0808-080808080808";
        assert!(matches!(updates.wait(), Ok(Some(Update::Sent { report })) if report == both));
        assert!(matches!(updates.wait(), Ok(Some(Update::NothingToSend(Nothing::Lost)))));
        assert!(matches!(updates.wait(), Ok(Some(Update::NothingToSend(Nothing::Failed)))));
    }

    #[test]
    fn another_version_is_refused() {
        let mut newer = question();
        newer.version += 1;
        let opening = schema::Opening { version: VERSION + 1, ..Default::default() };
        for update in [dialog_update::Update::Question(newer), dialog_update::Update::Opening(opening)] {
            let bytes = updates([update]);
            assert!(matches!(over(bytes.as_slice(), io::sink()).0.wait(), Err(Error::Usage(_))));
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_told_or_refused(bytes: Vec<u8>) {
            let (mut updates, _) = over(bytes.as_slice(), io::sink());
            while let Ok(Some(_)) = updates.wait() {}
        }
    }
}
