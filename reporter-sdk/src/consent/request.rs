//! What a person is asked: about which drafts, and what of them may be sent.

use std::path::Path;
use std::{error, fmt, io};

use report_format::schema::v1::{Category, ConsentSource, ErrorKind, Product};
use sha2::{Digest, Sha256};

use super::{Answer, CategorySet, Decision, Draft, Notice, PreviewDigest, Remember};
use crate::random;

/// One question: about an error, or about several that wait for an answer, of which the person says the same.
#[derive(Debug)]
pub struct Request<'a> {
    /// The first is what the question is about; the others wait since before.
    reports: Vec<Asked<'a>>,
    notice: &'a Notice,
    digest: PreviewDigest,
    nonce: [u8; 16],
    saver: Option<Saver<'a>>,
    branding: Option<&'a Path>,
}

/// A draft, and what of it may be granted.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) draft: &'a Draft,
    pub(super) digest: PreviewDigest,
    pub(super) offered: CategorySet,
}

impl<'a> Asked<'a> {
    fn new(draft: &'a Draft, offered: CategorySet) -> Self {
        let offered = offered.and(draft.categories().with(Category::Contact));
        Self { draft, digest: draft.digest(), offered }
    }
}

/// Writes what a decision would send to a file.
#[derive(Clone, Copy)]
struct Saver<'a>(&'a dyn Fn(&Request<'_>, Decision, &Path) -> Result<(), SaveError>);

/// Why there is no such file.
pub type SaveError = Box<dyn error::Error + Send + Sync>;

impl fmt::Debug for Saver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Saver")
    }
}

/// What a person can be shown of an error before anything of it is collected.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// Which product failed.
    pub product: &'a Product,
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What the person is told about purpose, recipient, access and retention.
    pub notice: &'a Notice,
    /// What can come to be offered.
    pub offered: CategorySet,
    /// A folder with what makes a window the product's.
    pub branding: Option<&'a Path>,
}

impl<'a> Request<'a> {
    /// Asks about `draft`. `offered` is what the policies leave open ([`Policies::resolve`](super::Policies::resolve));
    /// of it, what the draft holds is offered, and the contact, which the person may add.
    ///
    /// # Errors
    /// The system gave no random bytes for the nonce.
    pub fn new(draft: &'a Draft, notice: &'a Notice, offered: CategorySet) -> io::Result<Self> {
        let mut nonce = [0; 16];
        random::fill(&mut nonce)?;
        let asked = Asked::new(draft, offered);
        Ok(Request { digest: asked.digest, reports: vec![asked], notice, nonce, saver: None, branding: None })
    }

    /// Asks about another draft as well, which has waited for an answer: what the person says holds for both.
    #[must_use]
    pub fn and(mut self, draft: &'a Draft, offered: CategorySet) -> Self {
        self.reports.push(Asked::new(draft, offered));
        let mut hash = Sha256::new();
        hash.update(b"error report previews 1\0");
        for asked in &self.reports {
            hash.update(asked.digest.0);
        }
        self.digest = PreviewDigest(hash.finalize().into());
        self
    }

