//! Who has said what beforehand, and what follows from it.

use report_format::schema::v1::{ConsentSource, ErrorKind};

use super::{AdministratorConsent, AdministratorPolicy, CategorySet, Decision, Remember, Remembered, Request};
use crate::schema::{CategoryPolicy, KindPolicy, Policy};

/// What the product wants to be asked about: *ask* or *never*, per category and per kind of error. It cannot say *always*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductPolicy {
    never_categories: CategorySet,
    never_kinds: Vec<ErrorKind>,
}

impl Default for ProductPolicy {
    /// Asks about everything.
    fn default() -> Self {
        ProductPolicy { never_categories: CategorySet::essential(), never_kinds: Vec::new() }
    }
}

impl ProductPolicy {
    /// From the configuration that the product gave at its start. A policy that this version does not know counts as *never*.
    pub fn from_configuration(categories: &[CategoryPolicy], kinds: &[KindPolicy]) -> Self {
        let never = |policy: i32| !matches!(Policy::try_from(policy), Ok(Policy::Ask | Policy::Unspecified));
        ProductPolicy {
            never_categories: categories
                .iter()
                .filter(|entry| never(entry.policy))
                .map(CategoryPolicy::category)
                .collect(),
            never_kinds: kinds.iter().filter(|entry| never(entry.policy)).map(KindPolicy::kind).collect(),
        }
    }
}

/// Everything that was said before the error happened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    /// Of the product.
    pub product: ProductPolicy,
    /// Of the machine.
    pub administrator: AdministratorPolicy,
    /// Of the person, if something was remembered.
    pub remembered: Option<Remembered>,
}

/// Who said *never*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuser {
    /// The machine's administrator.
    Administrator,
    /// The product, for this kind of error.
    Product,
    /// The person, for ever or for this version.
    Person,
}

/// What the policies come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Nothing is collected, asked or sent.
    Never(Refuser),
    /// Sent without asking: what falls under these categories.
    Always {
        /// Who chose so: the administrator, or the person earlier.
        by: ConsentSource,
        /// What may be sent.
        categories: CategorySet,
    },
    /// The person is asked about these categories.
    Ask(CategorySet),
}

impl Resolution {
    /// The decision that a standing *always* makes; `None` where the person is to be asked, or nothing may be sent at all.
    pub fn decide(self, request: &Request<'_>) -> Option<Decision> {
        match self {
            Resolution::Always { by, categories } => Some(request.decided_by(by, categories)),
            Resolution::Ask(_) | Resolution::Never(_) => None,
        }
    }
}

impl Policies {
    /// What may be collected at all for this kind of error: nothing is read for a category that a policy rules out.
    pub fn allowed(&self) -> CategorySet {
        CategorySet::all().minus(self.product.never_categories).minus(self.administrator.never)
    }

