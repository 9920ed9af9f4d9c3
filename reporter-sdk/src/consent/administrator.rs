//! What the machine's administrator has laid down: for every product, and for one.
//!
//! The grades are those of Windows Error Reporting (its policy *Configure Default consent*), whose *parameters only* is our *basic*. Other than there,
//! nobody is asked for the rest where a grade sends a part by itself: it is not even collected.
//!
//! *Never* in either place wins, and both `never` lists hold. Otherwise what is said of the product goes before what is said of all.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod unsupported;
#[cfg(windows)]
mod windows;

use report_format::schema::v1::{Category, SoftError};
use serde::Deserialize;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(not(any(target_os = "linux", windows)))]
use unsupported as sys;
#[cfg(windows)]
use windows as sys;

use super::{CategorySet, category_name};

/// What the administrator says of sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdministratorConsent {
    /// The person decides.
    #[default]
    Ask,
    /// What went wrong and in which product is sent without asking, and nothing else.
    Basic,
    /// With it goes what tells of the machine and names nobody: operating system, programs, services, drivers and devices.
    Safe,
    /// All is sent without asking, but for what only a person can choose: an image of the desktop, full memory, what they type.
    Everything,
    /// Nothing is collected nor sent.
    Never,
}

impl AdministratorConsent {
    /// What may be sent without asking anybody; `None` where somebody is to be asked, or nothing may be sent.
    pub fn unasked(self) -> Option<CategorySet> {
        use Category::{Contact, Devices, FullMemory, InstalledSoftware, Processes, Screen, System};
        match self {
            AdministratorConsent::Ask | AdministratorConsent::Never => None,
            AdministratorConsent::Basic => Some(CategorySet::essential()),
            AdministratorConsent::Safe => Some([System, Processes, InstalledSoftware, Devices].into_iter().collect()),
            AdministratorConsent::Everything => {
                Some([Screen, FullMemory, Contact].into_iter().fold(CategorySet::all(), CategorySet::without))
            }
        }
    }
}

/// The administrator's policy for one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdministratorPolicy {
    /// Which grade.
    pub consent: AdministratorConsent,
    /// Categories that are never collected; essential cannot be among them, say *never* instead.
    pub never: CategorySet,
}

impl Default for AdministratorPolicy {
    fn default() -> Self {
        AdministratorPolicy { consent: AdministratorConsent::Ask, never: CategorySet::essential() }
    }
}

/// What is said in one place.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    consent: Option<AdministratorConsent>,
    #[serde(default)]
    never: Vec<String>,
}

impl Stated {
    /// What is said where it cannot be understood: somebody wanted to keep something in, and until it is clear what, nothing goes out.
    fn unclear() -> Self {
        Self { consent: Some(AdministratorConsent::Never), never: Vec::new() }
    }
}

/// What is said in both places.
#[derive(Debug, Default)]
struct Places {
    of_all: Stated,
    of_product: Stated,
}

impl AdministratorPolicy {
    /// Reads the machine's policy for a product: below `/etc/error-reporting`, or in the registry below `HKLM\Software\Policies\Error Reporting`. It never
    /// fails: what others than an administrator can write is no policy and is ignored, a policy that cannot be read or understood means *never*, and either is
    /// told as a soft error.
    pub fn read(vendor: &str, product: &str) -> (Self, Vec<SoftError>) {
        let mut soft_errors = Vec::new();
        let stated = sys::read(vendor, product, &mut soft_errors);
        (Self::of(stated, &mut soft_errors), soft_errors)
    }

    fn of(Places { of_all, of_product }: Places, soft_errors: &mut Vec<SoftError>) -> Self {
        let consents = [of_product.consent, of_all.consent];
        let consent = if consents.contains(&Some(AdministratorConsent::Never)) {
            AdministratorConsent::Never
        } else {
            consents.into_iter().flatten().next().unwrap_or_default()
        };
        let mut policy = AdministratorPolicy { consent, never: CategorySet::essential() };
        for name in of_all.never.iter().chain(&of_product.never) {
            match CategorySet::EVERY.into_iter().find(|category| category_name(*category) == *name) {
                Some(Category::Essential) | None => {
                    // Someone wanted to keep something in: until it is clear what, nothing goes out.
                    policy.consent = AdministratorConsent::Never;
                    let known: Vec<String> = CategorySet::EVERY.into_iter().skip(1).map(category_name).collect();
                    soft_errors.push(soft_error(format!(
                        "the administrator's policy says never = [{name:?}], which is none of {}; nothing is sent until it is mended",
                        known.join(", ")
                    )));
                }
                Some(category) => policy.never = policy.never.with(category),
            }
        }
        policy
    }
}

fn soft_error(message: String) -> SoftError {
    SoftError { subject: "consent.policy".into(), message }
}

#[cfg(test)]
mod template;
