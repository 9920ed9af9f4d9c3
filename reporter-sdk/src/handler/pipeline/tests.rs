use std::cell::RefCell;

use super::*;
use crate::consent::{Answer, Decision, ProductPolicy, Request};
use crate::schema::{Configuration, KindPolicy};

fn pipeline(spool: &std::path::Path) -> Pipeline {
    let spool = Some(Spool::open(spool).unwrap());
    let settings = Settings::new(Configuration::default());
    let (administrator, exclusions, images) = Default::default();
    Pipeline { settings, administrator, spool, pid: 1, exclusions, images }
}

fn keep(pipeline: &Pipeline, number: u8) -> ReportId {
    let id = ReportId([number; 16]);
    let mut draft = Draft::new(id, v1::Product::default(), [2; 16], ErrorKind::Vanished, 7);
    draft.push(SectionKind::Error, Category::Essential, &v1::Error::default());
    pipeline.spool.as_ref().unwrap().put_draft(&draft).unwrap();
    id
}

/// Answers so, and remembers what each question was about, and what was queued by it.
struct Person {
    answer: Answer,
    asked: Vec<Vec<u8>>,
    queued: Vec<u8>,
}

impl Person {
    fn who_says(answer: Answer) -> Self {
        Self { answer, asked: Vec::new(), queued: Vec::new() }
    }
}

impl Asker for Person {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        self.asked.push(request.drafts().map(|draft| draft.id.0[0]).collect());
        request.answered(self.answer.clone(), None)
    }

    fn queued(&mut self, ids: &[ReportId]) {
        self.queued.extend(ids.iter().map(|id| id.0[0]));
    }
}

#[test]
fn what_is_kept_is_offered_in_one_question_once_a_run_the_most_recent_first() {
    let directory = tempfile::tempdir().unwrap();
    let pipeline = pipeline(&directory.path().join("spool"));
    let ids: Vec<_> = (1..=5).map(|number| keep(&pipeline, number)).collect();
    let offer = |already: &[ReportId], answer| {
        let mut person = Person::who_says(answer);
        pipeline.offer_kept(already, &mut person);
        (person.asked, person.queued)
    };
    let send = || Answer::Send { categories: CategorySet::essential(), contact: None };
    // The fifth was put off in this run; another process asks about the third.
    let elsewhere = pipeline.spool.as_ref().unwrap().take_draft(ids[2]).unwrap();
    assert_eq!(offer(&ids[4..], Answer::Later), (vec![vec![4, 2, 1]], vec![]));
    assert_eq!(pipeline.kept(), ids, "what was put off is kept, and offered by the next run");
    assert_eq!(offer(&ids[1..], Answer::Decline), (vec![vec![1]], vec![]));
    assert_eq!(offer(&[], send()), (vec![vec![5, 4, 2]], vec![5, 4, 2]));
    drop(elsewhere);
    assert_eq!(offer(&[], send()), (vec![vec![3]], vec![3]));
    assert_eq!(offer(&[], send()), (vec![], vec![]), "nobody is asked about nothing");
    assert_eq!(pipeline.spool.as_ref().unwrap().outgoing().unwrap().len(), 4);
}

#[test]
fn what_nobody_wants_any_more_is_not_asked_about_with_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let mut pipeline = pipeline(&directory.path().join("spool"));
    keep(&pipeline, 1);
    let crash = Draft::new(ReportId([2; 16]), v1::Product::default(), [2; 16], ErrorKind::Crash, 7);
    pipeline.spool.as_ref().unwrap().put_draft(&crash).unwrap();
    // A policy that this version does not know counts as never.
    let never = KindPolicy { kind: ErrorKind::Crash.into(), policy: 99, ..KindPolicy::default() };
    pipeline.settings.policy = ProductPolicy::from_configuration(&[], &[never]);
    let mut person = Person::who_says(Answer::Later);
    pipeline.offer_kept(&[], &mut person);
    assert_eq!((person.asked, pipeline.kept().len()), (vec![vec![1]], 1), "it is destroyed");
}

/// Has the report saved to a file, as often as told, before they say later.
struct Saving<'a>(&'a std::path::Path, RefCell<Vec<String>>);

impl Asker for Saving<'_> {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        let Self(path, failures) = self;
        let all = Answer::Send { categories: request.offered(), contact: None };
        let other = Request::new(request.draft(), request.notice(), CategorySet::all()).unwrap();
        let save = |decision: Decision, path: &std::path::Path| {
            failures.borrow_mut().extend(request.save(decision, path).err().map(|error| error.to_string()));
        };
        save(other.answered(all.clone(), None), path);
        save(request.answered(Answer::Decline, None), path);
        save(request.answered(all.clone(), None), &path.join("in a file"));
        save(request.answered(all, None), path);
        request.answered(Answer::Later, None)
    }
}

#[test]
fn a_report_is_written_to_a_file_by_an_answer_to_this_question_alone_and_nothing_is_sent_by_that() {
    let directory = tempfile::tempdir().unwrap();
    let pipeline = pipeline(&directory.path().join("spool"));
    let id = keep(&pipeline, 1);
    let file = directory.path().join("Ledger.report");
    let mut saving = Saving(&file, RefCell::default());
    assert_eq!(pipeline.decide(id, &mut saving).unwrap(), Became::Later(id));
    let failures = saving.1.take();
    assert_eq!(failures[..2], ["the decision answers another request", "nothing is chosen"]);
    assert_eq!(failures.len(), 3, "{failures:?}");
    let mut decoder = report_format::Decoder::new(report_format::Limits::default());
    decoder.push(&std::fs::read(&file).unwrap());
    let Ok(Some(report_format::Event::Summary(summary))) = decoder.next() else { panic!("no report") };
    assert_eq!((summary.kind(), summary.report_id), (ErrorKind::Vanished, vec![1; 16]));
    let spool = pipeline.spool.as_ref().unwrap();
    assert_eq!((spool.outgoing().unwrap(), spool.drafts().unwrap()), (vec![], vec![id]));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
