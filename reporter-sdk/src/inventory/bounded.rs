//! Runs each subject on a thread of its own, for a limited time: an answer, a panic and silence are all told apart.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, SoftError};

use super::machine::{Machine, Troubles};
use crate::fail_points::{self, Point};

/// A group of facts that is read, and can fail, on its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<Part> {
    /// In soft errors: `inventory.<name>`.
    pub(super) name: &'static str,
    pub(super) category: Category,
    pub(super) collect: fn(&Machine, &mut Troubles) -> Part,
}

/// Gives each answer to `take`, in the order of `subjects`, and returns what went wrong, in the same order.
pub(super) fn run<Part: Send + 'static>(
    machine: &Machine,
    subjects: &[Subject<Part>],
    limit: Duration,
    mut take: impl FnMut(Part),
) -> Vec<SoftError> {
    let (tell, told) = channel();
    let deadline = Instant::now() + limit;
    let mut answers: Vec<Option<Result<(Part, Troubles), String>>> = subjects.iter().map(|_| None).collect();
    for (index, subject) in subjects.iter().enumerate() {
        let (tell, machine, collect) = (tell.clone(), machine.clone(), subject.collect);
        let work = move || {
            let mut troubles = Troubles::default();
            // What a panic says can quote what was read, so it is not told.
            let answer = catch_unwind(AssertUnwindSafe(|| {
                // An answer cannot be an error: what the test wants is a panic or silence.
                let _ = fail_points::reach(Point::Inventory);
                collect(&machine, &mut troubles)
            }))
            .map(|part| (part, troubles))
            .map_err(|_| "failed inside".to_owned());
            // Nobody listens any more once the limit has passed.
            let _ = tell.send((index, answer));
        };
        if let Err(error) = thread::Builder::new().name(format!("inventory {}", subject.name)).spawn(work) {
            answers[index] = Some(Err(format!("no thread: {error}")));
        }
    }
    drop(tell);
    // Ends when all have answered (nobody is left to tell) or the time is up.
    while let Ok((index, answer)) = told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        answers[index] = Some(answer);
    }
    let mut soft_errors = Vec::new();
    for (subject, answer) in subjects.iter().zip(answers) {
        let messages = match answer {
            Some(Ok((part, troubles))) => {
                take(part);
                troubles.into_messages()
            }
            Some(Err(message)) => vec![message],
            None => vec![format!("no answer in {} s", limit.as_secs_f32())],
        };
        let subject = format!("inventory.{}", subject.name);
        soft_errors.extend(messages.into_iter().map(|message| SoftError { subject: subject.clone(), message }));
    }
    soft_errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hung_and_a_panicking_subject_cost_only_themselves() {
        let subjects = [
            Subject {
                name: "hung",
                category: Category::System,
                collect: |_, _| loop {
                    thread::park();
                },
            },
            Subject { name: "panics", category: Category::System, collect: |_, _| panic!("CANARY") },
            Subject { name: "works", category: Category::System, collect: |_, _| 7 },
        ];
        let mut answers = Vec::new();
        let begun = Instant::now();
        let errors = run(&Machine::this(), &subjects, Duration::from_secs(1), |part| answers.push(part));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(answers, [7]);
        let told: Vec<_> = errors.iter().map(|e| (e.subject.as_str(), e.message.as_str())).collect();
        assert_eq!(told, [("inventory.hung", "no answer in 1 s"), ("inventory.panics", "failed inside")]);
    }
}
