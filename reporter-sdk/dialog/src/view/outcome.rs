//! What becomes of the report once the person has said what they want.

use std::time::Duration;

use reporter_sdk::dialog_session::Nothing;

use super::{button, saved, thousandths, with_product};
use crate::elements::{Control, Element, Kind, Weight};
use crate::model::{Model, Stage};
use crate::sizes::size;

pub(super) fn outcome(model: &Model) -> Vec<Element> {
    let get = |name| model.texts.get(name);
    let Words { title, text } = words(model);
    let (is_sending, progress, done) = progress(model);
    let why = match &model.stage {
        Stage::NotSent { why, .. } => why.clone(),
        _ => String::new(),
    };
    let is_sent = matches!(model.stage, Stage::Sent | Stage::NotSent { .. });
    let has_id = is_sent && !model.report.is_empty();
    let is_not_sent = matches!(model.stage, Stage::NotSent { .. });
    let save = button(Control::Save, get("save"), model.can_save(), Weight::Link);
    let can_be_taken_back = matches!(model.stage, Stage::Sending { .. } | Stage::NotSent { .. });
    let close = if is_sending { "close-sending" } else { "close" };
    let buttons = [
        (has_id, button(Control::CopyId, get("copy-id"), true, Weight::Plain)),
        (can_be_taken_back, button(Control::Withdraw, get("withdraw"), model.can_withdraw(), Weight::Plain)),
        (true, button(Control::Close, get(close), true, Weight::Suggested)),
    ];
    vec![
        Element::new(Kind::Title(get(title))),
        Element::new(Kind::Text(text)),
        Element::only_if(is_sending, Kind::Progress { label: progress, done }),
        Element::only_if(!why.is_empty(), Kind::Fact { name: get("not-sent-why"), text: why }),
        Element::only_if(has_id, Kind::Fact { name: get("report-id"), text: model.report.clone() }),
        // To be handed in by another way.
        Element { visible: is_not_sent, ..save },
        saved(model),
        Element::new(Kind::Row(buttons.map(|(visible, button)| Element { visible, ..button }).into())),
    ]
}

struct Words {
    title: &'static str,
    text: String,
}

fn words(model: &Model) -> Words {
    let (title, text) = match &model.stage {
        Stage::Collecting { .. } | Stage::Deciding | Stage::Sending { .. } => ("sending-title", "sending-text"),
        Stage::Sent => ("sent-title", "sent-text"),
        Stage::NotSent { again, .. } => return Words { title: "not-sent-title", text: tried_again(model, *again) },
        Stage::Nothing(Nothing::Failed) => ("nothing-title", "nothing-failed"),
        Stage::Nothing(Nothing::Lost) => ("nothing-title", "nothing-lost"),
        Stage::Nothing(Nothing::Known) => ("nothing-title", "nothing-known"),
        Stage::Nothing(Nothing::Withdrawn) => ("nothing-title", "nothing-withdrawn"),
    };
    Words { title, text: with_product(model, text) }
}

fn tried_again(model: &Model, again: Option<Duration>) -> String {
    match again {
        None => with_product(model, "again-start"),
        Some(again) if again < Duration::from_mins(1) => model.texts.get("again-soon"),
        Some(again) => {
            let minutes = again.as_secs().div_ceil(60).to_string();
            model.texts.with("again-minutes", &[("minutes", &minutes)])
        }
    }
}

/// Whether it is under way, and how far.
fn progress(model: &Model) -> (bool, String, Option<u16>) {
    let Stage::Sending { done, total } = model.stage else { return (false, String::new(), None) };
    let size = |bytes| size(&model.texts, bytes);
    let (far, all, speed) = (size(done), size(total), model.speed().map(size));
    let mut values = vec![("done", far.as_str()), ("total", all.as_str())];
    let mut message = "sending-progress";
    if let Some(speed) = &speed {
        message = "sending-speed";
        values.push(("speed", speed));
    }
    (true, model.texts.with(message, &values), (total > 0).then(|| thousandths(done, total)))
}
