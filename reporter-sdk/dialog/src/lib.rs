//! The dialog: what a person is shown about an error of a product, and what they answer.
//!
//! A process of its own, which the handler starts for a question ([`reporter_sdk::ConsentRequest`]). In layers that know only what stands before them:
//! [`texts`] in the person's language; [`model`], which holds what was asked and what was done so far, and makes an answer of it; [`view`], which says what the
//! window shows, control by control; and one of [`ui`], which draws that and tells the model what the person does. Nothing is decided in a `ui`: the tests drive the
//! model by [`ui::headless`] and see what a window would show.

pub mod branding;
pub mod elements;
pub mod model;
pub mod sizes;
pub mod texts;
pub mod ui;
pub mod view;
