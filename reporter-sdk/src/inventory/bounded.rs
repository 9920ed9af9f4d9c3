//! Runs each subject on a thread of its own, for a limited time: an answer, a panic and silence are all told apart.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use report_format::schema::v1::{Category, SoftError, Source, SubjectTime};

use super::notes::Notes;
use super::sys::machine::Machine;
use crate::fail_points::{self, Point};

/// A group of facts that is read, and can fail, on its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<Part> {
    /// In soft errors: `inventory.<name>`.
    pub(super) name: &'static str,
    pub(super) category: Category,
    /// The longest that it is waited for.
    pub(super) limit: Duration,
    pub(super) collect: fn(&Machine, &mut Notes) -> Part,
}

/// How the subjects fared, in their order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fared {
    pub(super) soft_errors: Vec<SoftError>,
    pub(super) times: Vec<SubjectTime>,
}

/// What a subject's thread tells at its end.
struct Answer<Part> {
    index: usize,
    took: Duration,
    /// `None` for a panic: what it says can quote what was read, so it is not told.
    found: Option<(Part, Notes)>,
}

/// Gives each answer and where it was read to `take`, in the order of `subjects`.
pub(super) fn run<Part: Send + 'static>(
    machine: &Machine,
    subjects: &[Subject<Part>],
    mut take: impl FnMut(Part, Vec<Source>),
) -> Fared {
    let (tell, told) = channel();
    let started = Instant::now();
    let mut threads: Vec<_> = subjects.iter().map(|_| None).collect();
    for (index, subject) in subjects.iter().enumerate() {
        let (tell, machine, collect) = (tell.clone(), machine.clone(), subject.collect);
        let work = move || {
            let started = Instant::now();
            let mut notes = Notes::default();
            let part = catch_unwind(AssertUnwindSafe(|| {
                // An answer cannot be an error: what the test wants is a panic or silence.
                let _ = fail_points::reach(Point::Inventory);
                collect(&machine, &mut notes)
            }));
            let found = part.ok().map(|part| (part, notes));
            // Nobody listens any more once the limit has passed.
            let _ = tell.send(Answer { index, took: started.elapsed(), found });
        };
        threads[index] = Some(thread::Builder::new().name(format!("inventory {}", subject.name)).spawn(work));
    }
    drop(tell);
    let answers = wait(&told, subjects, started);
    let mut fared = Fared::default();
    for ((subject, thread), answer) in subjects.iter().zip(threads).zip(answers) {
        let name = format!("inventory.{}", subject.name);
        let took = answer.as_ref().map_or(subject.limit, |answer| answer.took);
        let messages = match (answer, thread) {
            (Some(Answer { found: Some((part, notes)), .. }), _) => {
                let (sources, troubles) = notes.into_parts();
                take(part, sources);
                troubles
            }
            (Some(Answer { found: None, .. }), _) => vec!["failed inside".to_owned()],
            (None, Some(Err(error))) => vec![format!("no thread: {error}")],
            (None, _) => vec![format!("no answer in {} s", subject.limit.as_secs_f32())],
        };
        fared.soft_errors.extend(messages.into_iter().map(|message| SoftError { subject: name.clone(), message }));
        let [took_nanos, limit_nanos] =
            [took, subject.limit].map(|time| time.as_nanos().try_into().unwrap_or(u64::MAX));
        fared.times.push(SubjectTime { subject: name, took_nanos, limit_nanos });
    }
    fared
}

/// The answers that come in their time. Ends as soon as all have answered, or the time of those that have not is up.
fn wait<Part>(
    told: &Receiver<Answer<Part>>,
    subjects: &[Subject<Part>],
    started: Instant,
) -> Vec<Option<Answer<Part>>> {
    let mut answers: Vec<Option<Answer<Part>>> = subjects.iter().map(|_| None).collect();
    loop {
        let waiting = subjects.iter().zip(&answers).filter(|(_, answer)| answer.is_none());
        let Some(longest) = waiting.map(|(subject, _)| subject.limit).max() else { break };
        let Ok(answer) = told.recv_timeout((started + longest).saturating_duration_since(Instant::now())) else {
            break;
        };
        let index = answer.index;
        // It may come late, while another is waited for.
        if started.elapsed() <= subjects[index].limit {
            answers[index] = Some(answer);
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hung_and_a_panicking_subject_cost_only_themselves() {
        let subject =
            |name, collect| Subject { name, category: Category::System, limit: Duration::from_secs(1), collect };
        let subjects: [Subject<i32>; 3] = [
            subject("hung", |_, _| {
                loop {
                    thread::park();
                }
            }),
            subject("panics", |_, _| panic!("CANARY")),
            subject("works", |_, notes| {
                notes.source("/a");
                7
            }),
        ];
        let mut answers = Vec::new();
        let begun = Instant::now();
        let fared = run(&Machine::this(), &subjects, |part, sources| answers.push((part, sources)));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(answers, [(7, vec![Source { name: "/a".into() }])]);
        let told: Vec<_> = fared.soft_errors.iter().map(|e| (e.subject.as_str(), e.message.as_str())).collect();
        assert_eq!(told, [("inventory.hung", "no answer in 1 s"), ("inventory.panics", "failed inside")]);
        let times: Vec<_> =
            fared.times.iter().map(|t| (t.subject.as_str(), t.limit_nanos, t.took_nanos == t.limit_nanos)).collect();
        let second = 1_000_000_000;
        let expected =
            [("inventory.hung", second, true), ("inventory.panics", second, false), ("inventory.works", second, false)];
        assert_eq!(times, expected);
    }

    #[test]
    fn each_subject_has_its_own_time() {
        let subject = |name, millis, collect| Subject {
            name,
            category: Category::System,
            limit: Duration::from_millis(millis),
            collect,
        };
        let slowly: fn(&Machine, &mut Notes) -> i32 = |_, _| {
            thread::sleep(Duration::from_millis(500));
            7
        };
        let mut answers = 0;
        let subjects = [subject("hasty", 100, slowly), subject("patient", 20_000, slowly)];
        let fared = run(&Machine::this(), &subjects, |_, _| answers += 1);
        assert_eq!(answers, 1);
        assert_eq!(fared.soft_errors.len(), 1);
        assert_eq!(fared.soft_errors[0].message, "no answer in 0.1 s");
    }
}
