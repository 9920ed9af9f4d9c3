//! What the administrator and the person have laid down.

use report_format::schema::v1::{Category, SoftError};

use super::findings::{Finding, State};
use super::sys;
use crate::consent::{AdministratorConsent, AdministratorPolicy, CategorySet, Remember, category_name};
use crate::spool::Spool;

/// What is forced, and by whom. A policy that forbids reports is no failure: it is somebody's will, and explains why none come.
pub(super) fn look(administrator: AdministratorPolicy, troubles: &[SoftError], spool: Option<&Spool>) -> Finding {
    let AdministratorPolicy { consent, never } = administrator;
    let never = names(never);
    let remembered = spool.and_then(|spool| spool.remembered().ok().flatten()).map(|choice| choice.remember);
    let of_administrator = match consent {
        AdministratorConsent::Ask => "the person is asked",
        AdministratorConsent::Basic => "what went wrong and in which product is sent without asking, and nothing else",
        AdministratorConsent::Safe => "sent without asking, with what tells of the machine and names nobody",
        AdministratorConsent::Everything => "all is sent without asking, but for screen, full memory and contact",
        AdministratorConsent::Never => "nothing is collected nor sent",
    };
    let mut found = format!("{}: {of_administrator}", sys::POLICY_PLACE);
    if !never.is_empty() {
        found += &format!("; never: {}", never.join(", "));
    }
    found += match remembered {
        None => "; the person has chosen nothing for good",
        Some(Remember::Always) => "; the person has chosen always",
        Some(Remember::Never) => "; the person has chosen never",
        Some(Remember::NeverForVersion) => "; the person has chosen never, for one version of the product",
    };
    let told: Vec<&str> = troubles.iter().map(|trouble| trouble.message.as_str()).collect();
    if !told.is_empty() {
        found += &format!("; {}", told.join("; "));
    }
    let forbids = consent == AdministratorConsent::Never || remembered.is_some_and(|it| it != Remember::Always);
    let (state, advice) = if !told.is_empty() {
        (State::Warning, Some("have the administrator mend the policy"))
    } else if forbids {
        (State::Warning, Some("nothing: reports are not wanted here, and none are made"))
    } else {
        (State::Ok, None)
    };
    let mut finding = Finding::new("policy", state, found)
        .fact("place", sys::POLICY_PLACE)
        .fact("administrator", format!("{consent:?}").to_lowercase())
        .fact("never", never)
        .fact("person", remembered.map(person));
    finding.advice = advice.map(str::to_owned);
    finding
}

fn person(choice: Remember) -> &'static str {
    match choice {
        Remember::Always => "always",
        Remember::Never => "never",
        Remember::NeverForVersion => "never_for_version",
    }
}

/// Essential is in every set, and cannot be forbidden.
fn names(set: CategorySet) -> Vec<String> {
    set.iter().filter(|category| *category != Category::Essential).map(category_name).collect()
}