    /// The person can have what they would send written to a file instead, by `save`, as often as they like.
    #[must_use]
    pub fn saved_by(self, save: &'a dyn Fn(&Request<'_>, Decision, &Path) -> Result<(), SaveError>) -> Self {
        Request { saver: Some(Saver(save)), ..self }
    }

    /// It is asked in a window that this folder makes the product's.
    #[must_use]
    pub fn branded(self, branding: Option<&'a Path>) -> Self {
        Request { branding, ..self }
    }

    /// Writes what `decision` would send to this file. Nothing is sent, and nothing decided.
    ///
    /// # Errors
    /// The decision does not count, the file cannot be written, or nobody here can write one.
    pub fn save(&self, decision: Decision, path: &Path) -> Result<(), SaveError> {
        let Some(Saver(save)) = self.saver else { return Err("nothing can be saved here".into()) };
        save(self, decision, path)
    }

    /// What is shown of it before it can be decided.
    pub fn opening(&self) -> Opening<'a> {
        let (draft, offered) = (self.draft(), self.offered());
        let Request { notice, branding, .. } = *self;
        Opening { product: &draft.product, kind: draft.kind, notice, offered, branding }
    }

    /// What is asked about, in the first place.
    pub fn draft(&self) -> &'a Draft {
        self.reports[0].draft
    }

    /// All that is asked about, and what of each may be granted.
    pub(super) fn reports(&self) -> &[Asked<'a>] {
        &self.reports
    }

    /// All that is asked about: the draft of [`draft`](Self::draft), and those that have waited.
    pub fn drafts(&self) -> impl Iterator<Item = &'a Draft> {
        self.reports.iter().map(|asked| asked.draft)
    }

    /// What the person is told about purpose, recipient, access and retention.
    pub fn notice(&self) -> &'a Notice {
        self.notice
    }

    /// Of the draft, as shown; of all of them, where there are several.
    pub fn digest(&self) -> PreviewDigest {
        self.digest
    }

    /// Fresh for each request: an answer to another one does not fit.
    pub fn nonce(&self) -> [u8; 16] {
        self.nonce
    }

    /// What may be granted, of whichever draft.
    pub fn offered(&self) -> CategorySet {
        self.reports.iter().flat_map(|asked| asked.offered.iter()).collect()
    }

    /// What of it is sent if the person leaves the choice as it is.
    pub fn preselected(&self) -> CategorySet {
        self.offered().and(CategorySet::preselected())
    }

    /// Bytes under `category` that may be granted, as [`Draft::size_of`] counts them.
    pub fn size_of(&self, category: Category) -> u64 {
        let offering = self.reports.iter().filter(|asked| asked.offered.contains(category));
        offering.map(|asked| asked.draft.size_of(category)).fold(0, u64::saturating_add)
    }

    /// The person's answer to this request.
    pub fn answered(&self, answer: Answer, remember: Option<Remember>) -> Decision {
        Decision::of_person(self.nonce, self.digest, answer, remember)
    }

    /// What a policy says to this request: only categories that were chosen somewhere by a person or an administrator.
    pub(super) fn decided_by(&self, by: ConsentSource, categories: CategorySet) -> Decision {
        let answer = Answer::Send { categories: categories.and(self.offered()), contact: None };
        self.answered(answer, None).said_by(by)
    }
}

#[cfg(test)]
mod tests {
    use report_format::ReportId;
    use report_format::schema::v1::{Actions, SectionKind};

    use super::*;
    use crate::consent::{ConsentError, Outcome, settle};

    fn draft(number: u8) -> Draft {
        let mut draft = Draft::new(ReportId([number; 16]), Product::default(), [2; 16], ErrorKind::Crash, 7);
        draft.push(SectionKind::Actions, Category::Actions, &Actions::default());
        draft
    }

    #[test]
    fn what_is_said_of_several_holds_for_each_as_far_as_it_was_offered_of_that() {
        let (first, second, other) = (draft(1), draft(2), draft(3));
        let notice = Notice::default();
        let actions = CategorySet::essential().with(Category::Actions);
        let request = Request::new(&first, &notice, CategorySet::essential()).unwrap().and(&second, actions);
        assert_eq!(request.offered(), actions);
        let answer = Answer::Send { categories: actions, contact: None };
        let granted = |draft, decision: &Decision| match settle(draft, &request, decision.clone()) {
            Ok(Outcome::Granted(grant)) => Ok((grant.categories(), grant.digest())),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        let decision = request.answered(answer.clone(), None);
        assert_eq!(granted(&first, &decision), Ok((CategorySet::essential(), first.digest())));
        assert_eq!(granted(&second, &decision), Ok((actions, second.digest())));
        assert!(matches!(granted(&other, &decision), Err(ConsentError::WrongDigest { .. })), "it was not shown");
        // To the first alone nobody has said anything.
        let alone = Decision::of_person(request.nonce(), first.digest(), answer, None);
        assert!(matches!(granted(&first, &alone), Err(ConsentError::WrongDigest { .. })));
        assert_eq!(settle(&second, &request, request.answered(Answer::Decline, None)), Ok(Outcome::Declined));
    }

    #[test]
    fn another_draft_makes_another_digest_and_so_does_another_order() {
        let (first, second, notice) = (draft(1), draft(2), Notice::default());
        let digest = |one, other| {
            let request = Request::new(one, &notice, CategorySet::all()).unwrap();
            [request.digest(), request.and(other, CategorySet::all()).digest()]
        };
        let ([one, both], [_, turned]) = (digest(&first, &second), digest(&second, &first));
        assert_eq!(one, first.digest());
        assert!(one != both && both != turned);
    }
}
