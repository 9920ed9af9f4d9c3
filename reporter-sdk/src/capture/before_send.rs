//! The product's look at what it reports, before it is handed over.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use super::handled::HandledError;

/// What the hook is told beside the error: whatever the product gave to [`capture_error_with_hint`](crate::capture_error_with_hint).
pub type Hint<'a> = Option<&'a dyn Any>;

/// What becomes of an error that the hook has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is reported as it is now.
    Keep,
    /// Nothing is reported, and nobody is asked.
    Drop,
}

type Hook = dyn Fn(&mut HandledError, Hint<'_>) -> Verdict + Send + Sync;

/// The hook of the options.
#[derive(Clone)]
pub(crate) struct BeforeSend(Arc<Hook>);

thread_local! {
    static IN_HOOK: Cell<bool> = const { Cell::new(false) };
}

impl BeforeSend {
    pub(crate) fn new(hook: impl Fn(&mut HandledError, Hint<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    /// Lets the hook look at the error and change it.
    pub(super) fn judge(&self, error: &mut HandledError, hint: Hint<'_>) -> Verdict {
        // A hook that fails and reports it would be asked about that in turn, without an end. A thread that is ending has no flag any more, and no hook.
        if IN_HOOK.try_with(|inside| inside.replace(true)) != Ok(false) {
            return Verdict::Drop;
        }
        let judged = panic::catch_unwind(AssertUnwindSafe(|| (self.0)(error, hint)));
        IN_HOOK.with(|inside| inside.set(false));
        judged.unwrap_or_else(|payload| {
            // Dropping a payload runs code that may panic again, with nothing around it.
            std::mem::forget(payload);
            log::warn!("an error is not reported: the hook that was to look at it has panicked");
            Verdict::Drop
        })
    }
}

impl fmt::Debug for BeforeSend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeSend")
    }
}

#[cfg(test)]
mod tests {
    use report_format::schema::v1::ErrorLink;

    use super::*;

    fn error() -> HandledError {
        HandledError::new(vec![ErrorLink { message: "of Anna".into(), ..ErrorLink::default() }])
    }

    #[test]
    fn the_hook_changes_and_drops_by_what_it_is_told() {
        let hook = BeforeSend::new(|error, hint| {
            error.chain[0].message = "of (name)".into();
            if hint.is_some_and(|hint| hint.downcast_ref() == Some(&7_i32)) { Verdict::Drop } else { Verdict::Keep }
        });
        let mut seen = error();
        assert_eq!(hook.judge(&mut seen, None), Verdict::Keep);
        assert_eq!(seen.chain[0].message, "of (name)");
        assert_eq!(hook.judge(&mut seen, Some(&8)), Verdict::Keep);
        assert_eq!(hook.judge(&mut seen, Some(&7)), Verdict::Drop);
    }

    #[test]
    fn a_hook_that_panics_has_dropped_the_error_and_is_called_for_the_next() {
        let hook = BeforeSend::new(|error, _| if error.chain.is_empty() { Verdict::Keep } else { panic!("as told") });
        assert_eq!(hook.judge(&mut error(), None), Verdict::Drop);
        assert_eq!(hook.judge(&mut HandledError::new(Vec::new()), None), Verdict::Keep);
    }

    #[test]
    fn what_a_hook_captures_itself_is_dropped() {
        let inner = BeforeSend::new(|_, _| Verdict::Keep);
        let outer = BeforeSend::new(move |_, _| {
            assert_eq!(inner.judge(&mut error(), None), Verdict::Drop);
            Verdict::Keep
        });
        assert_eq!(outer.judge(&mut error(), None), Verdict::Keep);
    }
}
