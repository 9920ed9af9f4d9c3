use std::cell::RefCell;

use super::*;
use crate::consent::{Answer, Decision};
use crate::schema::Configuration;

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

/// Answers as told by the draft's number, and remembers who was asked about.
struct Person<'a>(&'a RefCell<Vec<u8>>, fn(u8) -> Answer);

impl Asker for Person<'_> {
    fn ask(&mut self, request: &Request<'_>) -> Decision {
        let number = request.draft().id.0[0];
        self.0.borrow_mut().push(number);
        request.answered(self.1(number), None)
    }
}

#[test]
fn what_is_kept_is_offered_once_a_run_the_most_recent_first_until_somebody_says_later() {
    let directory = tempfile::tempdir().unwrap();
    let pipeline = pipeline(&directory.path().join("spool"));
    let ids: Vec<_> = (1..=5).map(|number| keep(&pipeline, number)).collect();
    let asked = RefCell::new(Vec::new());
    let offer = |already: &[ReportId], answer| {
        pipeline.offer_kept(already, Duration::from_secs(60), |_| Person(&asked, answer));
        asked.take()
    };
    // The fifth was put off in this run; another process asks about the third.
    let elsewhere = pipeline.spool.as_ref().unwrap().take_draft(ids[2]).unwrap();
    let send = |_| Answer::Send { categories: CategorySet::essential(), contact: None };
    let answer = |number| if number == 4 { Answer::Decline } else { Answer::Later };
    assert_eq!(offer(&ids[4..], answer), [4, 2]);
    drop(elsewhere);
    assert_eq!(
        pipeline.kept(),
        [ids[0], ids[1], ids[2], ids[4]],
        "what was put off is kept, and offered by the next run"
    );
    assert_eq!(offer(&[], send), [5, 3, 2, 1]);
    assert_eq!(pipeline.kept(), []);
    assert_eq!(pipeline.spool.as_ref().unwrap().outgoing().unwrap().len(), 4);
}

#[test]
fn nobody_is_asked_once_the_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let pipeline = pipeline(&directory.path().join("spool"));
    keep(&pipeline, 1);
    let asked = RefCell::new(Vec::new());
    pipeline.offer_kept(&[], Duration::ZERO, |_| Person(&asked, |_| Answer::Decline));
    assert_eq!((asked.take(), pipeline.kept().len()), (vec![], 1));
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