    /// What follows for an error of this kind in this version of the product: first match wins.
    ///
    /// 1. *Never* of the administrator, of the product for the kind, of the person: it wins over whatever sends unasked.
    /// 2. A grade of the administrator's that sends unasked: what of it is allowed. In no grade there is an image of the desktop, full memory or a
    ///    contact, which are off until a person chooses them.
    /// 3. *Always* of the person: what was chosen then and is still allowed.
    /// 4. The person is asked about all that is allowed.
    pub fn resolve(&self, kind: ErrorKind, product_version: &str) -> Resolution {
        if self.administrator.consent == AdministratorConsent::Never {
            return Resolution::Never(Refuser::Administrator);
        }
        if self.product.never_kinds.contains(&kind) {
            return Resolution::Never(Refuser::Product);
        }
        let remembered = self.remembered.as_ref();
        let refused = remembered.is_some_and(|choice| match choice.remember {
            Remember::Always => false,
            Remember::Never => true,
            Remember::NeverForVersion => choice.product_version == product_version,
        });
        if refused {
            return Resolution::Never(Refuser::Person);
        }
        let allowed = self.allowed();
        if let Some(unasked) = self.administrator.consent.unasked() {
            return Resolution::Always { by: ConsentSource::Administrator, categories: unasked.and(allowed) };
        }
        match remembered {
            Some(choice) if choice.remember == Remember::Always => {
                Resolution::Always { by: ConsentSource::Remembered, categories: choice.categories.and(allowed) }
            }
            _ => Resolution::Ask(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use report_format::schema::v1::Category;

    use super::*;

    fn administrator() -> impl Strategy<Value = AdministratorPolicy> {
        use AdministratorConsent::{Ask, Basic, Everything, Never, Safe};
        (prop_oneof![Just(Ask), Just(Basic), Just(Safe), Just(Everything), Just(Never)], any::<u64>())
            .prop_map(|(consent, never)| AdministratorPolicy { consent, never: CategorySet::from_bits(never) })
    }

    fn remembered() -> impl Strategy<Value = Option<Remembered>> {
        use Remember::{Always, Never, NeverForVersion};
        let choice = (prop_oneof![Just(Always), Just(Never), Just(NeverForVersion)], "[12]", any::<u64>());
        proptest::option::of(choice.prop_map(|(remember, product_version, bits)| Remembered {
            remember,
            product_version,
            categories: CategorySet::from_bits(bits),
            time: 0,
        }))
    }

    fn policies() -> impl Strategy<Value = Policies> {
        (any::<u64>(), any::<bool>(), administrator(), remembered()).prop_map(
            |(never, kind, administrator, remembered)| {
                let never_kinds = if kind { vec![ErrorKind::Crash] } else { Vec::new() };
                let product = ProductPolicy { never_categories: CategorySet::from_bits(never), never_kinds };
                Policies { product, administrator, remembered }
            },
        )
    }

    proptest! {
        #[test]
        fn never_wins_whoever_says_it(policies in policies()) {
            let person_refuses = policies.remembered.as_ref().is_some_and(|choice| match choice.remember {
                Remember::Never => true,
                Remember::NeverForVersion => choice.product_version == "1",
                Remember::Always => false,
            });
            let refused = policies.administrator.consent == AdministratorConsent::Never
                || !policies.product.never_kinds.is_empty()
                || person_refuses;
            let resolution = policies.resolve(ErrorKind::Crash, "1");
            prop_assert_eq!(matches!(resolution, Resolution::Never(_)), refused);
            if let Resolution::Always { categories, .. } | Resolution::Ask(categories) = resolution {
                let never = policies.product.never_categories.or(policies.administrator.never);
                prop_assert_eq!(categories.and(never), CategorySet::essential());
            }
        }

        #[test]
        fn only_a_person_or_the_administrator_makes_it_always(policies in policies()) {
            match policies.resolve(ErrorKind::Crash, "1") {
                Resolution::Always { by: ConsentSource::Administrator, categories } => {
                    let unasked = policies.administrator.consent.unasked().expect("a grade that sends");
                    prop_assert!(categories.is_subset_of(unasked.and(policies.allowed())));
                    prop_assert!(!categories.contains(Category::Screen) && !categories.contains(Category::FullMemory));
                }
                Resolution::Always { by, categories } => {
                    prop_assert_eq!(by, ConsentSource::Remembered);
                    let choice = policies.remembered.expect("someone chose");
                    prop_assert_eq!(choice.remember, Remember::Always);
                    prop_assert!(categories.is_subset_of(choice.categories));
                }
                Resolution::Ask(_) | Resolution::Never(_) => {}
            }
        }

        #[test]
        fn a_product_alone_never_sends_unasked(categories in any::<u64>(), kind in -1i32..10) {
            let entry = |policy| CategoryPolicy { category: Category::Screen as i32, policy };
            let kinds = [KindPolicy { kind: ErrorKind::Crash as i32, policy: kind, dump: 0 }];
            let product = ProductPolicy::from_configuration(&[entry(categories as i32)], &kinds);
            let policies = Policies { product, ..Policies::default() };
            let resolution = policies.resolve(ErrorKind::Crash, "1");
            let unasked = matches!(resolution, Resolution::Always { .. });
            prop_assert!(!unasked);
        }
    }

    #[test]
    fn a_policy_of_a_later_version_counts_as_never() {
        let unknown = CategoryPolicy { category: Category::Screen as i32, policy: 77 };
        let kinds = [KindPolicy { kind: ErrorKind::Hang as i32, policy: 3, dump: 0 }];
        let policies =
            Policies { product: ProductPolicy::from_configuration(&[unknown], &kinds), ..Policies::default() };
        assert!(!policies.allowed().contains(Category::Screen));
        assert_eq!(policies.resolve(ErrorKind::Hang, "1"), Resolution::Never(Refuser::Product));
        assert!(matches!(policies.resolve(ErrorKind::Crash, "1"), Resolution::Ask(_)));
    }

    #[test]
    fn never_for_this_version_ends_with_the_version() {
        let choice = Remembered {
            remember: Remember::NeverForVersion,
            product_version: "3.1".into(),
            categories: CategorySet::essential(),
            time: 0,
        };
        let policies = Policies { remembered: Some(choice), ..Policies::default() };
        assert_eq!(policies.resolve(ErrorKind::Crash, "3.1"), Resolution::Never(Refuser::Person));
        assert!(matches!(policies.resolve(ErrorKind::Crash, "3.2"), Resolution::Ask(_)));
    }
}
