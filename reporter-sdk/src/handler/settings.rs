//! What the product fixed at its start. All authority comes from here, none from shared memory.

use std::path::PathBuf;
use std::time::Duration;

use report_format::schema::v1::{self, ErrorKind};
use sha2::{Digest, Sha256};

use crate::consent::{Notice, ProductPolicy};
use crate::os_bytes::from_bytes;
use crate::schema::{Configuration, DumpPolicy, KindPolicy, Mail, Restart};
use crate::spool::{ReportLimits, Spool, SpoolLimits};

/// Of a product that does not say how long it waits.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// The configuration, checked.
pub(crate) struct Settings {
    pub(crate) product: v1::Product,
    pub(crate) product_id: [u8; 16],
    pub(crate) notice: Notice,
    pub(crate) policy: ProductPolicy,
    pub(crate) command_line: Vec<String>,
    /// `None` where there is no place for it.
    pub(crate) spool: Option<PathBuf>,
    pub(crate) mail: Option<Mail>,
    pub(crate) report_limits: ReportLimits,
    pub(crate) spool_limits: SpoolLimits,
    /// The most bytes that are read for an image of all memory; 0 for no limit.
    pub(crate) full_memory_limit: u64,
    pub(crate) hang_after_millis: u64,
    /// How long the product waits for us at most, by its own settings.
    pub(crate) longest_wait: Duration,
    pub(crate) restart: Option<Restart>,
    /// Crashes of forked children are reported.
    pub(crate) children: bool,
    /// Of stacks and memory near them only addresses are kept.
    pub(crate) sanitised_stacks: bool,
    /// The image of the desktop shows the product's windows and no others.
    pub(crate) own_windows_only: bool,
    /// What asks the person, where that is the product's own.
    pub(crate) dialog: Option<PathBuf>,
    pub(crate) branding: Option<PathBuf>,
    kinds: Vec<KindPolicy>,
}

impl Settings {
    pub(crate) fn new(configuration: Configuration) -> Self {
        let Configuration {
            product, product_id, spool_directory, categories, kinds, notice, mail, command_line, ..
        } = configuration;
        let Configuration { limits, hang_after_millis, restart, children, waits, .. } = configuration;
        let Configuration { sanitised_stacks, own_windows_only, dialog, branding, .. } = configuration;
        let longest = waits.map(|waits| waits.longest_millis).filter(|millis| *millis > 0);
        let longest_wait = longest.map_or(LONGEST_WAIT, |millis| Duration::from_millis(millis.into()));
        let limits = limits.unwrap_or_default();
        let product = product.unwrap_or_default();
        let policy = ProductPolicy::from_configuration(&categories, &kinds);
        let product_id = product_id.try_into().unwrap_or_else(|_| derived_id(&product));
        let given = PathBuf::from(from_bytes(spool_directory));
        let spool =
            if given.is_absolute() { Some(given) } else { Spool::default_directory(&product.vendor, &product.name) };
        Self {
            product,
            product_id,
            notice: notice.unwrap_or_default(),
            policy,
            command_line,
            spool,
            mail,
            report_limits: ReportLimits { per_signature: limits.per_signature, per_day: limits.per_day },
            spool_limits: SpoolLimits { drafts: limits.drafts, outgoing: limits.outgoing, bytes: limits.bytes },
            full_memory_limit: limits.full_memory,
            hang_after_millis,
            longest_wait,
            restart,
            children,
            sanitised_stacks,
            own_windows_only,
            dialog: (!dialog.is_empty()).then(|| PathBuf::from(from_bytes(dialog))),
            branding: (!branding.is_empty()).then(|| PathBuf::from(from_bytes(branding))),
            kinds,
        }
    }

    /// What is taken of the product's memory for an error of this kind.
    pub(crate) fn dump(&self, kind: ErrorKind) -> DumpPolicy {
        let chosen = self.kinds.iter().find(|k| k.kind() == kind).map_or(DumpPolicy::Unspecified, KindPolicy::dump);
        match (chosen, kind) {
            // There is no process, or it goes on and must not be held.
            (_, ErrorKind::Vanished) | (DumpPolicy::Unspecified, ErrorKind::HandledError) => DumpPolicy::None,
            (DumpPolicy::Unspecified, _) => DumpPolicy::Minidump,
            (chosen, _) => chosen,
        }
    }
}

/// A UUID, version 8 (RFC 9562), of SHA-256 over vendor and name.
fn derived_id(product: &v1::Product) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(product.vendor.as_bytes());
    hash.update([0]);
    hash.update(product.name.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(id).into_uuid().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_without_an_id_gets_the_same_one_always() {
        let product =
            |name: &str| v1::Product { vendor: "Example Software".into(), name: name.into(), ..Default::default() };
        let settings = |name: &str| Settings::new(Configuration { product: Some(product(name)), ..Default::default() });
        assert_eq!(settings("Ledger").product_id, settings("Ledger").product_id);
        assert_ne!(settings("Ledger").product_id, settings("Journal").product_id);
        assert_eq!(uuid::Uuid::from_bytes(settings("Ledger").product_id).get_version_num(), 8);
    }

    #[test]
    fn handled_errors_are_not_dumped_unless_chosen() {
        let kinds = vec![KindPolicy { kind: ErrorKind::Panic.into(), policy: 0, dump: DumpPolicy::FullMemory.into() }];
        let settings = Settings::new(Configuration { kinds, ..Default::default() });
        assert_eq!(settings.dump(ErrorKind::HandledError), DumpPolicy::None);
        assert_eq!(settings.dump(ErrorKind::Crash), DumpPolicy::Minidump);
        assert_eq!(settings.dump(ErrorKind::Panic), DumpPolicy::FullMemory);
    }
}
